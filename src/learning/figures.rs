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

/// *0.912 (0.880 to 0.941)*. Where every resample says the same there is nothing that an interval could be told from.
pub fn with(value: f64, interval: Option<Interval>) -> String {
    let [value, low, high] =
        [value, interval.map_or(value, |sure| sure.low), interval.map_or(value, |sure| sure.high)]
            .map(thousandths);
    match interval {
        Some(sure) if sure.high - sure.low > SAME => format!("{value} ({low} to {high})"),
        Some(_) if value == "1.000" => format!("{value} (no errors to go by)"),
        Some(_) => format!("{value} (nothing differs to go by)"),
        None => value,
    }
}

/// The same for distances and correlations, where 1 is no perfection.
pub fn apart(value: f64, interval: Option<Interval>) -> String {
    match interval {
        Some(sure) if sure.high - sure.low <= SAME => {
            format!("{} (nothing differs to go by)", thousandths(value))
        }
        _ => with(value, interval),
    }
}

/// Resamples that are no further apart say the same.
const SAME: f64 = 1e-9;

/// With three decimals, and no sign before nothing.
fn thousandths(value: f64) -> String {
    let rounded = (value * 1000.0).round() / 1000.0 + 0.0;
    format!("{rounded:.3}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfection_has_no_interval() {
        let sure = |low, high| Some(Interval { low, high });
        assert_eq!(with(0.912, sure(0.88, 0.941)), "0.912 (0.880 to 0.941)");
        assert_eq!(with(-0.1, sure(-0.2, 0.0)), "−0.100 (−0.200 to 0.000)");
        assert_eq!(with(1.0, sure(1.0, 1.0)), "1.000 (no errors to go by)");
        assert_eq!(with(0.0, sure(0.0, 0.0)), "0.000 (nothing differs to go by)");
        assert_eq!(with(1.219, sure(1.1, 1.4)), "1.219 (1.100 to 1.400)", "an error in points is no share");
        assert_eq!(with(-0.000_1, sure(-0.000_2, 0.01)), "0.000 (0.000 to 0.010)");
        assert_eq!(with(0.5, None), "0.500");
        assert_eq!(
            apart(1.0, sure(1.0, 1.0)),
            "1.000 (nothing differs to go by)",
            "one point off everywhere"
        );
        assert_eq!(apart(1.219, sure(1.1, 1.4)), "1.219 (1.100 to 1.400)");
    }
}
