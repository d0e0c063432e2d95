//! Jobs: what waits, what runs, what was given up, how fast it goes, and who works on it.

mod rows;

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;

use self::rows::{JobRow, KindRow, ModelRow, ProcessRow, RefusedRow, WorkerRow};
use super::{
    frame::{Frame, Place},
    html, pace, words,
};
use crate::{
    config,
    domain::ModelId,
    jobs,
    store::{
        arrivals, components, events, generations,
        ledger::{self, Pace},
        model_names, queue,
        scorings::{self, Open},
        viewpoint,
    },
    web::{
        Site,
        account::{Account, Caller},
        error::WebError,
        query::Query,
    },
};

/// Jobs in each list.
const ROWS: i64 = 20;

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Page {
    frame: Frame,
    progress: String,
    problems: Vec<String>,
    notice: Option<&'static str>,
    kinds: Vec<KindRow>,
    models: Vec<ModelRow>,
    workers: Vec<WorkerRow>,
    processes: Vec<ProcessRow>,
    refused: Vec<RefusedRow>,
    running: Vec<JobRow>,
    given_up: Vec<JobRow>,
    can_retry: bool,
}

/// `GET /jobs`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let now = site.clock.now();
    let view = viewpoint::active(&mut conn).await?;
    let scoring = Scoring::of(&mut conn, now).await?;
    let kinds = queue::kinds(&mut conn).await?;
    let given_up = queue::given_up(&mut conn, ROWS).await?;
    let refused = match &view {
        Some(view) => arrivals::unscorable(&mut conn, view, "", ROWS).await?,
        None => vec![],
    };
    let processes = components::latest(&mut conn, ROWS).await?;
    let row = |job| JobRow::new(&site, job, now);
    html(&Page {
        frame: Frame::of(&site, &account, Place::Jobs, view.as_ref()),
        progress: scoring.progress,
        problems: problems(components::problems(&mut *conn, config::Role::Score).await?),
        notice: notice(parameters.done.as_deref()),
        can_retry: !given_up.is_empty() || scoring.has_failed,
        kinds: kinds.into_iter().map(KindRow::new).collect(),
        models: scoring.models,
        workers: queue::workers(&mut conn)
            .await?
            .into_iter()
            .map(|worker| WorkerRow::new(worker, now))
            .collect(),
        processes: processes.into_iter().map(|report| ProcessRow::new(report, now)).collect(),
        refused: refused.into_iter().map(|image| RefusedRow::new(&site, image, now)).collect(),
        running: queue::running(&mut conn, ROWS).await?.into_iter().map(row).collect(),
        given_up: given_up.into_iter().map(row).collect(),
    })
}

/// How far the models are, all together and each.
struct Scoring {
    progress: String,
    models: Vec<ModelRow>,
    has_failed: bool,
}

impl Scoring {
    async fn of(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Self> {
        let running = generations::models(&mut *conn).await?;
        let open = scorings::open_by_model(&mut *conn).await?;
        let names = model_names::of(&mut *conn, open.iter().map(|open| open.model)).await?;
        let is_run = |open: &&Open| running.contains(&open.model);
        // All is done when the model is that most images wait for. Of several the newest one has scored whatever the others have.
        let last = open.iter().filter(is_run).max_by_key(|open| (open.waiting, open.model.0));
        let pace = match last {
            Some(last) => ledger::pace(conn, &[last.model], now - pace::OVER).await?,
            None => None,
        };
        let row = |open| ModelRow::new(open, names[&open.model].clone(), is_run(&open));
        Ok(Self {
            progress: progress(last.map_or(0, |last| last.waiting), pace) + &held(&open, &running),
            models: open.iter().map(row).collect(),
            has_failed: open.iter().any(|open| open.failed > 0),
        })
    }
}

/// `POST /jobs/retry`: whatever a model or the queue gave up is tried again.
///
/// # Errors
/// See [`WebError`].
pub async fn retry(site: Data<Site>, caller: Caller) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let retried = scorings::retry_failed(&mut tx).await?;
    let models = generations::models(&mut tx).await?;
    if retried > 0 {
        events::record(&mut tx, caller.annotator, "jobs.retry", None).await?;
    }
    tx.commit().await?;
    // Should this fail, the reconciler does the same within a minute.
    let added = jobs::reconcile(&site.pool, &models).await?;
    let done = if retried > 0 || added > 0 { "retry" } else { "nothing" };
    Ok(site.see_other(&format!("/jobs?done={done}")))
}

fn notice(done: Option<&str>) -> Option<&'static str> {
    match done? {
        "retry" => Some("What was given up waits to be tried again."),
        "nothing" => Some("Nothing was given up: there is nothing to try again."),
        _ => None,
    }
}

/// What stands in the way of scoring; none heard of means that nobody scores.
fn problems(heard: Option<Vec<String>>) -> Vec<String> {
    heard.unwrap_or_else(|| {
        vec![
            "No process with the role “score” is running. Start one with `chronograde serve --roles score`."
                .to_owned(),
        ]
    })
}

/// How many images wait for models that are held.
fn held(open: &[Open], running: &[ModelId]) -> String {
    let held = open.iter().filter(|open| !running.contains(&open.model)).map(|open| open.waiting).max();
    held.filter(|waiting| *waiting > 0).map_or_else(String::new, |waiting| {
        format!(" {} for models that are held.", words::counted(waiting, "image waits", "images wait"))
    })
}

/// How many images wait, how fast they are scored, and how long it will take.
fn progress(waiting: i64, pace: Option<Pace>) -> String {
    let Some(pace) = pace else {
        let words = if waiting == 0 {
            "No image waits".to_owned()
        } else {
            words::counted(waiting, "image waits", "images wait")
        };
        return format!("{words} to be scored. None was scored within the last minute.");
    };
    let rate = pace::per_second(pace).map_or_else(String::new, |rate| format!(", {rate} per second"));
    let scored = format!(
        "{} scored within the last minute{rate}",
        words::counted(pace.scored, "image was", "images were")
    );
    if waiting == 0 {
        return format!("No image waits to be scored. {scored}.");
    }
    let left = pace::left(pace, waiting).map_or_else(String::new, |left| format!(": {left}"));
    format!("{} to be scored. {scored}{left}.", words::counted(waiting, "image waits", "images wait"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_tells_rate_and_time_left_where_they_are_known() {
        assert_eq!(progress(3, None), "3 images wait to be scored. None was scored within the last minute.");
        let pace = Some(Pace { scored: 100, busy_ms: 40_000 });
        assert_eq!(
            progress(1_000, pace),
            "1,000 images wait to be scored. 100 images were scored within the last minute, 2.5 per second: about 7 minutes left."
        );
        assert_eq!(
            progress(0, pace),
            "No image waits to be scored. 100 images were scored within the last minute, 2.5 per second."
        );
        let slow = Some(Pace { scored: 1, busy_ms: 30_000 });
        assert_eq!(
            progress(2, slow),
            "2 images wait to be scored. 1 image was scored within the last minute: about 60 seconds left."
        );
    }
}
