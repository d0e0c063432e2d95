//! The four cells of a decision, and what follows from them.

use serde::Serialize;

/// Weights of the labelled images by verdict and decision; whole numbers where every label weighs 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Confusion {
    /// No watch, and none claimed.
    pub tn: f64,
    /// No watch, but one claimed: a false alarm.
    pub fp: f64,
    /// A watch that was missed.
    #[serde(rename = "fn")]
    pub fn_: f64,
    /// A watch that was found.
    pub tp: f64,
}

/// What follows from a [`Confusion`]. A ratio without a denominator is 0, as in scikit-learn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Share of right decisions.
    pub accuracy: f64,
    /// Share of watches among what was claimed to be one.
    pub precision: f64,
    /// Share of the watches that was found.
    pub recall: f64,
    /// Share of the others that was left alone.
    pub specificity: f64,
    /// Mean of recall and specificity.
    pub balanced_accuracy: f64,
    /// Correlation of decision and verdict (Matthews 1975), −1 to 1.
    pub mcc: f64,
    /// Recall + specificity − 1 (Youden 1950).
    pub youden_j: f64,
    /// The cells that all of them come from.
    pub confusion: Confusion,
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl Confusion {
    /// Counts one decision.
    pub fn add(&mut self, watch: bool, claimed: bool, weight: f64) {
        let cell = match (watch, claimed) {
            (true, true) => &mut self.tp,
            (true, false) => &mut self.fn_,
            (false, true) => &mut self.fp,
            (false, false) => &mut self.tn,
        };
        *cell += weight;
    }

    /// 2·tp / (2·tp + fp + fn).
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.tp, 2.0 * self.tp + self.fp + self.fn_)
    }

    /// (tp + tn) / all.
    pub fn accuracy(&self) -> f64 {
        ratio(self.tp + self.tn, self.total())
    }

    /// tp / (tp + fp).
    pub fn precision(&self) -> f64 {
        ratio(self.tp, self.tp + self.fp)
    }

    /// tp / (tp + fn).
    pub fn recall(&self) -> f64 {
        ratio(self.tp, self.tp + self.fn_)
    }

    /// tn / (tn + fp).
    pub fn specificity(&self) -> f64 {
        ratio(self.tn, self.tn + self.fp)
    }

    /// Recall + specificity − 1.
    pub fn youden_j(&self) -> f64 {
        self.recall() + self.specificity() - 1.0
    }

    /// (tp·tn − fp·fn) / √((tp + fp)(tp + fn)(tn + fp)(tn + fn)).
    pub fn mcc(&self) -> f64 {
        let Self { tn, fp, fn_, tp } = *self;
        // The roots one by one: the product of four large counts loses digits.
        let scale = (tp + fp).sqrt() * (tp + fn_).sqrt() * (tn + fp).sqrt() * (tn + fn_).sqrt();
        if scale > 0.0 { (tp * tn - fp * fn_) / scale } else { 0.0 }
    }

    /// The weight of all labels.
    pub fn total(&self) -> f64 {
        self.tn + self.fp + self.fn_ + self.tp
    }

    /// Everything at once.
    pub fn metrics(&self) -> Metrics {
        Metrics {
            f1: self.f1(),
            accuracy: self.accuracy(),
            precision: self.precision(),
            recall: self.recall(),
            specificity: self.specificity(),
            balanced_accuracy: f64::midpoint(self.recall(), self.specificity()),
            mcc: self.mcc(),
            youden_j: self.youden_j(),
            confusion: *self,
        }
    }
}
