//! The labels of the catalog as the mathematics takes them, and the proposal that follows.

use std::collections::HashMap;

use crate::{
    calibration::{CalibrationError, CatalogHistogram, Label, Objective, Proposal},
    domain::Threshold,
    store::labels::{Labelled, LabelledImages},
};

/// The labels of both sets, a listing being the same group in both.
#[derive(Clone, Debug, Default)]
pub struct LabelSets {
    /// Those that a threshold may be chosen from.
    pub tuning: Vec<Label>,
    /// Those of the audit set.
    pub audit: Vec<Label>,
}

impl LabelSets {
    /// The labels of `images`.
    pub fn of(images: &LabelledImages) -> Self {
        let mut groups = HashMap::new();
        let mut label = |labelled: &Labelled| {
            let next = u32::try_from(groups.len()).unwrap_or(u32::MAX);
            let group = labelled.listing.clone().map(|listing| *groups.entry(listing).or_insert(next));
            Label { group, ..Label::new(labelled.confidence, labelled.watch) }
        };
        let tuning = images.tuning.iter().map(&mut label).collect();
        Self { tuning, audit: images.audit.iter().map(&mut label).collect() }
    }

    /// All of them.
    pub fn all(&self) -> Vec<Label> {
        self.tuning.iter().chain(&self.audit).copied().collect()
    }

    /// Chooses a threshold for `objective`, away from the threads that answer requests.
    ///
    /// # Errors
    /// The labels are of one class, or too few.
    pub async fn propose(
        self,
        catalog: CatalogHistogram,
        current: Threshold,
        objective: Objective,
    ) -> Result<Proposal, CalibrationError> {
        let propose = move || Proposal::new(&self.tuning, &self.audit, &catalog, current, objective);
        // A panic in there would be a mistake of ours; the page then says that there are no labels.
        tokio::task::spawn_blocking(propose).await.unwrap_or(Err(CalibrationError::Empty))
    }
}
