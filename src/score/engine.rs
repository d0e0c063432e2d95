//! One network on threads of its own, behind a bounded queue.
//!
//! Callers hand in one tensor and wait. A thread that is free takes what waits, up to a batch, and runs it at
//! once: under load batches form by themselves, and a single picture never waits for company. Callers that
//! gave up while they waited are skipped.

mod cores;
mod memory;
mod priority;
mod worker;

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc as ready,
    },
    thread::{self, JoinHandle},
};

use tokio::sync::{
    mpsc::{self, Sender},
    oneshot,
};

pub use self::priority::give_way;
use self::worker::Worker;
use super::{
    Prediction,
    heads::{self, OutputError},
    manifest::Network,
    session::{OpenError, Row, RunError, Runtime},
};
use crate::{
    decode::{Dtype, Tensor},
    domain::Task,
};

/// How a network is run. The defaults suit a small machine that also serves pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// Threads that each own a copy of the network. More: batches run side by side, memory multiplies. Two are faster than
    /// one that computes with twice the threads, for these wait for each other after every operator, and longest when
    /// something else takes a core.
    pub threads: NonZeroUsize,
    /// Threads that one copy computes with. `threads` × this beyond the cores only costs time.
    pub intra_threads: NonZeroUsize,
    /// Most pictures that are run at once. Larger: a little more speed, more memory, later first result.
    pub max_batch: NonZeroUsize,
    /// Tensors that may wait. Shorter than a batch: batches stay small. Longer: memory, and nothing gained.
    pub queue: NonZeroUsize,
    /// Whether the threads run only when nobody else in the process has anything to do. Otherwise pages get slower while
    /// pictures are scored.
    pub gives_way: bool,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let eight = NonZeroUsize::MIN.saturating_add(7);
        Self {
            threads: NonZeroUsize::MIN,
            intra_threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_batch: eight,
            queue: eight.saturating_mul(NonZeroUsize::MIN.saturating_add(1)),
            gives_way: true,
        }
    }
}

/// Why there is no prediction.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// The network's output for this image is no answer. Counts as a try.
    #[error(transparent)]
    Image(#[from] OutputError),
    /// The network fails at this image whenever it is run on it, and runs on another. Counts as a try.
    #[error("at this image {0}")]
    Input(RunError),
    /// The network does not run. Says nothing about the image.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The engine's threads are gone. Says nothing about the image.
    #[error("the engine has stopped{}", .0.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Stopped(Option<String>),
    /// The tensor is not of the shape that the network wants. A mistake of the caller's.
    #[error("the tensor is not of the type and size that the network wants")]
    OtherShape,
}

impl ScoreError {
    /// Whether the image failed; otherwise the model or the service did, and the image shall wait.
    pub const fn is_the_images_fault(&self) -> bool {
        matches!(self, Self::Image(_) | Self::Input(_))
    }
}

/// What an engine has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Pictures that were run.
    pub images: u64,
    /// Runs that these took.
    pub batches: u64,
    /// Pictures whose callers gave up before their turn.
    pub skipped: u64,
    /// Runs that failed.
    pub failures: u64,
}

struct Request {
    tensor: Tensor,
    reply: oneshot::Sender<Result<Prediction, ScoreError>>,
}

/// What callers and threads share. The receiver is not here: it dies with the last thread, so that nobody
/// waits for an engine that has none.
#[derive(Debug)]
struct Shared {
    task: Task,
    network: Network,
    /// Why a thread ended before its time.
    panic: OnceLock<String>,
    images: AtomicU64,
    batches: AtomicU64,
    skipped: AtomicU64,
    failures: AtomicU64,
}

/// One network on its own threads. Dropping it waits for the batches that are running.
#[derive(Debug)]
pub struct Engine {
    queue: Option<Sender<Request>>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    features_dimension: Option<usize>,
}

impl Engine {
    /// Opens `network` once per thread, checks it against its manifest and warms it up. Blocks for as long as
    /// that takes.
    ///
    /// # Errors
    /// The weights are refused (`Session::open`), or the warm-up run fails.
    pub fn start(
        runtime: &'static Runtime,
        task: Task,
        network: &Network,
        settings: EngineSettings,
    ) -> Result<Self, OpenError> {
        let (queue, requests) = mpsc::channel(settings.queue.get());
        let requests = Arc::new(Mutex::new(requests));
        let shared = Arc::new(Shared::new(task, network));
        let (report, reports) = ready::channel();
        let worker = |number: usize| {
            let (shared, requests, report) = (shared.clone(), requests.clone(), report.clone());
            let name = format!("score-{task}-{number}");
            let body = move || Worker { shared, requests, settings }.run(runtime, &report);
            thread::Builder::new().name(name).spawn(body).map_err(|error| no_thread(network, &error))
        };
        let threads = (0..settings.threads.get()).map(worker).collect::<Result<_, _>>()?;
        drop((report, requests));
        let mut engine = Self { queue: Some(queue), threads, shared, features_dimension: None };
        for opened in reports.iter().take(settings.threads.get()) {
            engine.features_dimension = opened?;
        }
        memory::give_back();
        Ok(engine)
    }

    /// Waits for a place in the queue, then for the answer. Dropping the future gives the place up.
    ///
    /// # Errors
    /// [`ScoreError::is_the_images_fault`] says whose fault it is.
    pub async fn score(&self, tensor: Tensor) -> Result<Prediction, ScoreError> {
        if !self.shared.fits(&tensor) {
            return Err(ScoreError::OtherShape);
        }
        let stopped = || ScoreError::Stopped(self.shared.panic.get().cloned());
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(Request { tensor, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// What the engine has done so far.
    pub fn stats(&self) -> EngineStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        EngineStats {
            images: count(&self.shared.images),
            batches: count(&self.shared.batches),
            skipped: count(&self.shared.skipped),
            failures: count(&self.shared.failures),
        }
    }

    /// The network that runs here.
    pub fn network(&self) -> &Network {
        &self.shared.network
    }

    /// The number of values in the features output, if there is one.
    pub const fn features_dimension(&self) -> Option<usize> {
        self.features_dimension
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Threads end when the queue is closed; ONNX Runtime must not be at work while the process ends.
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn no_thread(network: &Network, error: &std::io::Error) -> OpenError {
    OpenError::Refused { path: network.file.clone(), reason: format!("no thread can be started: {error}") }
}

impl Shared {
    fn new(task: Task, network: &Network) -> Self {
        Self {
            task,
            network: network.clone(),
            panic: OnceLock::new(),
            images: AtomicU64::default(),
            batches: AtomicU64::default(),
            skipped: AtomicU64::default(),
            failures: AtomicU64::default(),
        }
    }

    fn fits(&self, tensor: &Tensor) -> bool {
        let input = &self.network.input;
        let values = input.width as usize * input.height as usize * 3;
        match (tensor, input.dtype) {
            (Tensor::F32(tensor), Dtype::F32) => tensor.len() == values,
            (Tensor::U8(tensor), Dtype::U8) => tensor.len() == values,
            _ => false,
        }
    }

    fn predict(&self, row: Row, quantised: bool) -> Result<Prediction, ScoreError> {
        let answer = heads::answer(self.task, &self.network, &row.output, quantised)?;
        heads::check_features(row.features.as_deref())?;
        Ok(Prediction { answer, features: row.features })
    }
}

#[cfg(test)]
mod tests;
