//! What goes on with models because somebody pressed a button, and how it ended: for the page that shows it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// What goes on with one model, or did last.
#[derive(Clone, Debug)]
pub enum Doing {
    /// Something that takes a while, such as *being checked*.
    Busy(&'static str),
    /// Its weights come in.
    Coming {
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

/// What goes on, by the models' names. Clones are the same.
#[derive(Clone, Debug)]
pub struct Doings {
    known: Arc<Mutex<BTreeMap<String, Doing>>>,
    /// A loaded network may take half a gigabyte: one at a time.
    turn: Arc<Semaphore>,
}

impl Default for Doings {
    fn default() -> Self {
        Self { known: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Doings {
    /// What goes on with the model `name`, or did last.
    pub fn of(&self, name: &str) -> Option<Doing> {
        self.lock().get(name).cloned()
    }

    /// Whether anything goes on.
    pub fn is_busy(&self) -> bool {
        self.lock().values().any(|doing| !matches!(doing, Doing::Ended { .. }))
    }

    /// Stops what comes in for the model `name`; whether anything did.
    pub fn stop(&self, name: &str) -> bool {
        let coming = self.of(name);
        let Some(Doing::Coming { stop, .. }) = coming else { return false };
        stop.cancel();
        true
    }

    /// Begins something with the model `name`; none while something else goes on with it.
    pub fn begin(&self, name: &str, doing: Doing) -> Option<Begun> {
        let mut known = self.lock();
        if known.get(name).is_some_and(|doing| !matches!(doing, Doing::Ended { .. })) {
            return None;
        }
        known.insert(name.to_owned(), doing);
        drop(known);
        let teller = Teller { doings: self.clone(), name: name.to_owned() };
        Some(Begun { teller, has_ended: false })
    }

    /// Waits until no other model is being loaded from a page.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.turn).acquire_owned().await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Doing>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells what goes on with a model.
#[derive(Clone, Debug)]
pub struct Teller {
    doings: Doings,
    name: String,
}

impl Teller {
    /// Says what goes on now.
    pub fn goes_on(&self, doing: Doing) {
        self.doings.lock().insert(self.name.clone(), doing);
    }
}

/// Something that goes on until it is told to have ended.
#[derive(Debug)]
pub struct Begun {
    teller: Teller,
    has_ended: bool,
}

impl Begun {
    /// Who tells of it.
    pub const fn teller(&self) -> &Teller {
        &self.teller
    }

    /// Says how it ended.
    pub fn ended(mut self, outcome: Result<String, String>) {
        self.has_ended = true;
        let is_well = outcome.is_ok();
        let (Ok(said) | Err(said)) = outcome;
        self.teller.goes_on(Doing::Ended { said, is_well });
    }
}

impl Drop for Begun {
    /// Nothing stays busy for ever, whatever happened to who was at it.
    fn drop(&mut self) {
        if !self.has_ended {
            let said = "It was broken off; the log may say why. Try again".to_owned();
            self.teller.goes_on(Doing::Ended { said, is_well: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_at_a_time_goes_on_with_a_model_and_none_for_ever() {
        let doings = Doings::default();
        let begun = doings.begin("a", Doing::Busy("being checked")).unwrap();
        assert!(doings.is_busy() && doings.begin("a", Doing::Busy("being checked")).is_none());
        assert!(doings.begin("b", Doing::Busy("being checked")).is_some(), "another model's turn");
        begun.ended(Ok("well".to_owned()));
        assert!(matches!(doings.of("a"), Some(Doing::Ended { said, is_well: true }) if said == "well"));
        drop(doings.begin("a", Doing::Busy("being checked")).unwrap());
        assert!(matches!(doings.of("a"), Some(Doing::Ended { is_well: false, .. })));
        assert!(!doings.is_busy());
    }

    #[test]
    fn only_what_comes_in_can_be_stopped() {
        let doings = Doings::default();
        let _checked = doings.begin("a", Doing::Busy("being checked")).unwrap();
        let stop = CancellationToken::new();
        let coming = Doing::Coming { there: 0, of: 1, remark: None, stop: stop.clone() };
        let _coming = doings.begin("b", coming).unwrap();
        assert!(!doings.stop("a") && !doings.stop("c") && !stop.is_cancelled());
        assert!(doings.stop("b") && stop.is_cancelled());
    }
}
