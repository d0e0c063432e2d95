//! A recalibration in one step: choose on some labelled images, judge on the ones held apart.

use serde::Serialize;

use super::{
    Best, CalibrationError, CatalogHistogram, CrossValidated, Evaluation, FoldPlan, Label, Labels, Objective,
    PairedGain, Sweep, cross_validate, effective_size, evaluate, paired_gain,
};
use crate::{domain::Threshold, statistics::Sampling};

/// With fewer audit images of either class, the audit cannot confirm a threshold.
pub const AUDIT_LEAST: usize = 30;

/// A threshold chosen anew, with what speaks for and against it: the evidence that is stored when it is applied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// What it was chosen for.
    pub objective: Objective,
    /// The threshold in use.
    pub current: Threshold,
    /// The choice, from labels weighted like the catalog.
    pub best: Best,
    /// The choice that the same labels give without weights.
    pub unweighted: Best,
    /// How many labels it was chosen from, and how many of them are watches.
    pub tuned_on: (usize, usize),
    /// How many equally weighted labels would be as precise.
    pub effective_size: f64,
    /// What choosing in this way is worth on images that did not choose.
    pub held_back: CrossValidated,
    /// The gain over the threshold in use, on images that did not choose.
    pub gain: PairedGain,
    /// The audit set, which never chooses; `None` while it is of one class, or empty.
    pub audit: Option<Judged>,
    /// All labelled images, those that chose included.
    pub everything: Judged,
}

/// Both thresholds on the same labelled images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The threshold in use.
    pub current: Evaluation,
    /// The proposed one.
    pub proposed: Evaluation,
}

impl Judged {
    fn of(labels: &[Label], current: Threshold, proposed: Threshold) -> Result<Self, CalibrationError> {
        let labels = Labels::new(labels)?;
        let [current, proposed] =
            [current, proposed].map(|threshold| evaluate(&labels, threshold, Sampling::default()));
        Ok(Self { current, proposed })
    }
}

impl Proposal {
    /// Chooses a threshold for `objective` from `tuning`, weighted like `catalog`, and judges it on `audit`, as it is.
    ///
    /// # Errors
    /// The labels to choose from are of one class, or too few to hold any back.
    pub fn new(
        tuning: &[Label],
        audit: &[Label],
        catalog: &CatalogHistogram,
        current: Threshold,
        objective: Objective,
    ) -> Result<Self, CalibrationError> {
        let plain: Vec<Label> = tuning.iter().map(|label| Label { weight: 1.0, ..*label }).collect();
        let mut weighted = plain.clone();
        catalog.weigh(&mut weighted);
        let effective_size = effective_size(&weighted);
        let unweighted = Labels::new(&plain)?;
        let labels = Labels::new(&weighted)?;
        let best = Sweep::of(&labels).best(objective);
        let everything: Vec<Label> = plain.iter().chain(audit).copied().collect();
        Ok(Self {
            objective,
            current,
            best,
            unweighted: Sweep::of(&unweighted).best(objective),
            tuned_on: labels.counts(),
            effective_size,
            held_back: cross_validate(&labels, objective, FoldPlan::default())?,
            gain: paired_gain(&labels, current, objective, FoldPlan::default(), Sampling::default())?,
            audit: Judged::of(audit, current, best.threshold).ok(),
            everything: Judged::of(&everything, current, best.threshold)?,
        })
    }

    /// Whether the audit set holds enough images of both classes to confirm the choice.
    pub fn audit_can_confirm(&self) -> bool {
        self.audit.is_some_and(|audit| {
            let Evaluation { n, positives, .. } = audit.proposed;
            positives >= AUDIT_LEAST && n - positives >= AUDIT_LEAST
        })
    }

    /// Whether the change should be offered unasked: the gain is certain, and there is a change.
    pub fn is_worth_offering(&self) -> bool {
        self.gain.is_certain() && !(self.best.low..self.best.high).contains(&self.current.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::labels::tests::label;

    fn threshold(value: f64) -> Threshold {
        Threshold::new(value).unwrap()
    }

    /// Watches lie around 0.6, others around 0.2, with some overlap.
    fn labels(n: u32) -> Vec<Label> {
        (0..n)
            .map(|at| {
                let (watch, spread) = (at % 3 == 0, f64::from(at * 37 % 101) / 101.0);
                label(if watch { 0.3 + 0.6 * spread } else { 0.45 * spread }, watch)
            })
            .collect()
    }

    #[test]
    fn a_wrong_threshold_is_worth_a_proposal_that_the_audit_can_confirm() {
        let (tuning, audit) = (labels(300), labels(120));
        let catalog = CatalogHistogram::of(tuning.iter().map(|label| label.confidence.get()));
        let proposal = Proposal::new(&tuning, &audit, &catalog, threshold(0.8), Objective::F1).unwrap();
        assert!(proposal.is_worth_offering() && proposal.audit_can_confirm(), "{proposal:?}");
        let audit = proposal.audit.unwrap();
        assert!(audit.proposed.figures.f1 > audit.current.figures.f1 + 0.2);
        assert_eq!((proposal.tuned_on, proposal.everything.proposed.n), ((300, 100), 420));

        let again =
            Proposal::new(&tuning, &labels(30), &catalog, proposal.best.threshold, Objective::F1).unwrap();
        assert!(!again.is_worth_offering() && !again.audit_can_confirm());
    }

    #[test]
    fn labels_that_are_no_fair_sample_are_weighted_and_the_plain_choice_stands_beside() {
        let tuning = labels(300);
        // In the catalog nearly everything lies low, so that false alarms there count for more.
        let catalog = CatalogHistogram::of((0..1_000).map(|at| if at < 990 { 0.35 } else { 0.7 }));
        let proposal = Proposal::new(&tuning, &[], &catalog, threshold(0.5), Objective::Accuracy).unwrap();
        assert!(proposal.effective_size < 200.0, "{}", proposal.effective_size);
        assert_ne!(proposal.best.threshold, proposal.unweighted.threshold);
        assert_eq!(proposal.audit, None);
    }

    #[test]
    fn too_few_labels_are_refused_in_words() {
        let few = [label(0.1, false), label(0.2, false), label(0.8, true)];
        let refused = Proposal::new(&few, &[], &CatalogHistogram::default(), threshold(0.5), Objective::F1);
        assert!(refused.unwrap_err().to_string().contains("label at least two of each"));
    }
}
