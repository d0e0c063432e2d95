//! Figures with how sure they are, in words.

use crate::{
    calibration::{Evaluation, Metrics},
    statistics::Interval,
};

/// A figure in a row: what it is called, and its value.
pub struct Figure {
    /// What it is called.
    pub name: &'static str,
    /// Its value, with its interval where there is one.
    pub value: String,
}

/// The figures of one cut-off, without intervals.
pub fn of_metrics(metrics: &Metrics) -> Vec<Figure> {
    let figure = |name, value: f64| Figure { name, value: format!("{value:.3}") };
    vec![
        figure("F1", metrics.f1),
        figure("Accuracy", metrics.accuracy),
        figure("Precision", metrics.precision),
        figure("Recall", metrics.recall),
        figure("Specificity", metrics.specificity),
        figure("Youden’s J", metrics.youden_j),
    ]
}

/// The figures of an evaluation, with their 95 % intervals.
pub fn of_evaluation(evaluation: &Evaluation) -> Vec<Figure> {
    let (values, intervals) = (&evaluation.figures, &evaluation.intervals);
    let figure = |name, value: f64, interval: Option<Interval>| Figure { name, value: with(value, interval) };
    vec![
        figure("ROC AUC", values.roc_auc, intervals.roc_auc),
        figure("F1", values.f1, intervals.f1),
        figure("Accuracy", values.accuracy, intervals.accuracy),
        figure("Precision", values.precision, intervals.precision),
        figure("Recall", values.recall, intervals.recall),
    ]
}

/// *0.912 (0.880 to 0.941)*.
pub fn with(value: f64, interval: Option<Interval>) -> String {
    let text = match interval {
        Some(Interval { low, high }) => format!("{value:.3} ({low:.3} to {high:.3})"),
        None => format!("{value:.3}"),
    };
    text.replace('-', "−")
}
