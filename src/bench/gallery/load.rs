//! Open-loop load: requests begin at their own times, and a late answer delays none of them.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{
    runtime,
    sync::{Mutex, mpsc, oneshot},
    task::JoinSet,
    time::sleep_until,
};

use super::{super::figures::quantile, client::Browser};
use crate::bench::BenchError;

/// Connections that answers may be waited for on, at the same time.
const CONNECTIONS: usize = 32;

/// How long answers took, counted from the moment at which the request was due.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Requests, each answered.
    pub requests: usize,
    /// The median in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took at most this, in milliseconds.
    pub p99_ms: f64,
    /// The longest in milliseconds.
    pub max_ms: f64,
}

/// Requests for one page.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) browser: Browser,
    pub(super) path: &'static str,
    /// Per second.
    pub(super) rate: u32,
    pub(super) time: Duration,
}

impl Load {
    /// Asks, on a thread with a runtime of its own, so that the server's work does not delay the asking.
    pub(super) async fn run(&self) -> Result<Latency, BenchError> {
        let (sender, receiver) = oneshot::channel();
        let load = self.clone();
        thread::spawn(move || {
            let ask = || {
                let runtime = runtime::Builder::new_current_thread().enable_all().build();
                runtime.map_err(|_| BenchError::Thread)?.block_on(load.ask())
            };
            // Whoever does not wait any more was stopped.
            let _ = sender.send(ask());
        });
        receiver.await.map_err(|_| BenchError::Thread)?
    }

    async fn ask(self) -> Result<Latency, BenchError> {
        let (due, waiting) = mpsc::unbounded_channel::<Instant>();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut workers = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (browser, path, waiting) = (self.browser.clone(), self.path, waiting.clone());
            workers.spawn(async move {
                let mut connection = browser.connect().await?;
                // The first answer of a connection is not measured: a browser keeps its connections.
                connection.get(path).await?;
                let mut times = vec![];
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some(due) = next else { return Ok::<_, BenchError>(times) };
                    connection.get(path).await?;
                    times.push(due.elapsed().as_secs_f64() * 1e3);
                }
            });
        }
        let count = self.time.as_secs_f64() * f64::from(self.rate);
        let pause = Duration::from_secs(1) / self.rate.max(1);
        // Not before all connections are warm.
        let start = Instant::now() + Duration::from_millis(500);
        for number in 0..count as u32 {
            let at = start + pause * number;
            sleep_until(at.into()).await;
            due.send(at).map_err(|_| BenchError::Thread)?;
        }
        drop(due);
        let mut times = vec![];
        while let Some(worker) = workers.join_next().await {
            times.extend(worker.map_err(|_| BenchError::Thread)??);
        }
        let at = |share| quantile(&times, share).ok_or(BenchError::Ended);
        Ok(Latency { requests: times.len(), p50_ms: at(0.5)?, p99_ms: at(0.99)?, max_ms: at(1.0)? })
    }
}
