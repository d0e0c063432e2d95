//! How well a model's scores agree with people's, over many images.

use serde::Serialize;

use super::{VoteCounts, correlation::Paired, distance};
use crate::{
    domain::Distribution,
    statistics::{Interval, Sampling, Strata, resample},
};

/// One image: what people said, and what the model said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// People's votes.
    pub votes: VoteCounts,
    /// The model's distribution.
    pub model: Distribution,
    /// Its listing, by any number; `None` for an image that belongs to no listing.
    pub group: Option<u32>,
}

/// One `T` per figure: a number (`None` where it is undefined), or its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement<T> {
    /// Spearman's rank correlation of the means.
    pub srcc: T,
    /// Pearson's correlation of the means.
    pub plcc: T,
    /// Kendall's tau-b of the means.
    pub krcc_tau_b: T,
    /// Root of the mean squared difference of the means, in score units.
    pub rmse: T,
    /// Mean absolute difference of the means.
    pub mae: T,
    /// Mean of the model's mean less people's.
    pub bias_model_minus_human: T,
    /// Mean over images of the mean |ΔCDF|.
    pub emd_r1_mean: T,
    /// Mean over images of the root mean square of ΔCDF.
    pub emd_r2_mean: T,
    /// Mean over images of Σ |ΔCDF|.
    pub wasserstein_score_units_mean: T,
    /// Share of images that both put on the same side of 5 (above, strictly).
    pub accuracy_cut_5: T,
    /// Spearman's rank correlation of the standard deviations.
    pub std_srcc: T,
    /// Pearson's correlation of the standard deviations.
    pub std_plcc: T,
}

/// What many images say about a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// How many images.
    pub n: usize,
    /// How many listings they belong to (an image without one counts as its own).
    pub groups: usize,
    /// The figures.
    pub figures: Agreement<Option<f64>>,
    /// Their 95 % intervals: percentiles over resamples of listings.
    pub intervals: Agreement<Option<Interval>>,
}

/// Means are rounded to so many parts before they are ranked: equal ones must tie.
const ROUNDING: f64 = 1e12;

/// A mean without the noise of its last digits.
pub(super) fn rounded(mean: f64) -> f64 {
    (mean * ROUNDING).round_ties_even() / ROUNDING
}

/// Compares people and model over `pairs`.
pub fn compare(pairs: &[Pair], sampling: Sampling) -> Comparison {
    let columns = Columns::of(pairs);
    let (group_of, groups) = groups(pairs);
    let strata = Strata::single(groups);
    let whole = columns.figures(&vec![1; pairs.len()]);
    let drawn = resample(
        sampling,
        || (Vec::new(), vec![0; pairs.len()]),
        |(group_times, times), rng| {
            strata.draw(rng, group_times);
            times.iter_mut().zip(&group_of).for_each(|(times, group)| *times = group_times[*group as usize]);
            times.iter().any(|times| *times > 0).then(|| columns.figures(times))
        },
    );
    Comparison {
        n: pairs.len(),
        groups,
        figures: whole.map(|figure| (!figure.is_nan()).then_some(figure)).into(),
        intervals: drawn.intervals.into(),
    }
}

fn groups(pairs: &[Pair]) -> (Vec<u32>, usize) {
    let mut known = std::collections::HashMap::new();
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let group_of = pairs
        .iter()
        .map(|pair| match pair.group {
            Some(group) => *known.entry(group).or_insert_with(&mut fresh),
            None => fresh(),
        })
        .collect();
    (group_of, next as usize)
}

struct Columns {
    means: Paired,
    stds: Paired,
    /// Of each image: difference of the means, EMD of both orders, Wasserstein distance, agreement at the cut.
    rows: Vec<[f64; 5]>,
}

impl Columns {
    fn of(pairs: &[Pair]) -> Self {
        let human: Vec<f64> = pairs.iter().map(|pair| rounded(pair.votes.mean())).collect();
        let model: Vec<f64> = pairs.iter().map(|pair| rounded(pair.model.mean())).collect();
        let row = |((pair, human), model): ((&Pair, &f64), &f64)| {
            let (a, b) = (pair.votes.shares(), pair.model.bins());
            let same_side = (*human > 5.0) == (*model > 5.0);
            [
                model - human,
                distance::emd(&a, b, 1),
                distance::emd(&a, b, 2),
                distance::wasserstein(&a, b),
                f64::from(u8::from(same_side)),
            ]
        };
        let rows = pairs.iter().zip(&human).zip(&model).map(row).collect();
        // Rounded as well: equal spreads must tie.
        let stds = Paired::new(
            pairs.iter().map(|pair| rounded(pair.votes.std())).collect(),
            pairs.iter().map(|pair| rounded(pair.model.std())).collect(),
        );
        Self { means: Paired::new(human, model), stds, rows }
    }

    /// In the order of [`Agreement`]; NaN for what is undefined.
    fn figures(&self, times: &[u32]) -> [f64; 12] {
        let (mut n, mut sums, mut squares, mut absolute) = (0.0, [0.0; 5], 0.0, 0.0);
        for (row, times) in self.rows.iter().zip(times) {
            let times = f64::from(*times);
            n += times;
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += times * value);
            squares += times * row[0] * row[0];
            absolute += times * row[0].abs();
        }
        let [bias, emd_r1, emd_r2, wasserstein, same_side] = sums.map(|sum| sum / n);
        [
            self.means.spearman(times),
            self.means.pearson(times),
            self.means.kendall(times),
            (squares / n).sqrt(),
            absolute / n,
            bias,
            emd_r1,
            emd_r2,
            wasserstein,
            same_side,
            self.stds.spearman(times),
            self.stds.pearson(times),
        ]
    }
}

impl<T> From<[T; 12]> for Agreement<T> {
    fn from(values: [T; 12]) -> Self {
        let [
            srcc,
            plcc,
            krcc_tau_b,
            rmse,
            mae,
            bias,
            emd_r1,
            emd_r2,
            wasserstein,
            accuracy,
            std_srcc,
            std_plcc,
        ] = values;
        Self {
            srcc,
            plcc,
            krcc_tau_b,
            rmse,
            mae,
            bias_model_minus_human: bias,
            emd_r1_mean: emd_r1,
            emd_r2_mean: emd_r2,
            wasserstein_score_units_mean: wasserstein,
            accuracy_cut_5: accuracy,
            std_srcc,
            std_plcc,
        }
    }
}
