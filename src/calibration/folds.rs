//! What a way of choosing a threshold is worth on images that did not choose it.

use rand::seq::SliceRandom;
use serde::Serialize;

use super::{CalibrationError, Confusion, Labels, Metrics, Objective, Sweep};
use crate::{domain::Threshold, statistics::Sampling};

/// How labels are held back: listings stay together, those with a watch and those without are spread evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldPlan {
    /// Folds, at most; fewer where there are fewer listings of a kind.
    pub folds: usize,
    /// How often all is dealt anew and repeated; results are averaged.
    pub repeats: usize,
    /// What the dealing is made from.
    pub seed: u64,
}

impl Default for FoldPlan {
    /// Five folds, five times, from seed 1.
    fn default() -> Self {
        Self { folds: 5, repeats: 5, seed: 1 }
    }
}

/// A chosen threshold, judged on images that did not choose it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrossValidated {
    /// The metrics of the held-back decisions, all folds and repeats taken together.
    pub metrics: Metrics,
    /// The threshold that each fold would have chosen, ascending: how far they scatter.
    pub thresholds: Vec<f64>,
    /// The folds that were possible.
    pub folds: usize,
}

/// Chooses a threshold for `objective` without each fold in turn, and judges it on that fold.
///
/// # Errors
/// There are fewer than two listings with a watch or fewer than two without, or the rest of a fold is of one class.
pub fn cross_validate(
    labels: &Labels,
    objective: Objective,
    plan: FoldPlan,
) -> Result<CrossValidated, CalibrationError> {
    let mut pooled = Confusion::default();
    let mut thresholds = Vec::new();
    let mut folds = 0;
    for repeat in 0..plan.repeats.max(1) {
        let held_back = HeldBack::deal(labels, objective, plan, repeat)?;
        for ((_, watch, weight), claimed) in labels.iter().zip(held_back.decisions(labels)) {
            pooled.add(watch, claimed, weight / plan.repeats.max(1) as f64);
        }
        folds = held_back.thresholds.len();
        thresholds.extend(held_back.thresholds.iter().map(|threshold| threshold.get()));
    }
    thresholds.sort_unstable_by(f64::total_cmp);
    Ok(CrossValidated { metrics: pooled.metrics(), thresholds, folds })
}

/// One dealing: the fold of each group, and the threshold that the rest of each fold chose.
pub(super) struct HeldBack {
    fold_of: Vec<usize>,
    thresholds: Vec<Threshold>,
}

impl HeldBack {
    /// Deals number `repeat`, and chooses the thresholds.
    ///
    /// # Errors
    /// As [`cross_validate`].
    pub(super) fn deal(
        labels: &Labels,
        objective: Objective,
        plan: FoldPlan,
        repeat: usize,
    ) -> Result<Self, CalibrationError> {
        let sizes: Vec<usize> = labels.strata().iter().map(<[u32]>::len).collect();
        let (watch, other) = (sizes.first().copied().unwrap_or(0), sizes.get(1).copied().unwrap_or(0));
        let too_few = CalibrationError::TooFewGroups { watch, other };
        let folds = plan.folds.min(watch).min(other);
        if folds < 2 {
            return Err(too_few);
        }
        let mut rng = Sampling { draws: 0, seed: plan.seed }.rng(repeat);
        let mut fold_of = vec![0; labels.strata().groups()];
        for stratum in labels.strata().iter() {
            let mut shuffled = stratum.to_vec();
            shuffled.shuffle(&mut rng);
            for (at, group) in shuffled.into_iter().enumerate() {
                fold_of[group as usize] = at % folds;
            }
        }
        let chosen = |fold| {
            let rows: Vec<_> = labels
                .iter()
                .zip(labels.groups())
                .filter(|(_, group)| fold_of[**group as usize] != fold)
                .map(|(row, _)| row)
                .collect();
            let sweep = Sweep::of_sorted(rows.into_iter());
            let (watches, others) = sweep.totals();
            (watches > 0.0 && others > 0.0).then(|| sweep.best(objective).threshold).ok_or(too_few)
        };
        let thresholds = (0..folds).map(chosen).collect::<Result<_, _>>()?;
        Ok(Self { fold_of, thresholds })
    }

    /// Whether each label, in their order, is claimed a watch by the threshold that it did not help to choose.
    pub(super) fn decisions<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = bool> + 'a {
        labels.iter().zip(labels.groups()).map(|((confidence, ..), group)| {
            confidence > self.thresholds[self.fold_of[*group as usize]].get()
        })
    }
}
