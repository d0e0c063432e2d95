//! The networks alone: `Session::run` on tensors that are ready, and nothing else.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::oneshot;

use super::{
    BenchError,
    figures::{Spread, per_second},
    pictures::Pictures,
    progress,
};
use crate::{
    config::Settings,
    decode::{self, Limits, Need, SIGNALS_PX, Tensor},
    domain::Task,
    score::{
        Catalogue, CatalogueError, Engine, EngineSettings, Kind, Manifest, Network, Runtime, Session,
        give_way,
    },
};

/// Batches for which tensors are made; they take turns.
const BATCHES: usize = 8;

/// The networks of the default models, to be run as the service's engines run them.
pub(super) struct Bare {
    networks: Vec<Named>,
    runtime: &'static Runtime,
    engine: EngineSettings,
    limits: Limits,
}

#[derive(Clone)]
struct Named {
    name: String,
    task: Task,
    network: Network,
}

/// The tensors of one network.
pub(super) type Tensors = Arc<Vec<Tensor>>;

/// What one network alone took.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    name: String,
    task: Task,
    batch: usize,
    copies: usize,
    threads: usize,
    /// Of every batch of every copy.
    times: Vec<Duration>,
}

/// How fast one network alone is.
#[derive(Clone, Debug, Serialize)]
pub struct ModelRate {
    /// The manifest's name.
    pub name: String,
    /// `watch` or `quality`.
    pub task: String,
    /// Images that are run at once.
    pub batch: usize,
    /// Copies of it that ran side by side.
    pub copies: usize,
    /// Threads that each copy computes with.
    pub threads: usize,
    /// Images that were run.
    pub images: usize,
    /// Images per second.
    pub images_per_second: f64,
}

impl Bare {
    /// The networks of the default manifests, members of an ensemble one by one.
    pub(super) fn of(settings: &Settings) -> Result<Self, BenchError> {
        let catalogue = Catalogue::read(&settings.models)?;
        let mut networks = Vec::new();
        for &task in Task::ALL {
            for manifest in parts(&catalogue, catalogue.default_for(task)?)? {
                let network = manifest.network().cloned();
                networks.extend(network.map(|network| Named { name: manifest.name.clone(), task, network }));
            }
        }
        let runtime = Runtime::load(&settings.libraries())?;
        Ok(Self { networks, runtime, engine: settings.engine(), limits: settings.limits() })
    }

    /// How much of a picture the service decodes for these networks.
    pub(super) fn need(&self) -> Need {
        let inputs = self.networks.iter().map(|named| &named.network.input);
        inputs.fold(Need::long_side(SIGNALS_PX), Need::and_model)
    }

    /// The tensors of a few batches for each network.
    pub(super) fn tensors(&self, pictures: &Pictures) -> Result<Vec<Tensors>, BenchError> {
        let count = BATCHES * self.engine.max_batch.get();
        let mut tensors: Vec<Vec<Tensor>> = self.networks.iter().map(|_| Vec::new()).collect();
        for source in pictures.sources.iter().cycle().take(count) {
            let bytes = std::fs::read(&source.path).map_err(BenchError::file(&source.path))?;
            let picture = decode::decode(&bytes, pictures.need, &self.limits)
                .map_err(|_| BenchError::NoPictures(source.path.clone()))?;
            for (tensors, named) in tensors.iter_mut().zip(&self.networks) {
                tensors.push(decode::tensor(&picture.rgb, &named.network.input));
            }
        }
        Ok(tensors.into_iter().map(Arc::new).collect())
    }

    /// The networks on engines, as the service opens them. Blocks until they are open.
    pub(super) fn engines(&self) -> Result<Vec<Engine>, BenchError> {
        let start = |named: &Named| Engine::start(self.runtime, named.task, &named.network, self.engine);
        Ok(self.networks.iter().map(start).collect::<Result<_, _>>()?)
    }

    /// Runs each network for at least `least`, one network after the other, in as many copies as the service has.
    pub(super) async fn run(&self, tensors: &[Tensors], least: Duration) -> Result<Vec<Runs>, BenchError> {
        let bar = progress::bar("networks alone", self.networks.len());
        let mut runs = Vec::with_capacity(self.networks.len());
        for (index, (named, tensors)) in self.networks.iter().zip(tensors).enumerate() {
            bar.at(index);
            let ready = Arc::new(Barrier::new(self.engine.threads.get()));
            let copies: Vec<_> = (0..self.engine.threads.get())
                .map(|_| self.copy(named, tensors, (&ready, least)))
                .collect::<Result<_, _>>()?;
            let mut times = Vec::new();
            for answer in copies {
                times.extend(answer.await.map_err(|_| BenchError::Thread)??);
            }
            runs.push(self.runs(named, tensors, times));
        }
        Ok(runs)
    }

