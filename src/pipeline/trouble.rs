//! What fails while images are scored, and no image is to blame for: told by the pipeline, heard by the scorer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::{domain::ModelId, score::ScoreError, serving::Served};

/// Where failures are told: of the service, after the first of which no more jobs are claimed, and of models, which are asked nothing
/// more; the others go on if the pages can do without. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    reason: Arc<OnceLock<String>>,
    aside: Arc<Mutex<BTreeMap<ModelId, String>>>,
    stop: CancellationToken,
}

impl Trouble {
    /// Trouble stops what listens to [`Trouble::stopped`], and so does `stop`.
    pub fn within(stop: &CancellationToken) -> Self {
        Self { stop: stop.child_token(), ..Self::default() }
    }

    /// Tells of a failure; the first one is kept.
    pub fn report(&self, error: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let told: Vec<String> = causes.map(ToString::to_string).collect();
        self.reason.get_or_init(|| told.join(": "));
        self.stop.cancel();
    }

    /// What was told first.
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// Cancelled when there is trouble, or nothing is to be done any more.
    pub fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells of a model that does not run: it is asked nothing more until it is opened anew.
    pub fn set_aside(&self, served: &Served, error: &ScoreError) {
        let name = &served.model.manifest().name;
        let told = format!(
            "model {name} does not run ({error}), and is set aside while the others go on. It is tried again in about a minute; if it \
             keeps failing, give its pair up on the Models page"
        );
        let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        if aside.insert(served.id, told).is_none() {
            tracing::error!(model = name, %error, "a model does not run: it is set aside");
        }
    }

    /// Whether a model was set aside.
    pub fn is_aside(&self, model: ModelId) -> bool {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&model)
    }

    /// Which models were set aside, each in a sentence.
    pub fn aside(&self) -> Vec<String> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
