//! The scoring role: loads the models, works the queue, goes over to other models when those are asked for, and starts over when a model
//! or the database is back.
//!
//! A model that is missing or refused keeps no other from scoring: images wait for it, and lose no try. Where none runs, no job is
//! claimed.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Role, Settings},
    decode::Decoders,
    jobs,
    objects::Objects,
    pipeline::{Pipeline, Trouble},
    score::{EngineSettings, Model, Runtime},
    serving::{self, Loaded, Refusals, Served, ServingError},
    store::components::{self, Condition},
};

/// How long the scorer waits before it tries again to load what it could not load.
const RETRY: Duration = Duration::from_secs(5);

/// How often the scorer says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A model that did not load is tried again, beside the others, after so many heartbeats: a minute.
const AGAIN: u32 = 6;

/// Why other models could not be opened at the last look; none where they could, or nothing was to be done.
type Hindrance = watch::Sender<Option<String>>;

/// What it says of itself until its models are open: that takes seconds, and there is nothing to be done about it.
pub const OPENING: &str = "the models are being opened";

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
        let (mut open, mut known) = (Vec::new(), None);
        while !stop.is_cancelled() {
            let told = known.as_deref().unwrap_or(OPENING);
            let scored = Box::pin(self.score(&mut open, told, &stop)).await;
            let problem = scored.err().map(|error| format!("{error:#}"));
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

    /// Scores to the first trouble, or to the end. `open` are the models that need not be opened: trouble leaves those there that it does
    /// not come from. While the others are opened, `told` is said to stand in the way.
    async fn score(
        &self,
        open: &mut Vec<Arc<Model>>,
        told: &str,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let mut loaded = tokio::select! {
            loaded = serving::load(&self.pool, &self.settings, open) => loaded?,
            () = self.keep_saying(told) => return Ok(()),
            () = stop.cancelled() => return Ok(()),
        };
        loop {
            let trouble = Trouble::within(stop);
            // Boxed, as its caller is: it holds what opening models takes, beside what running them does.
            let worked = Box::pin(self.work(&loaded, &trouble)).await;
            let latest = worked.as_ref().ok().and_then(Option::as_ref);
            *open = sound(latest.unwrap_or(&loaded), &trouble);
            if let Some(reason) = trouble.reason() {
                anyhow::bail!("{reason}");
            }
            match worked? {
                Some(next) => loaded = next,
                None => return Ok(()),
            }
        }
    }

    /// Says what stands in its way, for as long as it is asked to.
    async fn keep_saying(&self, problem: &str) {
        loop {
            self.report(Condition { problem: Some(problem.to_owned()), ..Condition::default() }).await;
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    /// One span of work with the same models: to the first trouble, to the end, or until others are to be run. Those are the answer,
    /// opened beside the work.
    async fn work(&self, loaded: &Loaded, trouble: &Trouble) -> anyhow::Result<Option<Loaded>> {
        let stopped = trouble.stopped();
        let pipeline = self.pipeline(loaded.models.clone(), trouble.clone());
        let ids = pipeline.model_ids();
        let worker = jobs::worker(pipeline, &self.settings, stopped.clone()).await?;
        let hindrance = watch::Sender::new(None);
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
            let next = stopped.run_until_cancelled(self.next(loaded, trouble, &hindrance)).await;
            stopped.cancel();
            next
        };
        let (ended, next, ..) = tokio::join!(
            working,
            looking,
            stopped.run_until_cancelled(reconciling),
            stopped.run_until_cancelled(self.keep_telling(loaded, trouble, &hindrance)),
        );
        ended?;
        Ok(next)
    }

    /// Says that it is alive, and how it fares, for as long as it is asked to.
    async fn keep_telling(&self, loaded: &Loaded, trouble: &Trouble, hindrance: &Hindrance) {
        if let Ok(refusals) = loaded.refusals(&self.pool).await {
            for problem in refusals.urgent {
                tracing::error!(%problem, "a model whose scores the pages show does not run: images wait for it");
            }
            for problem in refusals.lesser {
                tracing::error!(%problem, "a model that is kept up does not run; the others do");
            }
        }
        loop {
            let hindrance = hindrance.borrow().clone();
            let others = trouble.aside().into_iter().chain(hindrance).collect();
            // A database that is away is noticed by whoever reads.
            if let Ok(refusals) = loaded.refusals(&self.pool).await {
                self.report(self.condition(&refusals, others)).await;
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    /// Waits for models that are to be run in place of the present ones, which go on until those are open. What keeps them from being
    /// opened is told as a `hindrance`, and tried again at each look.
    async fn next(&self, loaded: &Loaded, trouble: &Trouble, hindrance: &Hindrance) -> Loaded {
        let mut looks = 0_u32;
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            looks += 1;
            let is_due = looks.is_multiple_of(AGAIN) || hindrance.borrow().is_some();
            let hinders = match self.look(loaded, trouble, is_due).await {
                Ok(Some(next)) => return next,
                Ok(None) => None,
                Err(error) => Some(format!("the models that run go on; others could not be opened: {error}")),
            };
            hindrance.send_replace(hinders);
        }
    }

    /// The models that are to be run from now on, those that go on as they are and the others opened, where others are asked for, one
    /// that did not load would, or, when that `is_due`, one that was set aside is tried again.
    async fn look(
        &self,
        loaded: &Loaded,
        trouble: &Trouble,
        is_due: bool,
    ) -> Result<Option<Loaded>, ServingError> {
        // What the pages wait for is looked for each time.
        let is_sought = is_due || !loaded.refusals(&self.pool).await?.urgent.is_empty();
        let back = if is_sought { loaded.one_that_is_back(&self.settings).await } else { None };
        let is_tried = is_due && !trouble.aside().is_empty();
        if back.is_none() && !is_tried && loaded.is_wanted(&self.pool).await? {
            return Ok(None);
        }
        tracing::info!("other models are to be run from now on, or some are tried again: they are opened");
        let mut open = sound(loaded, trouble);
        open.extend(back);
        serving::load(&self.pool, &self.settings, &open).await.map(Some)
    }

    /// How it fares while some models run. For the pages nothing is scored where one that they show is lacking.
    fn condition(&self, refusals: &Refusals<'_>, others: Vec<String>) -> Condition {
        let first = |errors: &[&ServingError]| errors.first().map(ToString::to_string);
        let lesser: Vec<String> = first(&refusals.lesser).into_iter().chain(others).collect();
        Condition {
            problem: first(&refusals.urgent),
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

/// The models that run, without those that were set aside.
fn sound(loaded: &Loaded, trouble: &Trouble) -> Vec<Arc<Model>> {
    let running = loaded.models.iter().filter(|served| !trouble.is_aside(served.id));
    running.map(|served| Arc::clone(&served.model)).collect()
}
