//! A model with a threshold on labelled images, each figure with its interval.

use std::ops::Range;

use serde::Serialize;

use super::{
    Confusion, Figures, Labels, Sweep, figures,
    labels::{brier, log_loss},
};
use crate::{
    domain::Threshold,
    statistics::{Interval, Sampling, resample},
};

/// What labelled images say about a model and a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// How many labelled images.
    pub n: usize,
    /// How many of them are watches.
    pub positives: usize,
    /// How many listings they belong to (an image without one counts as its own).
    pub groups: usize,
    /// The threshold that the confusion and the figures after `log_loss` belong to.
    pub threshold: Threshold,
    /// The confusion at the threshold.
    pub confusion: Confusion,
    /// The figures on all of them.
    pub figures: Figures<f64>,
    /// Their 95 % intervals: percentiles over resamples of listings within strata.
    pub intervals: Figures<Option<Interval>>,
    /// Resamples that were left out because they held one class only.
    pub dropped: usize,
}

/// Evaluates `threshold` on `labels`, with intervals from resamples of listings, those with a watch and those without
/// each for themselves.
pub fn evaluate(labels: &Labels, threshold: Threshold, sampling: Sampling) -> Evaluation {
    let sweep = Sweep::of(labels);
    let confusion = sweep.at(threshold);
    let ranking = [sweep.roc_auc(), sweep.average_precision(), labels.brier(), labels.log_loss()];
    let pass = Pass::new(labels, threshold);
    let drawn = resample(sampling, Vec::new, |times, rng| {
        labels.strata().draw(rng, times);
        pass.figures(times)
    });
    let (n, positives) = labels.counts();
    Evaluation {
        n,
        positives,
        groups: labels.strata().groups(),
        threshold,
        confusion,
        figures: figures::array(ranking, &confusion.metrics()).into(),
        intervals: drawn.intervals.into(),
        dropped: drawn.dropped,
    }
}

/// What one pass over the labels needs, from the highest confidence down, without a branch per label.
struct Pass {
    rows: Vec<Row>,
    /// The rows of each distinct confidence.
    levels: Vec<Range<u32>>,
    /// How many of the levels lie above the threshold.
    above: usize,
}

#[derive(Clone, Copy)]
struct Row {
    group: u32,
    watch_weight: f64,
    other_weight: f64,
    brier: f64,
    log_loss: f64,
}

impl Pass {
    fn new(labels: &Labels, threshold: Threshold) -> Self {
        let mut levels: Vec<Range<u32>> = Vec::new();
        let (mut last, mut above) = (f64::NAN, 0);
        let mut rows = Vec::with_capacity(labels.iter().len());
        for ((confidence, watch, weight), group) in labels.iter().zip(labels.groups()).rev() {
            let at = rows.len() as u32;
            match levels.last_mut() {
                Some(level) if confidence == last => level.end = at + 1,
                _ => levels.push(at..at + 1),
            }
            last = confidence;
            if confidence > threshold.get() {
                above = levels.len();
            }
            rows.push(Row {
                group: *group,
                watch_weight: if watch { weight } else { 0.0 },
                other_weight: if watch { 0.0 } else { weight },
                brier: weight * brier(confidence, watch),
                log_loss: weight * log_loss(confidence, watch),
            });
        }
        Self { rows, levels, above }
    }

    /// The figures when each group counts `times[group]` times; `None` if only one class is left.
    fn figures(&self, times: &[u32]) -> Option<[f64; 12]> {
        let (mut tp, mut fp, mut area, mut precision) = (0.0, 0.0, 0.0, 0.0);
        let (mut squares, mut surprise) = (0.0, 0.0);
        let mut claimed = (0.0, 0.0);
        for (number, level) in self.levels.iter().enumerate() {
            if number == self.above {
                claimed = (tp, fp);
            }
            let (mut watches, mut others) = (0.0, 0.0);
            for row in &self.rows[level.start as usize..level.end as usize] {
                let times = f64::from(times[row.group as usize]);
                watches += times * row.watch_weight;
                others += times * row.other_weight;
                squares += times * row.brier;
                surprise += times * row.log_loss;
            }
            area += others * (tp + watches / 2.0);
            tp += watches;
            fp += others;
            if watches > 0.0 {
                precision += watches * tp / (tp + fp);
            }
        }
        if self.above == self.levels.len() {
            claimed = (tp, fp);
        }
        let (watches, others) = (tp, fp);
        if watches <= 0.0 || others <= 0.0 {
            return None;
        }
        let (tp, fp) = claimed;
        let confusion = Confusion { tn: others - fp, fp, fn_: watches - tp, tp };
        let total = watches + others;
        let ranking = [area / (watches * others), precision / watches, squares / total, surprise / total];
        Some(figures::array(ranking, &confusion.metrics()))
    }
}
