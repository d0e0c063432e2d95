//! Labelled images, sorted by confidence.

use std::collections::HashMap;

use super::CalibrationError;
use crate::{domain::Confidence, statistics::Strata};

/// One labelled image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    /// What the model said.
    pub confidence: Confidence,
    /// What people said.
    pub watch: bool,
    /// How many images of the catalog it stands for, up to a common factor.
    pub weight: f64,
    /// Its listing, by any number; `None` for an image that belongs to no listing.
    pub group: Option<u32>,
}

impl Label {
    /// A label of weight 1 that belongs to no listing.
    pub const fn new(confidence: Confidence, watch: bool) -> Self {
        Self { confidence, watch, weight: 1.0, group: None }
    }
}

/// Labelled images of both classes, in ascending order of confidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    confidences: Vec<f64>,
    watches: Vec<bool>,
    weights: Vec<f64>,
    /// Dense numbers, in the order in which a group first appears.
    groups: Vec<u32>,
    positions: Vec<u32>,
    strata: Strata,
}

/// The stratum of the groups that hold a watch.
const WITH_WATCH: usize = 0;
/// The stratum of the groups that hold none.
const WITHOUT_WATCH: usize = 1;

impl Labels {
    /// Sorts `labels`.
    ///
    /// # Errors
    /// There are none, all are of one class (a class whose weights are all 0 is absent), or a weight is no finite number ≥ 0.
    pub fn new(labels: &[Label]) -> Result<Self, CalibrationError> {
        if let Some(label) = labels.iter().find(|label| !(label.weight.is_finite() && label.weight >= 0.0)) {
            return Err(CalibrationError::Weight(label.weight));
        }
        if labels.is_empty() {
            return Err(CalibrationError::Empty);
        }
        let has = |watch| labels.iter().any(|label| label.watch == watch && label.weight > 0.0);
        if !(has(true) && has(false)) {
            return Err(CalibrationError::OneClass { n: labels.len(), watches: has(true) });
        }
        let mut positions: Vec<u32> = (0..labels.len() as u32).collect();
        positions.sort_by(|a, b| {
            let [a, b] = [a, b].map(|position| labels[*position as usize].confidence.get());
            a.total_cmp(&b)
        });
        let sorted = || positions.iter().map(|position| &labels[*position as usize]);
        let (groups, strata) = grouped(sorted());
        Ok(Self {
            confidences: sorted().map(|label| label.confidence.get()).collect(),
            watches: sorted().map(|label| label.watch).collect(),
            weights: sorted().map(|label| label.weight).collect(),
            groups,
            strata,
            positions,
        })
    }

    /// How many labelled images there are, and how many of them are watches.
    pub fn counts(&self) -> (usize, usize) {
        (self.watches.len(), self.watches.iter().filter(|watch| **watch).count())
    }

    /// The listings (an image without one counts as its own), with a watch and without.
    pub const fn strata(&self) -> &Strata {
        &self.strata
    }

    /// Confidence, verdict and weight of each, ascending by confidence.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (f64, bool, f64)> + ExactSizeIterator + Clone {
        (0..self.confidences.len()).map(|at| (self.confidences[at], self.watches[at], self.weights[at]))
    }

    /// The group of each, in the order of [`Labels::iter`].
    pub(super) fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// The place of each in the slice that they were made from, in the order of [`Labels::iter`].
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Whether all weights are equal, so that weighted and plain figures are the same.
    pub fn is_unweighted(&self) -> bool {
        self.weights.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Mean squared difference between confidence and verdict (Brier 1950), 0 to 1.
    pub fn brier(&self) -> f64 {
        self.mean(brier)
    }

    /// Mean negative logarithm of the probability given to the verdict, in nats; confidences are clipped to
    /// [1e-6, 1 − 1e-6].
    pub fn log_loss(&self) -> f64 {
        self.mean(log_loss)
    }

    fn mean(&self, of: impl Fn(f64, bool) -> f64) -> f64 {
        let (sum, weights) = self.iter().fold((0.0, 0.0), |(sum, weights), (confidence, watch, weight)| {
            (sum + weight * of(confidence, watch), weights + weight)
        });
        sum / weights
    }
}

/// The squared error of one confidence.
pub(super) fn brier(confidence: f64, watch: bool) -> f64 {
    (confidence - f64::from(u8::from(watch))).powi(2)
}

/// The surprise of one verdict, in nats.
pub(super) fn log_loss(confidence: f64, watch: bool) -> f64 {
    let confidence = confidence.clamp(1e-6, 1.0 - 1e-6);
    -(if watch { confidence } else { 1.0 - confidence }).ln()
}

fn grouped<'a>(labels: impl Iterator<Item = &'a Label>) -> (Vec<u32>, Strata) {
    let mut known: HashMap<u32, u32> = HashMap::new();
    let mut has_watch: Vec<bool> = Vec::new();
    let mut groups = Vec::new();
    for label in labels {
        let next = has_watch.len() as u32;
        let group = label.group.map_or(next, |group| *known.entry(group).or_insert(next));
        if group == next {
            has_watch.push(false);
        }
        has_watch[group as usize] |= label.watch;
        groups.push(group);
    }
    let stratum = |has_watch| if has_watch { WITH_WATCH } else { WITHOUT_WATCH };
    (groups, Strata::new(has_watch.into_iter().map(stratum)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A label of weight 1 without a listing.
    pub(in crate::calibration) fn label(confidence: f64, watch: bool) -> Label {
        Label::new(Confidence::new(confidence).unwrap(), watch)
    }

    #[test]
    fn one_class_is_refused_in_words() {
        let refused = Labels::new(&[label(0.1, true), label(0.2, true)]).unwrap_err();
        assert!(refused.to_string().starts_with("all 2 labelled images are watches"), "{refused}");
        assert!(Labels::new(&[]).unwrap_err().to_string().contains("label some"));
        let weightless = Label { weight: 0.0, ..label(0.2, false) };
        assert!(matches!(
            Labels::new(&[label(0.1, true), weightless]),
            Err(CalibrationError::OneClass { n: 2, watches: true })
        ));
    }

    #[test]
    fn a_listing_with_any_watch_is_a_listing_with_a_watch() {
        let of = |group, watch| Label { group: Some(group), ..label(0.5, watch) };
        let labels =
            [of(9, true), of(9, false), of(3, false), label(0.1, false), label(0.2, true), of(3, false)];
        let labels = Labels::new(&labels).unwrap();
        let sizes: Vec<_> = labels.strata().iter().map(<[u32]>::len).collect();
        assert_eq!((labels.strata().groups(), sizes), (4, vec![2, 2]));
    }
}
