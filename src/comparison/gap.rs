//! Whether people and model differ on one image by more than the luck of who voted.

use serde::Serialize;

use super::{Pair, Pool, distance};
use crate::statistics::student_t_two_sided;

/// People against the model on one image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// How many voted.
    pub votes: u32,
    /// People's mean.
    pub human_mean: f64,
    /// The standard deviation of people's votes (population).
    pub human_std: f64,
    /// The model's mean.
    pub model_mean: f64,
    /// The standard deviation of the model's distribution.
    pub model_std: f64,
    /// The model's mean less people's.
    pub gap: f64,
    /// Mean |ΔCDF|.
    pub emd_r1: f64,
    /// Root mean square of ΔCDF.
    pub emd_r2: f64,
    /// Σ |ΔCDF|, in score units.
    pub wasserstein: f64,
    /// How probable a gap at least as wide is if people's true mean were the model's; `None` for fewer than two votes.
    pub p_value: Option<f64>,
    /// The share of chance finds among the images with a p-value this small or smaller.
    pub q_value: Option<f64>,
}

impl Gap {
    /// Whether the gap is more than chance: at most one in twenty such finds is expected to be luck.
    pub fn is_more_than_chance(&self) -> bool {
        self.q_value.is_some_and(|q| q <= 0.05)
    }
}

/// The gap of every image, in the order of `pairs`.
///
/// The test is a two-sided one-sample t with the image's variance moderated towards the pooled one (Smyth 2004); looking at
/// many images at once is accounted for by Benjamini and Hochberg's false discovery rate (1995).
pub fn gaps(pairs: &[Pair], pool: &Pool) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = pairs.iter().map(|pair| gap(pair, pool)).collect();
    let mut tested: Vec<usize> = (0..gaps.len()).filter(|at| gaps[*at].p_value.is_some()).collect();
    tested.sort_by(|a, b| {
        let [a, b] = [a, b].map(|at| gaps[*at].p_value.unwrap_or(1.0));
        b.total_cmp(&a)
    });
    let (count, mut least) = (tested.len(), 1.0_f64);
    for (from_last, at) in tested.into_iter().enumerate() {
        let rank = (count - from_last) as f64;
        least = gaps[at].p_value.map_or(least, |p| least.min(p * count as f64 / rank));
        gaps[at].q_value = Some(least);
    }
    gaps
}

fn gap(pair: &Pair, pool: &Pool) -> Gap {
    let (votes, model) = (&pair.votes, &pair.model);
    let (shares, gap) = (votes.shares(), model.mean() - votes.mean());
    let p_value = (votes.n() >= 2).then(|| {
        let (variance, degrees) = pool.moderated(votes);
        student_t_two_sided(gap / (variance / f64::from(votes.n())).sqrt(), degrees)
    });
    Gap {
        votes: votes.n(),
        human_mean: votes.mean(),
        human_std: votes.std(),
        model_mean: model.mean(),
        model_std: model.std(),
        gap,
        emd_r1: distance::emd(&shares, model.bins(), 1),
        emd_r2: distance::emd(&shares, model.bins(), 2),
        wasserstein: distance::wasserstein(&shares, model.bins()),
        p_value,
        q_value: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{comparison::VoteCounts, domain::Distribution};

    fn pair(counts: [u32; 10], bins: [f64; 10]) -> Pair {
        Pair { votes: VoteCounts::new(counts).unwrap(), model: Distribution::new(bins).unwrap(), group: None }
    }

    #[test]
    fn the_same_gap_is_chance_for_few_votes_and_none_for_many() {
        let low = [0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0];
        let few = pair([0, 0, 1, 0, 0, 0, 0, 1, 0, 0], low);
        let many = pair([0, 0, 20, 20, 20, 20, 20, 20, 0, 0], low);
        let one = pair([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], low);
        let pairs = [few, many, one];
        let gaps = gaps(&pairs, &Pool::of(pairs.iter().map(|pair| &pair.votes)));
        assert!((gaps[0].gap + 1.0).abs() < 1e-12 && (gaps[1].gap + 1.0).abs() < 1e-12);
        assert!(!gaps[0].is_more_than_chance() && gaps[1].is_more_than_chance(), "{gaps:?}");
        assert_eq!((gaps[2].p_value, gaps[2].q_value), (None, None));
        assert!(gaps[0].q_value >= gaps[0].p_value);
    }
}