    /// Starts one copy on a thread of its own, for its priority is the engines'.
    fn copy(
        &self,
        named: &Named,
        tensors: &Tensors,
        (ready, least): (&Arc<Barrier>, Duration),
    ) -> Result<oneshot::Receiver<Result<Vec<Duration>, BenchError>>, BenchError> {
        let (report, answer) = oneshot::channel();
        let (network, tensors, ready) = (named.network.clone(), Arc::clone(tensors), Arc::clone(ready));
        let (runtime, engine) = (self.runtime, self.engine);
        thread::Builder::new()
            .name("bench-run".to_owned())
            .spawn(move || report.send(alone(runtime, &network, &tensors, engine, (&ready, least))))
            .map_err(BenchError::file("a thread"))?;
        Ok(answer)
    }

    fn runs(&self, named: &Named, tensors: &[Tensor], times: Vec<Duration>) -> Runs {
        Runs {
            name: named.name.clone(),
            task: named.task,
            batch: batch(&named.network, tensors, self.engine),
            copies: self.engine.threads.get(),
            threads: self.engine.intra_threads.get(),
            times,
        }
    }
}

/// The manifests of the networks behind `manifest`: itself, or an ensemble's members.
fn parts<'a>(catalogue: &'a Catalogue, manifest: &'a Manifest) -> Result<Vec<&'a Manifest>, CatalogueError> {
    match &manifest.kind {
        Kind::Ensemble(members) => members.iter().map(|member| catalogue.get(&member.name)).collect(),
        Kind::Network(_) | Kind::Head { .. } => Ok(vec![manifest]),
    }
}

/// Images that are run at once.
fn batch(network: &Network, tensors: &[Tensor], engine: EngineSettings) -> usize {
    network.input.batch.unwrap_or(engine.max_batch.get()).min(tensors.len())
}

/// Opens the network as an engine's thread does, warms it up, waits for the other copies, and runs batch after batch.
fn alone(
    runtime: &Runtime,
    network: &Network,
    tensors: &[Tensor],
    engine: EngineSettings,
    (ready, least): (&Barrier, Duration),
) -> Result<Vec<Duration>, BenchError> {
    if engine.gives_way {
        give_way();
    }
    let opened = Session::open(runtime, network, engine.intra_threads.get());
    let batches: Vec<Vec<&Tensor>> =
        tensors.chunks_exact(batch(network, tensors, engine)).map(|batch| batch.iter().collect()).collect();
    let warm = opened.map_err(BenchError::from).and_then(|mut session| {
        session.run(&batches[0])?;
        Ok(session)
    });
    // Also after an error: the other copies wait.
    ready.wait();
    let mut session = warm?;
    let mut times = Vec::new();
    let started = Instant::now();
    for tensors in batches.iter().cycle() {
        let before = Instant::now();
        session.run(tensors)?;
        times.push(before.elapsed());
        if started.elapsed() >= least {
            break;
        }
    }
    Ok(times)
}

impl Runs {
    /// These runs and later ones of the same network.
    pub(super) fn and(mut self, later: Self) -> Self {
        self.times.extend(later.times);
        self
    }

    /// How fast it was.
    pub(super) fn rate(&self) -> ModelRate {
        let images = self.batch * self.times.len();
        let seconds = self.times.iter().sum::<Duration>().as_secs_f64() / self.copies as f64;
        ModelRate {
            name: self.name.clone(),
            task: self.task.to_string(),
            batch: self.batch,
            copies: self.copies,
            threads: self.threads,
            images,
            images_per_second: per_second(images, seconds),
        }
    }

    /// The network's name, and what an image took in each batch, as copies run side by side.
    pub(super) fn per_image(&self) -> (String, Option<Spread>, usize) {
        let size = u32::try_from(self.batch * self.copies).unwrap_or(u32::MAX);
        let times: Vec<Duration> = self.times.iter().map(|time| *time / size).collect();
        (self.name.clone(), Spread::of(&times), self.batch * times.len())
    }
}
