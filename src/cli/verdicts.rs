//! The table of the original notebook: what each threshold is worth on labelled images.

use std::fmt;

use serde_json::{Value, json};

use super::text::{aligned, cells, interval, number};
use crate::{
    calibration::{
        Best, CalibrationError, Confusion, CrossValidated, Evaluation, FoldPlan, Label, Labels, Metrics,
        ORIGINAL_THRESHOLDS, Objective, Sweep, cross_validate, evaluate,
    },
    domain::{OutOfRange, Threshold},
    statistics::{Interval, Sampling},
};

/// What labelled images say about the confidences that a model gave them.
#[derive(Debug)]
pub(super) struct Verdicts {
    /// What was evaluated, in words.
    of: String,
    /// The threshold in use, if there is one.
    in_use: Option<Threshold>,
    sweep: Sweep,
    best: Best,
    youden: Best,
    /// At the best threshold, with intervals.
    evaluation: Evaluation,
    held_back: Result<CrossValidated, CalibrationError>,
}

impl Verdicts {
    /// Evaluates `labels`, with intervals from 1,000 seeded resamples.
    pub(super) fn new(
        of: String,
        labels: &[Label],
        in_use: Option<Threshold>,
    ) -> Result<Self, CalibrationError> {
        let labels = Labels::new(labels)?;
        let sweep = Sweep::of(&labels);
        let best = sweep.best(Objective::F1);
        Ok(Self {
            of,
            in_use,
            youden: sweep.best(Objective::Youden),
            evaluation: evaluate(&labels, best.threshold, Sampling::default()),
            held_back: cross_validate(&labels, Objective::F1, FoldPlan::default()),
            sweep,
            best,
        })
    }

    fn at(&self, threshold: f64) -> Result<Metrics, OutOfRange> {
        Ok(self.sweep.at(Threshold::new(threshold)?).metrics())
    }

    /// Everything, under the names that scikit-learn's figures have in the reference files.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        let Evaluation { n, positives, figures, intervals, dropped, groups, .. } = self.evaluation;
        let row = |threshold: f64| -> Result<Value, OutOfRange> {
            Ok(metrics_json(threshold, &self.at(threshold)?))
        };
        let thresholds = ORIGINAL_THRESHOLDS.map(row).into_iter().collect::<Result<Vec<_>, _>>()?;
        let in_use = self.in_use.map(|threshold| row(threshold.get())).transpose()?;
        Ok(json!({
            "of": self.of,
            "n": n,
            "positives": positives,
            "roc_auc": figures.roc_auc,
            "average_precision": figures.average_precision,
            "brier": figures.brier,
            "log_loss_clipped_1e_6": figures.log_loss,
            "best_f1": self.best.value,
            "youden_j": self.youden.value,
            "thresholds": thresholds,
            "model_threshold": in_use,
            "best": metrics_json(self.best.threshold.get(), &self.best.confusion.metrics()),
            "intervals_95": intervals,
            "resampled": { "listings": groups, "dropped": dropped },
            "held_back": self.held_back.as_ref().ok(),
        }))
    }

    fn figures(&self) -> Vec<Vec<String>> {
        let Evaluation { figures, intervals, .. } = &self.evaluation;
        let row = |name, value: f64, found: Option<Interval>| {
            let is_perfect = found.is_some_and(|Interval { low, .. }| low >= 1.0 && value <= 1.0);
            let sure = if is_perfect { "no errors to go by".to_owned() } else { interval(found) };
            vec![String::from(name), number(value), sure]
        };
        vec![
            cells(["", "value", "95 % interval"]),
            row("ROC AUC", figures.roc_auc, intervals.roc_auc),
            row("average precision", figures.average_precision, intervals.average_precision),
            row("Brier score", figures.brier, intervals.brier),
            row("log loss", figures.log_loss, intervals.log_loss),
            row("best F1", figures.f1, intervals.f1),
            row("accuracy there", figures.accuracy, intervals.accuracy),
        ]
    }

    fn thresholds(&self) -> Vec<Vec<String>> {
        let header = [
            "threshold",
            "F1",
            "accuracy",
            "precision",
            "recall",
            "specificity",
            "balanced",
            "MCC",
            "tn",
            "fp",
            "fn",
            "tp",
        ];
        let mut rows = vec![cells(header)];
        for threshold in ORIGINAL_THRESHOLDS {
            rows.extend(self.at(threshold).map(|metrics| row(threshold, "", &metrics)));
        }
        if let Some(in_use) = self.in_use {
            rows.push(row(in_use.get(), "  the model's", &self.sweep.at(in_use).metrics()));
        }
        for (note, best) in [("  best F1", &self.best), ("  best Youden J", &self.youden)] {
            rows.push(row(best.threshold.get(), note, &best.confusion.metrics()));
        }
        rows
    }
}

/// A row of the table of thresholds.
fn row(threshold: f64, note: &str, metrics: &Metrics) -> Vec<String> {
    let Metrics { f1, accuracy, precision, recall, specificity, balanced_accuracy, mcc, confusion, .. } =
        *metrics;
    let Confusion { tn, fp, fn_, tp } = confusion;
    let shares = [f1, accuracy, precision, recall, specificity, balanced_accuracy, mcc].map(number);
    let counts = [tn, fp, fn_, tp].map(|count| count.to_string());
    let name = format!("{}{note}", shortened(threshold));
    std::iter::once(name).chain(shares).chain(counts).collect()
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evaluation { n, positives, groups, dropped, .. } = self.evaluation;
        writeln!(f, "{}", self.of)?;
        writeln!(f, "{n} labelled images, {positives} of them watches\n")?;
        write!(f, "{}", aligned(&self.figures()))?;
        writeln!(f, "\n{}", aligned(&self.thresholds()))?;
        let (low, high) = (shortened(self.best.low), shortened(self.best.high));
        writeln!(f, "Every threshold from {low} up to, but not including, {high} gives the best F1.")?;
        match &self.held_back {
            Ok(held_back) => writeln!(
                f,
                "Chosen and judged on different images ({} folds): F1 {:.4}, accuracy {:.4}.",
                held_back.folds, held_back.metrics.f1, held_back.metrics.accuracy
            )?,
            Err(why) => writeln!(f, "Not judged on images that did not choose it: {why}.")?,
        }
        writeln!(
            f,
            "Intervals: 1,000 resamples of {groups} listings or single images, {dropped} of one class left out."
        )
    }
}

/// At most six decimals, and no more than needed.
fn shortened(threshold: f64) -> String {
    let text = format!("{threshold:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn metrics_json(threshold: f64, metrics: &Metrics) -> Value {
    // Labels weigh 1 here, so that the cells are counts.
    let Confusion { tn, fp, fn_, tp } = metrics.confusion;
    let [tn, fp, fn_, tp] = [tn, fp, fn_, tp].map(|count| count as u64);
    json!({
        "threshold": threshold,
        "f1": metrics.f1,
        "accuracy": metrics.accuracy,
        "precision": metrics.precision,
        "recall": metrics.recall,
        "specificity": metrics.specificity,
        "balanced_accuracy": metrics.balanced_accuracy,
        "mcc": metrics.mcc,
        "confusion": { "tn": tn, "fp": fp, "fn": fn_, "tp": tp },
    })
}
