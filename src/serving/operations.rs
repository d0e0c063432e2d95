//! Operations on models that somebody began with a button, and how they ended: for the page that shows them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// What goes on with one model, or went on last.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Something that takes a while, such as *being checked*.
    Busy(&'static str),
    /// Its weights come in.
    Pulling {
        /// Bytes that are here.
        there: u64,
        /// Bytes that it has.
        of: u64,
        /// What holds it up.
        remark: Option<String>,
        /// Stops it.
        stop: CancellationToken,
    },
    /// Nothing any more.
    Ended {
        /// How it ended, in words.
        said: String,
        /// Whether it went well.
        is_well: bool,
    },
}

/// The operations, the latest of each model, by name. Clones are the same.
#[derive(Clone, Debug)]
pub struct Operations {
    known: Arc<Mutex<BTreeMap<String, Operation>>>,
    /// A loaded network may take half a gigabyte: one at a time.
    turn: Arc<Semaphore>,
}

impl Default for Operations {
    fn default() -> Self {
        Self { known: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Operations {
    /// The latest operation on the model `name`.
    pub fn of(&self, name: &str) -> Option<Operation> {
        self.lock().get(name).cloned()
    }

    /// Whether any goes on.
    pub fn is_busy(&self) -> bool {
        self.lock().values().any(|operation| !matches!(operation, Operation::Ended { .. }))
    }

    /// Stops what comes in for the model `name`; whether anything did.
    pub fn stop(&self, name: &str) -> bool {
        let latest = self.of(name);
        let Some(Operation::Pulling { stop, .. }) = latest else { return false };
        stop.cancel();
        true
    }

    /// Forgets how operations ended: what they said is not so any more.
    pub fn forget_ended(&self) {
        self.lock().retain(|_, operation| !matches!(operation, Operation::Ended { .. }));
    }

    /// Begins an operation on the model `name`; none while another one goes on.
    pub fn begin(&self, name: &str, operation: Operation) -> Option<Running> {
        let mut known = self.lock();
        if known.get(name).is_some_and(|operation| !matches!(operation, Operation::Ended { .. })) {
            return None;
        }
        known.insert(name.to_owned(), operation);
        drop(known);
        let progress = Progress { operations: self.clone(), name: name.to_owned() };
        Some(Running { progress, has_ended: false })
    }

    /// Waits until no other model is being loaded from a page.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.turn).acquire_owned().await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Operation>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an operation reports how far it is.
#[derive(Clone, Debug)]
pub struct Progress {
    operations: Operations,
    name: String,
}

impl Progress {
    /// Says what goes on now.
    pub fn report(&self, operation: Operation) {
        self.operations.lock().insert(self.name.clone(), operation);
    }
}

/// An operation that goes on until it is told to have ended.
#[derive(Debug)]
pub struct Running {
    progress: Progress,
    has_ended: bool,
}

impl Running {
    /// Where it reports how far it is.
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Says how it ended.
    pub fn end(mut self, outcome: Result<String, String>) {
        self.has_ended = true;
        let is_well = outcome.is_ok();
        let (Ok(said) | Err(said)) = outcome;
        self.progress.report(Operation::Ended { said, is_well });
    }
}

impl Drop for Running {
    /// Nothing stays busy for ever, whatever happened to who was at it.
    fn drop(&mut self) {
        if !self.has_ended {
            let said = "It was broken off; the log may say why. Try again".to_owned();
            self.progress.report(Operation::Ended { said, is_well: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_at_a_time_goes_on_with_a_model_and_none_for_ever() {
        let operations = Operations::default();
        let running = operations.begin("a", Operation::Busy("being checked")).unwrap();
        assert!(operations.is_busy() && operations.begin("a", Operation::Busy("being checked")).is_none());
        assert!(operations.begin("b", Operation::Busy("being checked")).is_some(), "another model's turn");
        running.end(Ok("well".to_owned()));
        assert!(
            matches!(operations.of("a"), Some(Operation::Ended { said, is_well: true }) if said == "well")
        );
        drop(operations.begin("a", Operation::Busy("being checked")).unwrap());
        assert!(matches!(operations.of("a"), Some(Operation::Ended { is_well: false, .. })));
        assert!(!operations.is_busy());
    }

    #[test]
    fn only_what_comes_in_can_be_stopped() {
        let operations = Operations::default();
        let _checked = operations.begin("a", Operation::Busy("being checked")).unwrap();
        let stop = CancellationToken::new();
        let pulling = Operation::Pulling { there: 0, of: 1, remark: None, stop: stop.clone() };
        let _pulled = operations.begin("b", pulling).unwrap();
        assert!(!operations.stop("a") && !operations.stop("c") && !stop.is_cancelled());
        assert!(operations.stop("b") && stop.is_cancelled());
    }
}
