//! A rehearsal of the whole loop on labelled images: draw some as if people had just corrected them, recalibrate, and see
//! what that does to the rest.

use rand::seq::SliceRandom;
use serde::Serialize;

use super::{FoldPlan, Label, Labels, Objective, Sweep, paired_gain};
use crate::{
    domain::Threshold,
    statistics::{Sampling, quantile_of_sorted},
};

/// What many rehearsals have brought.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsal {
    /// The change of F1 on the images that were not drawn, ascending; 0 where the gate stayed shut.
    pub gains: Vec<f64>,
    /// How often the gain was certain enough to change the threshold.
    pub applied: usize,
    /// Draws that could not be judged, because they or the rest held too few of one class.
    pub unusable: usize,
}

impl Rehearsal {
    /// The gain below which the share `q` of the rehearsals lies; `None` if none could be judged.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        (!self.gains.is_empty()).then(|| quantile_of_sorted(&self.gains, q))
    }
}

/// Draws `corrections` of `labels`, `sampling.draws` times, recalibrates the threshold `from` with the gate of
/// [`paired_gain`], and measures the change of F1 on the rest.
pub fn rehearse(labels: &[Label], from: Threshold, corrections: usize, sampling: Sampling) -> Rehearsal {
    let mut rehearsal = Rehearsal { gains: Vec::new(), applied: 0, unusable: 0 };
    for index in 0..sampling.draws {
        let mut rng = sampling.rng(index);
        let mut shuffled = labels.to_vec();
        let (drawn, rest) = shuffled.partial_shuffle(&mut rng, corrections);
        match once(drawn, rest, from, index as u64) {
            Some((applied, gain)) => {
                rehearsal.applied += usize::from(applied);
                rehearsal.gains.push(gain);
            }
            None => rehearsal.unusable += 1,
        }
    }
    rehearsal.gains.sort_unstable_by(f64::total_cmp);
    rehearsal
}

/// Whether the threshold was changed, and by how much F1 rose on the rest.
fn once(drawn: &[Label], rest: &[Label], from: Threshold, seed: u64) -> Option<(bool, f64)> {
    let (drawn, rest) = (Labels::new(drawn).ok()?, Labels::new(rest).ok()?);
    let plan = FoldPlan { seed, ..FoldPlan::default() };
    let sampling = Sampling { seed, ..Sampling::default() };
    let gate = paired_gain(&drawn, from, Objective::F1, plan, sampling).ok()?;
    if !gate.is_certain() {
        return Some((false, 0.0));
    }
    let chosen = Sweep::of(&drawn).best(Objective::F1).threshold;
    let rest = Sweep::of(&rest);
    Some((true, rest.at(chosen).f1() - rest.at(from).f1()))
}
