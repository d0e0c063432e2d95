//! What a threshold is chosen for.

use serde::{Deserialize, Serialize};

use super::{Confusion, Sweep};
use crate::domain::Threshold;

/// What a threshold is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Objective {
    /// The highest F1.
    F1,
    /// The highest accuracy.
    Accuracy,
    /// The highest recall + specificity − 1.
    Youden,
    /// The highest precision of those with at least this recall.
    RecallAtLeast {
        /// In [0, 1].
        recall: f64,
    },
    /// The highest recall of those with at least this precision.
    PrecisionAtLeast {
        /// In [0, 1].
        precision: f64,
    },
    /// The lowest cost per image.
    Cost {
        /// Of a watch that is missed.
        miss: f64,
        /// Of a false alarm.
        false_alarm: f64,
    },
}

/// A chosen threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Best {
    /// The middle of the widest run of equally good thresholds.
    pub threshold: Threshold,
    /// That run's lower end, which gives the same labels.
    pub low: f64,
    /// That run's upper end: the next confidence above, which would be labelled otherwise.
    pub high: f64,
    /// [`Objective::value`] there.
    pub value: f64,
    /// Whether a demanded recall or precision is reached; the nearest miss is given where none is.
    pub met: bool,
    /// The confusion there.
    pub confusion: Confusion,
}

/// Values closer than this are equal: they differ by rounding only.
const EQUAL: f64 = 1e-12;

impl Objective {
    /// How good a confusion is, more being better. A demand that is not met counts below every one that is: by how much
    /// it is missed, negative. A cost counts negative, per image.
    pub fn value(self, confusion: &Confusion) -> f64 {
        let demand = |got: f64, wanted: f64, then: f64| if got < wanted { got - wanted } else { then };
        match self {
            Self::F1 => confusion.f1(),
            Self::Accuracy => confusion.accuracy(),
            Self::Youden => confusion.youden_j(),
            Self::RecallAtLeast { recall } => demand(confusion.recall(), recall, confusion.precision()),
            Self::PrecisionAtLeast { precision } => {
                demand(confusion.precision(), precision, confusion.recall())
            }
            Self::Cost { miss, false_alarm } => {
                -(miss * confusion.fn_ + false_alarm * confusion.fp) / confusion.total()
            }
        }
    }

    fn is_met(self, confusion: &Confusion) -> bool {
        match self {
            Self::RecallAtLeast { recall } => confusion.recall() >= recall,
            Self::PrecisionAtLeast { precision } => confusion.precision() >= precision,
            _ => true,
        }
    }

    /// The best threshold of `sweep`: of equal optima the middle of the widest run of thresholds, of equally wide runs
    /// the lowest.
    pub(super) fn best(self, sweep: &Sweep) -> Best {
        let values: Vec<f64> = sweep.cuts().map(|cut| self.value(&sweep.at_cut(cut))).collect();
        let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = *sweep.cuts().start();
        let mut widest: Option<(f64, f64, usize)> = None;
        let mut run: Option<(f64, usize)> = None;
        for (cut, value) in (first..).zip(&values) {
            if *value < top - EQUAL {
                run = None;
                continue;
            }
            let (low, high) = sweep.thresholds_of(cut);
            let (low, start) = *run.get_or_insert((low, cut));
            if widest.is_none_or(|(from, to, _)| high - low > to - from) {
                widest = Some((low, high, start));
            }
        }
        let (low, high, cut) = widest.unwrap_or((0.0, 1.0, first));
        let confusion = sweep.at_cut(cut);
        Best {
            threshold: between(low, high),
            low,
            high,
            value: self.value(&confusion),
            met: self.is_met(&confusion),
            confusion,
        }
    }
}

/// The middle of `low` and `high`, but never `high` itself, which would be labelled otherwise.
fn between(low: f64, high: f64) -> Threshold {
    let middle = f64::midpoint(low, high);
    let middle = if middle < high { middle } else { low };
    #[expect(clippy::expect_used, reason = "both ends come from [0, 1], and so does what lies between")]
    Threshold::new(middle).expect("the middle of two confidences is one")
}
