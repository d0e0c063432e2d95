//! What scoring does to the machine while pages are asked for.

use std::{path::Path, time::Duration};

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::writes;
use crate::{
    bench::{
        BenchError,
        bare::{Bare, Tensors},
        figures::one_after_the_other,
        pictures::Pictures,
        sandbox::Sandbox,
    },
    config::Settings,
};

/// How long a network runs before it is the other one's turn.
const TURN: Duration = Duration::from_millis(500);

/// The networks of the default models, with pictures to run them on.
#[derive(Clone)]
pub(in crate::bench) struct Networks {
    bare: std::sync::Arc<Bare>,
    tensors: Vec<Tensors>,
}

impl Networks {
    /// The networks that `settings` serve, on the pictures of a folder.
    pub(in crate::bench) fn open(settings: &Settings, images: &Path) -> Result<Self, BenchError> {
        let bare = Bare::of(settings)?;
        let pictures = Pictures::find(images, &settings.limits(), bare.need())?;
        let tensors = bare.tensors(&pictures)?;
        Ok(Self { bare: bare.into(), tensors })
    }

    /// Runs them in turns, as the engines run them, until it is stopped; images per second through all of them.
    pub(in crate::bench) async fn run(self, stop: CancellationToken) -> Result<f64, BenchError> {
        let mut all = self.bare.run(&self.tensors, TURN).await?;
        while !stop.is_cancelled() {
            let more = self.bare.run(&self.tensors, TURN).await?;
            all = all.into_iter().zip(more).map(|(before, after)| before.and(after)).collect();
        }
        Ok(one_after_the_other(all.iter().map(|runs| runs.rate().images_per_second)))
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
