//! How well any model could agree with a mean of so few votes.

use rand::seq::SliceRandom;
use serde::Serialize;

use super::{VoteCounts, correlation::Paired};
use crate::statistics::{Rng, Sampling};

/// What people's own agreement allows a model to reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NoiseCeiling {
    /// Images with at least two votes.
    pub images: usize,
    /// Random splits that were averaged.
    pub splits: usize,
    /// For rank correlations (SRCC).
    pub ranks: Ceiling,
    /// For linear correlations (PLCC).
    pub linear: Ceiling,
}

/// The ceiling of one kind of correlation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ceiling {
    /// The mean correlation between the means of two random halves of the votes.
    pub half: f64,
    /// That of all votes with as many others: 2·half / (1 + half) (Spearman 1910, Brown 1910).
    pub reliability: f64,
    /// The highest correlation with these means that a perfect model would be expected to have: √reliability.
    pub model: f64,
}

/// Splits the votes on each image at random into halves, `sampling.draws` times, and correlates the halves' means over the
/// images. `None` with fewer than three images of two votes, or where the halves are constant.
pub fn noise_ceiling(images: &[VoteCounts], sampling: Sampling) -> Option<NoiseCeiling> {
    let mut votes: Vec<Vec<u8>> = images.iter().map(scores).filter(|scores| scores.len() > 1).collect();
    if votes.len() < 3 {
        return None;
    }
    let once = vec![1; votes.len()];
    let (mut ranks, mut linear, mut splits) = (0.0, 0.0, 0);
    for index in 0..sampling.draws {
        let mut rng = sampling.rng(index);
        let (left, right) = votes.iter_mut().map(|scores| halves(scores, &mut rng)).unzip();
        let halves = Paired::new(left, right);
        let (rank, line) = (halves.spearman(&once), halves.pearson(&once));
        if rank.is_finite() && line.is_finite() {
            ranks += rank;
            linear += line;
            splits += 1;
        }
    }
    (splits > 0).then(|| NoiseCeiling {
        images: votes.len(),
        splits,
        ranks: Ceiling::of(ranks / f64::from(splits as u32)),
        linear: Ceiling::of(linear / f64::from(splits as u32)),
    })
}

impl Ceiling {
    fn of(half: f64) -> Self {
        // Halves that disagree systematically leave nothing to reach.
        let reliability = (2.0 * half / (1.0 + half)).max(0.0);
        Self { half, reliability, model: reliability.sqrt() }
    }
}

fn scores(votes: &VoteCounts) -> Vec<u8> {
    let of = |(count, score): (&u32, u8)| std::iter::repeat_n(score, *count as usize);
    votes.counts().iter().zip(1..).flat_map(of).collect()
}

/// The means of two random halves; the odd vote goes to the second.
fn halves(scores: &mut [u8], rng: &mut Rng) -> (f64, f64) {
    let half = scores.len() / 2;
    let (left, right) = scores.partial_shuffle(rng, half);
    (mean(left), mean(right))
}

fn mean(scores: &[u8]) -> f64 {
    scores.iter().copied().map(f64::from).sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(scores: &[usize]) -> VoteCounts {
        let mut counts = [0; 10];
        scores.iter().for_each(|score| counts[score - 1] += 1);
        VoteCounts::new(counts).unwrap()
    }

    #[test]
    fn people_of_one_mind_allow_everything_and_noise_allows_little() {
        let sampling = Sampling { draws: 100, seed: 1 };
        let unanimous: Vec<_> = (1..=10).map(|score| image(&[score; 6])).collect();
        let ceiling = noise_ceiling(&unanimous, sampling).unwrap();
        assert_eq!((ceiling.splits, ceiling.images), (100, 10));
        assert!((ceiling.ranks.model - 1.0).abs() < 1e-9 && (ceiling.linear.half - 1.0).abs() < 1e-9);
        // Every image has the same votes: what differs between halves is luck, and negatively so.
        let noise: Vec<_> = (0..40).map(|_| image(&[1, 3, 5, 6, 8, 10])).collect();
        assert_eq!(noise_ceiling(&noise, sampling).unwrap().ranks.model, 0.0);
        assert_eq!(noise_ceiling(&unanimous[..2], sampling), None);
    }
}
