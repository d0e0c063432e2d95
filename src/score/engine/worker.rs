//! A thread that owns a session.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering, mpsc::Sender},
};

use tokio::sync::mpsc::Receiver;

use super::{EngineSettings, Request, Shared, cores, priority};
use crate::{
    decode::{Dtype, Tensor},
    score::{
        manifest::Network,
        session::{OpenError, Runtime, Session},
    },
};

/// One thread of an engine.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) requests: Arc<Mutex<Receiver<Request>>>,
    pub(super) settings: EngineSettings,
}

impl Worker {
    /// Opens the session, reports how that went, and serves until the queue is closed.
    pub(super) fn run(self, runtime: &Runtime, report: Sender<Result<Option<usize>, OpenError>>) {
        // Before the session is opened: its own threads inherit the priority.
        if self.settings.gives_way {
            priority::give_way();
        }
        let opened = self.open(runtime);
        let session = match opened {
            Ok((session, features)) => {
                let _ = report.send(Ok(features));
                session
            }
            Err(error) => {
                let _ = report.send(Err(error));
                return;
            }
        };
        drop(report);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.serve(session))) {
            let reason = panic
                .downcast::<String>()
                .map_or_else(|_| "a scoring thread panicked".to_owned(), |text| *text);
            tracing::error!(reason, "a scoring thread is gone");
            self.shared.panic.get_or_init(|| reason);
        }
        self.shared.alive.fetch_sub(1, Ordering::AcqRel);
    }

    /// Opens the network and runs a full batch of zeros, which allocates what later batches use.
    fn open(&self, runtime: &Runtime) -> Result<(Session, Option<usize>), OpenError> {
        let Network { input, file, .. } = &self.shared.network;
        let mut session = Session::open(runtime, &self.shared.network, self.settings.intra_threads.get())?;
        let values = input.width as usize * input.height as usize * 3;
        let zeros = match input.dtype {
            Dtype::F32 => Tensor::F32(vec![0.0; values]),
            Dtype::U8 => Tensor::U8(vec![0; values]),
        };
        let rows = session
            .run(&vec![&zeros; self.max_batch()])
            .map_err(|error| OpenError::Refused { path: file.clone(), reason: error.to_string() })?;
        Ok((session, rows.into_iter().next().and_then(|row| row.features).map(|features| features.len())))
    }

    /// Networks whose file fixes the batch are run in batches of that size.
    fn max_batch(&self) -> usize {
        self.shared.network.input.batch.unwrap_or(self.settings.max_batch.get())
    }

    fn serve(&self, mut session: Session) {
        while let Some(batch) = self.next_batch() {
            let tensors: Vec<&Tensor> = batch.iter().map(|request| &request.tensor).collect();
            let turn = cores::take(self.settings.intra_threads.get());
            let outcome = session.run(&tensors);
            drop(turn);
            self.shared.batches.fetch_add(1, Ordering::AcqRel);
            self.shared.images.fetch_add(batch.len() as u64, Ordering::AcqRel);
            match outcome {
                Ok(rows) => {
                    self.shared.set_trouble(None);
                    for (request, row) in batch.into_iter().zip(rows) {
                        // A caller that is gone needs no answer.
                        let _ = request.reply.send(self.shared.predict(row, session.is_quantised()));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, file = %self.shared.network.file.display(), "a network does not run");
                    self.shared.failures.fetch_add(1, Ordering::AcqRel);
                    self.shared.set_trouble(Some(error.to_string()));
                    for request in batch {
                        let _ = request.reply.send(Err(error.clone().into()));
                    }
                }
            }
        }
    }

    /// The one place where batches form: waits for a request, then takes what else waits. `None` at the end.
    pub(super) fn next_batch(&self) -> Option<Vec<Request>> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Vec::new();
        while batch.len() < self.max_batch() {
            let request = match batch.is_empty() {
                true => requests.blocking_recv()?,
                false => match requests.try_recv() {
                    Ok(request) => request,
                    Err(_) => break,
                },
            };
            if request.reply.is_closed() {
                self.shared.skipped.fetch_add(1, Ordering::AcqRel);
            } else {
                batch.push(request);
            }
        }
        Some(batch)
    }
}
