//! The twelve figures by which a model with a threshold is judged.

use serde::Serialize;

use super::Metrics;

/// One `T` per figure: a number, or its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures<T> {
    /// Area under the ROC curve.
    pub roc_auc: T,
    /// Area under the precision–recall curve.
    pub average_precision: T,
    /// Mean squared error of the confidence.
    pub brier: T,
    /// Mean surprise, in nats.
    pub log_loss: T,
    /// At the threshold: harmonic mean of precision and recall.
    pub f1: T,
    /// At the threshold: share of right decisions.
    pub accuracy: T,
    /// At the threshold: share of watches among what is claimed to be one.
    pub precision: T,
    /// At the threshold: share of the watches that is found.
    pub recall: T,
    /// At the threshold: share of the others that is left alone.
    pub specificity: T,
    /// At the threshold: mean of recall and specificity.
    pub balanced_accuracy: T,
    /// At the threshold: Matthews' correlation.
    pub mcc: T,
    /// At the threshold: recall + specificity − 1.
    pub youden_j: T,
}

impl<T> From<[T; 12]> for Figures<T> {
    fn from(values: [T; 12]) -> Self {
        let [
            roc_auc,
            average_precision,
            brier,
            log_loss,
            f1,
            accuracy,
            precision,
            recall,
            specificity,
            balanced_accuracy,
            mcc,
            youden_j,
        ] = values;
        Self {
            roc_auc,
            average_precision,
            brier,
            log_loss,
            f1,
            accuracy,
            precision,
            recall,
            specificity,
            balanced_accuracy,
            mcc,
            youden_j,
        }
    }
}

/// The figures in the order of [`Figures`]: ROC AUC, average precision, Brier, log loss, then those at the threshold.
pub(super) const fn array(ranking: [f64; 4], at_threshold: &Metrics) -> [f64; 12] {
    let [roc_auc, average_precision, brier, log_loss] = ranking;
    let Metrics { f1, accuracy, precision, recall, specificity, balanced_accuracy, mcc, youden_j, .. } =
        *at_threshold;
    [
        roc_auc,
        average_precision,
        brier,
        log_loss,
        f1,
        accuracy,
        precision,
        recall,
        specificity,
        balanced_accuracy,
        mcc,
        youden_j,
    ]
}
