//! What goes on with models because somebody pressed a button, and how it ended: for the page that shows it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What goes on with one model, or did last.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        assert_eq!(doings.of("a"), Some(Doing::Ended { said: "well".to_owned(), is_well: true }));
        drop(doings.begin("a", Doing::Busy("being checked")).unwrap());
        assert!(matches!(doings.of("a"), Some(Doing::Ended { is_well: false, .. })));
        assert!(!doings.is_busy());
    }
}
