//! Open-loop load: requests begin at their own times, and a late answer delays none of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::sleep_until,
};

use crate::bench::{
    BenchError,
    synthetic::{Latency, apart, client::Browser},
};

/// Connections that answers may be waited for on, at the same time.
const CONNECTIONS: usize = 32;

/// For how long requests come before they are measured: the database makes a plan five times on each of its connections before it keeps one,
/// which takes a second at the usual 200 requests.
const WARM_UP: Duration = Duration::from_secs(1);

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
    /// Asks, on a thread of its own.
    pub(super) async fn run(&self) -> Result<Latency, BenchError> {
        let load = self.clone();
        apart(async move || load.ask().await).await
    }

    async fn ask(self) -> Result<Latency, BenchError> {
        let (due, waiting) = mpsc::unbounded_channel::<(Instant, bool)>();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut workers = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (browser, path, waiting) = (self.browser.clone(), self.path, waiting.clone());
            workers.spawn(async move {
                let mut connection = browser.connect().await?;
                // A browser keeps its connections.
                connection.get(path).await?;
                let mut times = vec![];
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some((due, is_measured)) = next else { return Ok::<_, BenchError>(times) };
                    connection.get(path).await?;
                    times.extend(is_measured.then(|| due.elapsed().as_secs_f64() * 1e3));
                }
            });
        }
        let requests = |time: Duration| (time.as_secs_f64() * f64::from(self.rate)) as u32;
        let warm_up = requests(WARM_UP);
        let pause = Duration::from_secs(1) / self.rate.max(1);
        // Not before all connections are warm.
        let start = Instant::now() + Duration::from_millis(500);
        for number in 0..warm_up + requests(self.time) {
            let at = start + pause * number;
            sleep_until(at.into()).await;
            due.send((at, number >= warm_up)).map_err(|_| BenchError::Thread)?;
        }
        drop(due);
        let mut times = vec![];
        while let Some(worker) = workers.join_next().await {
            times.extend(worker.map_err(|_| BenchError::Thread)??);
        }
        Latency::of(&times)
    }
}
