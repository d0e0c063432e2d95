//! What the lists of the Jobs page show, row by row.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    gallery::words,
    store::{
        arrivals::Unscorable,
        components::Report,
        queue::{Job, Kind, Worker},
        scorings::Open,
    },
    web::Site,
};

/// A worker that was silent for so long gives no sign of life: several times the interval of its heartbeat.
const SILENT: TimeDelta = TimeDelta::seconds(45);

/// A process that reported nothing for so long is gone: its reports come every few seconds.
const GONE: TimeDelta = TimeDelta::minutes(1);

/// The jobs of one kind, in a row.
pub(super) struct KindRow {
    pub(super) name: String,
    pub(super) waiting: String,
    pub(super) later: String,
    pub(super) running: String,
    pub(super) failed: String,
}

impl KindRow {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            name: task_in_words(kind.task),
            waiting: words::count(kind.waiting),
            later: words::count(kind.later),
            running: words::count(kind.running),
            failed: words::count(kind.failed),
        }
    }
}

/// How far a model is, in a row.
pub(super) struct ModelRow {
    pub(super) name: String,
    pub(super) task: String,
    pub(super) waiting: String,
    pub(super) failed: String,
}

impl ModelRow {
    /// Its images wait for as long as it is held unless `is_run`.
    pub(super) fn new(open: &Open, name: String, is_run: bool) -> Self {
        let waiting = words::count(open.waiting);
        Self {
            name,
            task: open.task.clone(),
            waiting: if is_run { waiting } else { format!("{waiting}, held") },
            failed: words::count(open.failed),
        }
    }
}

/// A worker, in a row.
pub(super) struct WorkerRow {
    pub(super) id: String,
    pub(super) started: String,
    pub(super) heard: String,
    pub(super) held: String,
    pub(super) is_silent: bool,
}

impl WorkerRow {
    pub(super) fn new(worker: Worker, now: DateTime<Utc>) -> Self {
        Self {
            id: worker.id,
            started: words::ago(now, worker.started_at),
            heard: words::ago(now, worker.last_heartbeat_at),
            held: words::count(worker.held),
            is_silent: now - worker.last_heartbeat_at > SILENT,
        }
    }

    /// As much of its identifier as tells it from the others.
    pub(super) fn short_id(&self) -> String {
        let end = self.id.chars().count().saturating_sub(8);
        self.id.chars().skip(end).collect()
    }
}

/// What a process does, in a row.
pub(super) struct ProcessRow {
    pub(super) role: String,
    pub(super) process: String,
    pub(super) heard: String,
    pub(super) problem: String,
    pub(super) is_gone: bool,
}

impl ProcessRow {
    pub(super) fn new(report: Report, now: DateTime<Utc>) -> Self {
        Self {
            role: report.role,
            process: report.process,
            heard: words::ago(now, report.seen_at),
            problem: report.problem.or(report.warning).unwrap_or_default(),
            is_gone: now - report.seen_at > GONE,
        }
    }
}

/// An image that a model gave up on, in a row.
pub(super) struct RefusedRow {
    pub(super) page: String,
    pub(super) filename: String,
    pub(super) model: String,
    pub(super) reason: String,
    pub(super) when: String,
}

impl RefusedRow {
    pub(super) fn new(site: &Site, image: Unscorable, now: DateTime<Utc>) -> Self {
        Self {
            page: site.url(&format!("/images/{}", image.image_id)),
            filename: image.filename,
            model: image.model,
            reason: image.reason,
            when: words::ago(now, image.updated_at),
        }
    }
}

/// A job, in a row.
pub(super) struct JobRow {
    pub(super) name: String,
    pub(super) page: Option<String>,
    pub(super) filename: String,
    pub(super) attempts: i16,
    pub(super) error: String,
    pub(super) since: String,
}

impl JobRow {
    pub(super) fn new(site: &Site, job: Job, now: DateTime<Utc>) -> Self {
        Self {
            name: task_in_words(job.task),
            page: job.image_id.map(|id| site.url(&format!("/images/{id}"))),
            filename: job.filename.unwrap_or_else(|| "an image without a file".to_owned()),
            attempts: job.attempts,
            error: job.last_error.unwrap_or_default(),
            since: words::ago(now, job.since),
        }
    }
}

fn task_in_words(task: String) -> String {
    match &*task {
        "score_image" => "Score an image".to_owned(),
        "reconcile" => "Look for images without a job".to_owned(),
        "refill" => "Queue more of a long re-score".to_owned(),
        _ => task,
    }
}
