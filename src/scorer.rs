//! The scoring role: loads the models, works the queue, and starts over when a model or the database is back.
//!
//! A model that is missing or refused keeps no other from scoring: images wait for it, and lose no try. Where none runs, no job is
//! claimed.

use std::{collections::BTreeSet, mem, sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Role, Settings},
    decode::Decoders,
    domain::{GenerationId, ModelId},
    jobs,
    objects::Objects,
    pipeline::{Pipeline, Trouble},
    score::{EngineSettings, Runtime},
    serving::{self, Loaded, Served, ServingError},
    store::{
        components::{self, Condition},
        generations,
    },
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
        let mut known = None;
        while !stop.is_cancelled() {
            let problem = self.work(&stop).await.err().map(|error| format!("{error:#}"));
            if let Some(now) = &problem
                && problem != known
            {
                tracing::error!(problem = now, "scoring stands still");
            }
            self.report(Condition { problem: problem.clone(), ..Condition::default() }).await;
            known = problem;
            tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(RETRY) => {} }
        }
    }

    /// One span of work: from loading the models to the first trouble, or to the end.
    async fn work(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let trouble = Trouble::within(stop);
        // Asked before the models load: what is opened meanwhile is noticed at the next look.
        let kept = self.kept().await.unwrap_or_default();
        let mut loaded = serving::load(&self.pool, &self.settings).await?;
        let kept = if kept.is_empty() { self.kept().await.unwrap_or_default() } else { kept };
        let pipeline = self.pipeline(mem::take(&mut loaded.models), trouble.clone());
        let ids = pipeline.model_ids();
        let worker = jobs::worker(pipeline, &self.settings, trouble.stopped()).await?;
        // Beside the worker: opening a generation takes a while, and new arrivals do not wait for it.
        let reconciling = async {
            if let Err(error) = jobs::reconcile(&self.pool, &ids).await {
                trouble.report(&error);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = worker.run() => ended?,
            () = reconciling => {}
            () = self.keep_an_eye(&kept, &loaded, &trouble) => {}
        }
        match trouble.reason() {
            Some(reason) => anyhow::bail!("{reason}"),
            None => Ok(()),
        }
    }

    /// Says that it is alive, until other models are to be run, one that did not load would, or one that was set aside is tried again.
    async fn keep_an_eye(&self, kept: &BTreeSet<ModelId>, loaded: &Loaded, trouble: &Trouble) {
        for problem in &loaded.urgent {
            tracing::error!(%problem, "a model whose scores the pages show does not run: images wait for it");
        }
        for problem in &loaded.problems {
            tracing::error!(%problem, "a model that is kept up does not run; the others do");
        }
        let shown = self.shown().await;
        for looks in 1_u32.. {
            let aside = trouble.aside();
            self.report(self.condition(loaded, &aside)).await;
            tokio::time::sleep(HEARTBEAT).await;
            let is_due = looks.is_multiple_of(AGAIN);
            // What the pages wait for is looked for each time.
            let is_sought = !loaded.missing.is_empty() && (is_due || !loaded.urgent.is_empty());
            if (is_due && !aside.is_empty())
                || (is_sought && serving::one_is_back(&self.settings, &loaded.missing).await)
                || self.kept().await.is_some_and(|now| now != *kept)
                // What the pages waited for they may do without by now.
                || (!loaded.urgent.is_empty() && self.shown().await.is_some_and(|now| Some(now) != shown))
            {
                tracing::info!("other models are to be run from now on, or some are tried again");
                trouble.stopped().cancel();
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

    /// The models that are to be run; none while the database is away.
    async fn kept(&self) -> Option<BTreeSet<ModelId>> {
        let models = generations::models(&mut *self.pool.acquire().await.ok()?).await.ok()?;
        Some(models.into_iter().collect())
    }

    /// The pair that the pages show; none while the database is away.
    async fn shown(&self) -> Option<GenerationId> {
        let shown = generations::active(&mut *self.pool.acquire().await.ok()?).await.ok()?;
        shown.map(|shown| shown.id)
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
