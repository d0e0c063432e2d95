//! The scoring role: loads the models, works the queue, goes over to other models when those are asked for, and starts over when a model
//! or the database is back.
//!
//! A model that is missing or refused keeps no other from scoring: images wait for it, and lose no try. Where none runs, no job is
//! claimed.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Role, Settings},
    decode::Decoders,
    jobs,
    objects::Objects,
    pipeline::{Pipeline, Trouble},
    score::{EngineSettings, Runtime},
    serving::{self, Loaded, Served, ServingError, Wanted},
    store::components::{self, Condition},
};

/// How long the scorer waits before it tries again to load what it could not load.
const RETRY: Duration = Duration::from_secs(5);

/// How often the scorer says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A model that did not load is tried again, beside the others, after so many heartbeats: a minute.
const AGAIN: u32 = 6;

/// What the scoring role works with.
#[derive(Clone, Debug)]
pub struct Scorer {
    /// The database.
    pub pool: PgPool,
    /// Renditions and stored originals.
    pub objects: Objects,
    /// The decoders of this process.
    pub decoders: Decoders,
    /// The service's settings.
    pub settings: Arc<Settings>,
}

impl Scorer {
    /// Scores until `stop` is cancelled, whatever happens to the models or the database meanwhile.
    pub async fn run(self, stop: CancellationToken) {
        let (mut next, mut known) = (None, None);
        while !stop.is_cancelled() {
            // Boxed: it holds what opening models takes, beside what running them does.
            let problem = match Box::pin(self.work(next.take(), &stop)).await {
                Ok(opened) => {
                    next = opened;
                    None
                }
                Err(error) => Some(format!("{error:#}")),
            };
            if let Some(now) = &problem {
                if problem != known {
                    tracing::error!(problem = now, "scoring stands still");
                }
                self.report(Condition { problem: problem.clone(), ..Condition::default() }).await;
                tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(RETRY) => {} }
            }
            known = problem;
        }
    }

    /// One span of work with the same models: to the first trouble, to the end, or until others are to be run. Those are the answer,
    /// opened beside the work; without `loaded` models are opened first.
    async fn work(&self, loaded: Option<Loaded>, stop: &CancellationToken) -> anyhow::Result<Option<Loaded>> {
        let loaded = match loaded {
            Some(loaded) => loaded,
            None => serving::load(&self.pool, &self.settings, &[]).await?,
        };
        let trouble = Trouble::within(stop);
        let stopped = trouble.stopped();
        let pipeline = self.pipeline(loaded.models.clone(), trouble.clone());
        let ids = pipeline.model_ids();
        let worker = jobs::worker(pipeline, &self.settings, stopped.clone()).await?;
        let working = async {
            let ended = worker.run().await;
            stopped.cancel();
            ended
        };
        // Beside the worker: opening a generation takes a while, and new arrivals do not wait for it.
        let reconciling = async {
            if let Err(error) = jobs::reconcile(&self.pool, &ids).await {
                trouble.report(&error);
            }
        };
        let looking = async {
            let next = stopped.run_until_cancelled(self.next(&loaded, &trouble)).await;
            stopped.cancel();
            next.transpose()
        };
        let (ended, next, ..) = tokio::join!(
            working,
            looking,
            stopped.run_until_cancelled(reconciling),
            stopped.run_until_cancelled(self.keep_telling(&loaded, &trouble)),
        );
        ended?;
        match trouble.reason() {
            Some(reason) => anyhow::bail!("{reason}"),
            None => Ok(next?),
        }
    }

    /// Says that it is alive, and how it fares, for as long as it is asked to.
    async fn keep_telling(&self, loaded: &Loaded, trouble: &Trouble) {
        for problem in &loaded.urgent {
            tracing::error!(%problem, "a model whose scores the pages show does not run: images wait for it");
        }
        for problem in &loaded.problems {
            tracing::error!(%problem, "a model that is kept up does not run; the others do");
        }
        loop {
            self.report(self.condition(loaded, &trouble.aside())).await;
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    /// Waits until other models are to be run, one that did not load would, or one that was set aside is tried again. The models that
    /// are to be run then: those that go on as they are, the others opened.
    async fn next(&self, loaded: &Loaded, trouble: &Trouble) -> Result<Loaded, ServingError> {
        let mut looks = 0_u32;
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            looks += 1;
            let is_due = looks.is_multiple_of(AGAIN);
            // What the pages wait for is looked for each time.
            let is_sought = !loaded.missing.is_empty() && (is_due || !loaded.urgent.is_empty());
            if !((is_due && !trouble.aside().is_empty())
                || Wanted::now(&self.pool).await.is_ok_and(|now| now != loaded.wanted)
                || (is_sought && serving::one_is_back(&self.settings, &loaded.missing).await))
            {
                continue;
            }
            tracing::info!(
                "other models are to be run from now on, or some are tried again: they are opened"
            );
            let is_sound = |served: &&Served| !trouble.is_aside(served.id);
            let running: Vec<Served> = loaded.models.iter().filter(is_sound).cloned().collect();
            match serving::load(&self.pool, &self.settings, &running).await {
                // It says nothing about the models: the present ones go on until it answers.
                Err(ServingError::Database(_)) => {}
                opened => return opened,
            }
        }
    }

    /// How it fares while some models run. For the pages nothing is scored where one that they show is lacking.
    fn condition(&self, loaded: &Loaded, aside: &[String]) -> Condition {
        let sentence = |error: &ServingError| format!("{error:#}");
        let lesser: Vec<String> =
            loaded.problems.iter().take(1).map(sentence).chain(aside.iter().cloned()).collect();
        Condition {
            problem: loaded.urgent.first().map(sentence),
            warning: (!lesser.is_empty()).then(|| lesser.join(". ")),
            engine: self.engine(),
        }
    }

    /// A pipeline of these models; `trouble` hears of it when the service fails.
    pub fn pipeline(&self, models: Vec<Served>, trouble: Trouble) -> Pipeline {
        Pipeline {
            pool: self.pool.clone(),
            objects: self.objects.clone(),
            models: models.into(),
            decoders: self.decoders.clone(),
            trouble,
        }
    }

    async fn report(&self, condition: Condition) {
        // A database that is away is noticed by whoever reads; there is nowhere else to write it.
        let _ = components::report(&self.pool, Role::Score, &condition).await;
    }

    /// What the networks are computed with, for people; none while the library does not load.
    fn engine(&self) -> Option<String> {
        let runtime = Runtime::load(&self.settings.libraries()).ok()?;
        let EngineSettings { threads, intra_threads, max_batch, .. } = self.settings.engine();
        let provider = runtime.provider();
        Some(format!(
            "ONNX Runtime, {provider}; of each network {threads} copies with {intra_threads} threads, batches of up to {max_batch}"
        ))
    }
}
