//! The confusion at every cut-off that makes a difference.

use super::{Confusion, Labels, Objective, objective::Best};
use crate::domain::Threshold;

/// The thresholds of the original notebook's table.
pub const ORIGINAL_THRESHOLDS: [f64; 10] = [0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5];

/// Labels summed up per distinct confidence.
///
/// Cut number `k` labels the confidences from the `k`-th distinct one upwards as watches; every threshold from the
/// distinct confidence below it (included) to that one (excluded) does the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The distinct confidences, ascending.
    confidences: Vec<f64>,
    /// Weight of the watches from each cut upwards; one more entry than `confidences`, the last 0.
    watches_from: Vec<f64>,
    /// The same of the others.
    others_from: Vec<f64>,
}

impl Sweep {
    /// Sums up `labels`.
    pub fn of(labels: &Labels) -> Self {
        Self::of_sorted(labels.iter())
    }

    /// Sums up (confidence, verdict, weight) in ascending order of confidence.
    pub(super) fn of_sorted(labels: impl DoubleEndedIterator<Item = (f64, bool, f64)>) -> Self {
        let mut confidences: Vec<f64> = Vec::new();
        let (mut watches_from, mut others_from) = (vec![0.0], vec![0.0]);
        let (mut watches, mut others) = (0.0, 0.0);
        for (confidence, watch, weight) in labels.rev() {
            *(if watch { &mut watches } else { &mut others }) += weight;
            // Equal numbers, not equal bits: 0 and −0 are one confidence.
            if confidences.last() == Some(&confidence) {
                watches_from.pop();
                others_from.pop();
            } else {
                confidences.push(confidence);
            }
            watches_from.push(watches);
            others_from.push(others);
        }
        confidences.reverse();
        watches_from.reverse();
        others_from.reverse();
        Self { confidences, watches_from, others_from }
    }

    /// The distinct confidences, ascending.
    pub fn confidences(&self) -> &[f64] {
        &self.confidences
    }

    /// The weight of the watches and of the others.
    pub fn totals(&self) -> (f64, f64) {
        (self.watches_from[0], self.others_from[0])
    }

    /// The confusion at `threshold`.
    pub fn at(&self, threshold: Threshold) -> Confusion {
        self.at_cut(self.cut(threshold))
    }

    /// The number of distinct confidences that are not above `threshold`.
    pub(super) fn cut(&self, threshold: Threshold) -> usize {
        self.confidences.partition_point(|confidence| *confidence <= threshold.get())
    }

    /// The confusion at cut number `cut`, 0 to the number of distinct confidences.
    pub(super) fn at_cut(&self, cut: usize) -> Confusion {
        let (watches, others) = self.totals();
        let (tp, fp) = (self.watches_from[cut], self.others_from[cut]);
        Confusion { tn: others - fp, fp, fn_: watches - tp, tp }
    }

    /// The cuts that some threshold of [0, 1] makes: 0 and every distinct confidence.
    pub(super) fn cuts(&self) -> std::ops::RangeInclusive<usize> {
        self.confidences.partition_point(|confidence| *confidence <= 0.0)..=self.confidences.len()
    }

    /// The thresholds that make cut number `cut`: from the first (included) to the second (excluded, except at 1).
    pub(super) fn thresholds_of(&self, cut: usize) -> (f64, f64) {
        let below = cut.checked_sub(1).map_or(0.0, |below| self.confidences[below]);
        (below, self.confidences.get(cut).copied().unwrap_or(1.0))
    }

    /// Every cut with the lowest threshold that makes it, ascending: the curve of a metric against the threshold.
    pub fn iter(&self) -> impl Iterator<Item = (f64, Confusion)> {
        self.cuts().map(|cut| (self.thresholds_of(cut).0, self.at_cut(cut)))
    }

    /// The probability that a watch has a higher confidence than another image, equal ones counting half: the area under
    /// the ROC curve (Hanley and McNeil 1982).
    pub fn roc_auc(&self) -> f64 {
        let (watches, others) = self.totals();
        let area = |cut: usize| {
            let here = self.others_from[cut] - self.others_from[cut + 1];
            here * f64::midpoint(self.watches_from[cut], self.watches_from[cut + 1])
        };
        (0..self.confidences.len()).map(area).sum::<f64>() / (watches * others)
    }

    /// Σ (Rₙ − Rₙ₋₁)·Pₙ over the distinct confidences, from the highest down: the area under the precision–recall curve
    /// without interpolation.
    pub fn average_precision(&self) -> f64 {
        let (watches, _) = self.totals();
        let step = |cut: usize| {
            let gained = self.watches_from[cut] - self.watches_from[cut + 1];
            gained * self.at_cut(cut).precision()
        };
        (0..self.confidences.len()).map(step).sum::<f64>() / watches
    }

    /// The threshold that serves `objective` best.
    pub fn best(&self, objective: Objective) -> Best {
        objective.best(self)
    }
}
