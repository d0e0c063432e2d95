//! Whether a newly chosen threshold would be better than the one in use: the gate of recalibration.

use serde::Serialize;

use super::{CalibrationError, Confusion, FoldPlan, Labels, Objective, folds::HeldBack};
use crate::{
    domain::Threshold,
    statistics::{Interval, Sampling, resample},
};

/// The gain of choosing anew over the threshold in use, on images that did not choose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedGain {
    /// [`Objective::value`] of the threshold in use.
    pub current: f64,
    /// The same of the thresholds chosen anew, on the folds held back.
    pub proposed: f64,
    /// `proposed − current`.
    pub gain: f64,
    /// The 95 % interval of the gain: both are judged on the same resamples of listings.
    pub interval: Option<Interval>,
    /// Resamples that were left out because they held one class only.
    pub dropped: usize,
}

impl PairedGain {
    /// Whether the gain is certain enough to propose the change: its whole interval lies above 0.
    pub fn is_certain(&self) -> bool {
        self.interval.is_some_and(|interval| interval.low > 0.0)
    }
}

/// The gain of choosing a threshold for `objective` over `current`, in grouped cross-validation.
///
/// # Errors
/// As [`cross_validate`](super::cross_validate).
pub fn paired_gain(
    labels: &Labels,
    current: Threshold,
    objective: Objective,
    plan: FoldPlan,
    sampling: Sampling,
) -> Result<PairedGain, CalibrationError> {
    let mut rows: Vec<Row> = labels
        .iter()
        .zip(labels.groups())
        .map(|((confidence, watch, weight), group)| Row {
            group: *group,
            watch,
            weight,
            current: confidence > current.get(),
            proposed: Vec::new(),
        })
        .collect();
    for repeat in 0..plan.repeats.max(1) {
        let held_back = HeldBack::deal(labels, objective, plan, repeat)?;
        rows.iter_mut()
            .zip(held_back.decisions(labels))
            .for_each(|(row, claimed)| row.proposed.push(claimed));
    }
    let values = |times: Option<&[u32]>| values(&rows, objective, plan.repeats.max(1), times);
    let drawn = resample(sampling, Vec::new, |times, rng| {
        labels.strata().draw(rng, times);
        values(Some(times)).map(|(current, proposed)| [proposed - current])
    });
    let (current, proposed) = values(None).unwrap_or_default();
    let [interval] = drawn.intervals;
    Ok(PairedGain { current, proposed, gain: proposed - current, interval, dropped: drawn.dropped })
}

struct Row {
    group: u32,
    watch: bool,
    weight: f64,
    current: bool,
    /// One decision per repeat.
    proposed: Vec<bool>,
}

/// The value of the current threshold, and the mean value of the proposed ones over the repeats.
fn values(rows: &[Row], objective: Objective, repeats: usize, times: Option<&[u32]>) -> Option<(f64, f64)> {
    let mut current = Confusion::default();
    let mut proposed = vec![Confusion::default(); repeats];
    for row in rows {
        let times = times.map_or(1, |times| times[row.group as usize]);
        if times == 0 {
            continue;
        }
        let weight = row.weight * f64::from(times);
        current.add(row.watch, row.current, weight);
        for (confusion, claimed) in proposed.iter_mut().zip(&row.proposed) {
            confusion.add(row.watch, *claimed, weight);
        }
    }
    let both = current.tp + current.fn_ > 0.0 && current.tn + current.fp > 0.0;
    let mean = proposed.iter().map(|confusion| objective.value(confusion)).sum::<f64>() / repeats as f64;
    both.then(|| (objective.value(&current), mean))
}
