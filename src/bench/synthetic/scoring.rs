//! What scoring does to the machine while pages are asked for.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::writes;
use crate::{
    bench::{
        BenchError,
        bare::{Bare, Tensors},
        figures::per_second,
        pictures::Pictures,
        sandbox::Sandbox,
    },
    config::Settings,
    score::Engine,
};

/// The engines of the default models, with pictures to run them on. They are opened once, as the service opens them.
#[derive(Clone)]
pub(in crate::bench) struct Networks {
    engines: Arc<Vec<(Engine, Tensors)>>,
    /// Images that are scored at once.
    in_hand: usize,
}

impl Networks {
    /// The networks that `settings` serve, on the pictures of a folder. Blocks until they are open.
    pub(in crate::bench) fn open(settings: &Settings, images: &Path) -> Result<Self, BenchError> {
        let bare = Bare::of(settings)?;
        let pictures = Pictures::find(images, &settings.limits(), bare.need())?;
        let tensors = bare.tensors(&pictures)?;
        let engines = bare.engines()?.into_iter().zip(tensors).collect();
        Ok(Self { engines: Arc::new(engines), in_hand: settings.score_jobs.get() })
    }

    /// Keeps them busy until it is stopped; images per second through all of them.
    async fn run(self, stop: CancellationToken) -> Result<f64, BenchError> {
        let started = Instant::now();
        let images = try_join_all((0..self.in_hand).map(|first| self.feed(first, &stop))).await?;
        Ok(per_second(images.into_iter().sum(), started.elapsed().as_secs_f64()))
    }

    /// Has one image after the other scored by all networks at once, as a job does; how many it was.
    async fn feed(&self, first: usize, stop: &CancellationToken) -> Result<usize, BenchError> {
        let mut images = 0;
        while !stop.is_cancelled() {
            let tensor = |tensors: &Tensors| tensors[(first + images) % tensors.len()].clone();
            try_join_all(self.engines.iter().map(|(engine, tensors)| engine.score(tensor(tensors)))).await?;
            images += 1;
        }
        Ok(images)
    }

    /// Images per second while nothing else happens.
    pub(in crate::bench) async fn alone(&self, time: Duration) -> Result<f64, BenchError> {
        let stop = CancellationToken::new();
        let task = tokio::spawn(self.clone().run(stop.clone()));
        tokio::time::sleep(time).await;
        stop.cancel();
        task.await.map_err(|_| BenchError::Thread)?
    }
}

/// Images that come in and are scored, until it is stopped.
pub(in crate::bench) struct Scoring {
    stop: CancellationToken,
    writing: JoinHandle<Result<f64, BenchError>>,
    networks: Option<JoinHandle<Result<f64, BenchError>>>,
}

/// How much was scored meanwhile.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scored {
    /// Images per second whose rows were written.
    pub written_per_second: f64,
    /// Images per second that the networks were run on; none where no pictures were named.
    pub networks_per_second: Option<f64>,
}

impl Scoring {
    /// Writes the rows of `rate` images a second, and runs the networks without a pause.
    pub(in crate::bench) fn start(sandbox: &Sandbox, rate: u32, networks: Option<&Networks>) -> Self {
        let stop = CancellationToken::new();
        let writing = tokio::spawn(writes::write(sandbox.pool.clone(), rate, stop.clone()));
        let networks = networks.map(|networks| tokio::spawn(networks.clone().run(stop.clone())));
        Self { stop, writing, networks }
    }

    /// Ends it.
    pub(in crate::bench) async fn stop(self) -> Result<Scored, BenchError> {
        self.stop.cancel();
        let written_per_second = self.writing.await.map_err(|_| BenchError::Thread)??;
        let networks_per_second = match self.networks {
            Some(task) => Some(task.await.map_err(|_| BenchError::Thread)??),
            None => None,
        };
        Ok(Scored { written_per_second, networks_per_second })
    }
}
