//! Models that are to be run and are not: whether the pages wait for them, and whether they may run later.

use sqlx::PgPool;

use super::{Loaded, ServingError};
use crate::store::{generations, model_versions, models::Identity};

/// A model that does not run.
#[derive(Debug)]
pub struct Refused {
    /// The model.
    pub recorded: Identity,
    /// Why.
    pub error: ServingError,
}

/// Why models do not run, as it matters at present.
#[derive(Debug, Default)]
pub struct Refusals<'a> {
    /// Of models whose scores the pages show: what comes in waits for them, while the others go on.
    pub urgent: Vec<&'a ServingError>,
    /// Of those that are kept up, and that the pages can do without; nothing about which nobody has to decide.
    pub lesser: Vec<&'a ServingError>,
}

impl Refused {
    /// Its numbers moved: that stays as it is until somebody decides, or the service starts anew.
    const fn has_moved(&self) -> bool {
        matches!(self.error, ServingError::Moved { .. })
    }
}

impl Loaded {
    /// Those that may run later, without a new start: their file or manifest is not there, or not as it was.
    pub fn missing(&self) -> impl Iterator<Item = &Identity> {
        self.refused.iter().filter(|refused| !refused.has_moved()).map(|refused| &refused.recorded)
    }

    /// Sorts the refusals by what the pages show now.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn refusals(&self, pool: &PgPool) -> sqlx::Result<Refusals<'_>> {
        let mut refusals = Refusals::default();
        if self.refused.is_empty() {
            return Ok(refusals);
        }
        let mut conn = pool.acquire().await?;
        let shown = generations::active(&mut conn).await?;
        let undecided = model_versions::moved(&mut conn).await?;
        for refused in &self.refused {
            let id = refused.recorded.id;
            let is_shown = shown.is_some_and(|shown| [shown.watch_model, shown.quality_model].contains(&id));
            if is_shown && !self.runs_version_of(&refused.recorded) {
                refusals.urgent.push(&refused.error);
            } else if !refused.has_moved() || undecided.iter().any(|moved| moved.model == id) {
                refusals.lesser.push(&refused.error);
            }
        }
        Ok(refusals)
    }

    /// Where another version of a model runs, that one is being brought in, and pages go on with what they have.
    fn runs_version_of(&self, recorded: &Identity) -> bool {
        self.models.iter().any(|served| {
            let model = &served.model;
            model.manifest().name == recorded.name && model.fingerprint().to_string() == recorded.fingerprint
        })
    }
}
