//! A thread that owns a session.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering, mpsc::Sender},
};

use tokio::sync::mpsc::Receiver;

use super::{EngineSettings, Request, ScoreError, Shared, cores, priority};
use crate::{
    decode::{Dtype, Tensor},
    score::session::{OpenError, Row, RunError, Runtime, Session},
};

/// How opening went: the number of values in the features output, if there is one.
pub(super) type Opened = Result<Option<usize>, OpenError>;

/// One thread of an engine.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) requests: Arc<Mutex<Receiver<Request>>>,
    pub(super) settings: EngineSettings,
}

impl Worker {
    /// Opens the session, reports how that went, and serves until the queue is closed. Whatever happens, there is one report.
    pub(super) fn run(self, runtime: &Runtime, report: &Sender<Opened>) {
        // Before the session is opened: its own threads inherit the priority.
        if self.settings.gives_way {
            priority::give_way();
        }
        let body = || match self.open(runtime) {
            Ok((session, features)) => {
                let _ = report.send(Ok(features));
                self.serve(session);
            }
            Err(error) => drop(report.send(Err(error))),
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
            let reason = text_of(&*panic);
            tracing::error!(reason, "a scoring thread is gone");
            let path = self.shared.network.file.clone();
            // Where it was serving already, nobody listens.
            let _ = report.send(Err(OpenError::Refused { path, reason: reason.clone() }));
            self.shared.panic.get_or_init(|| reason);
        }
    }

    /// Opens the network and runs a full batch of zeros, which allocates what later batches use.
    fn open(&self, runtime: &Runtime) -> Result<(Session, Option<usize>), OpenError> {
        let network = &self.shared.network;
        let mut session = Session::open(runtime, network, self.settings.intra_threads.get())?;
        let rows = session
            .run(&vec![&self.zeros(); self.max_batch()])
            .map_err(|error| OpenError::Refused { path: network.file.clone(), reason: error.to_string() })?;
        Ok((session, rows.into_iter().next().and_then(|row| row.features).map(|features| features.len())))
    }

    /// What the network ran on when it was opened.
    fn zeros(&self) -> Tensor {
        let input = &self.shared.network.input;
        let values = input.width as usize * input.height as usize * 3;
        match input.dtype {
            Dtype::F32 => Tensor::F32(vec![0.0; values]),
            Dtype::U8 => Tensor::U8(vec![0; values]),
        }
    }

    /// Networks whose file fixes the batch are run in batches of that size.
    fn max_batch(&self) -> usize {
        self.shared.network.input.batch.unwrap_or(self.settings.max_batch.get())
    }

    fn serve(&self, mut session: Session) {
        while let Some(batch) = self.next_batch() {
            self.answer(&mut session, batch);
        }
    }

    /// Runs the network on a batch, and answers each of its callers.
    pub(super) fn answer(&self, session: &mut Session, batch: Vec<Request>) {
        let tensors: Vec<&Tensor> = batch.iter().map(|request| &request.tensor).collect();
        let turn = cores::take(self.settings.intra_threads.get());
        let answers = match session.run(&tensors) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => self.one_by_one(session, &tensors, &self.zeros(), &error),
        };
        drop(turn);
        self.shared.batches.fetch_add(1, Ordering::AcqRel);
        self.shared.images.fetch_add(batch.len() as u64, Ordering::AcqRel);
        for (request, answer) in batch.into_iter().zip(answers) {
            let answer = answer.and_then(|row| self.shared.predict(row, session.is_quantised()));
            // A caller that is gone needs no answer.
            let _ = request.reply.send(answer);
        }
    }

    /// Who is to blame for a batch that failed: the network, where it no longer runs on `known` either, on which it ran before.
    /// Otherwise each picture has a run of its own, and the one that fails again is what the network fails at.
    pub(super) fn one_by_one(
        &self,
        session: &mut Session,
        tensors: &[&Tensor],
        known: &Tensor,
        error: &RunError,
    ) -> Vec<Result<Row, ScoreError>> {
        let file = self.shared.network.file.display();
        self.shared.failures.fetch_add(1, Ordering::AcqRel);
        if session.run(&[known]).is_err() {
            tracing::error!(%error, %file, "a network does not run");
            return tensors.iter().map(|_| Err(error.clone().into())).collect();
        }
        tracing::warn!(%error, %file, "a batch failed: its pictures are run one by one");
        let alone = |tensor: &&Tensor| {
            let rows = session.run(&[*tensor]).map_err(ScoreError::Input)?;
            rows.into_iter().next().ok_or_else(|| error.clone().into())
        };
        tensors.iter().map(alone).collect()
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

/// What a thread said as it panicked.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = literal.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a scoring thread panicked".to_owned())
}
