//! NIMA's ten-bin distribution over the scores 1 to 10, and its moments.

use serde::{Deserialize, Serialize};

/// The scores that the bins stand for.
pub const SCORES: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];

/// How far a stored distribution's sum may lie from 1.
const SUM_TOLERANCE: f64 = 1e-6;

/// Why ten numbers are no distribution.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum DistributionError {
    /// A bin is negative or not finite.
    #[error("bin {score} of the quality distribution is {value}, which is no probability")]
    Bin {
        /// The score (1 to 10) that the bin stands for.
        score: usize,
        /// What was found there.
        value: f64,
    },
    /// The bins do not add up to one.
    #[error("the quality distribution adds up to {0}, not 1")]
    Sum(f64),
}

/// A probability for each of the scores 1 to 10: ten finite bins ≥ 0 whose sum is 1 within 1e-6.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 10]", into = "[f64; 10]")]
pub struct Distribution([f64; 10]);

impl Distribution {
    /// Accepts ten bins that are a distribution already.
    ///
    /// # Errors
    /// A bin that is negative or not finite, or a sum that is further than 1e-6 from 1.
    pub fn new(bins: [f64; 10]) -> Result<Self, DistributionError> {
        Self::normalised(bins, SUM_TOLERANCE)
    }

    /// Accepts what a model put out: a sum that is off by at most `tolerance` is divided out.
    ///
    /// # Errors
    /// As [`Distribution::new`], with `tolerance` for the sum.
    pub fn normalised(bins: [f64; 10], tolerance: f64) -> Result<Self, DistributionError> {
        if let Some(index) = bins.iter().position(|bin| !(bin.is_finite() && *bin >= 0.0)) {
            return Err(DistributionError::Bin { score: index + 1, value: bins[index] });
        }
        let sum: f64 = bins.iter().sum();
        if (sum - 1.0).abs() > tolerance {
            return Err(DistributionError::Sum(sum));
        }
        Ok(Self(bins.map(|bin| bin / sum)))
    }

    /// The ten probabilities, for the scores 1 to 10 in order.
    pub const fn bins(&self) -> &[f64; 10] {
        &self.0
    }

    /// Σ i·pᵢ, between 1 and 10 (Talebi and Milanfar, NIMA, 2018).
    pub fn mean(&self) -> f64 {
        self.expectation(|score| score).clamp(1.0, 10.0)
    }

    /// √Σ (i − mean)²·pᵢ: the population standard deviation, between 0 and 4.5.
    pub fn std(&self) -> f64 {
        let mean = self.mean();
        self.expectation(|score| (score - mean).powi(2)).max(0.0).sqrt()
    }

    fn expectation(&self, of: impl Fn(f64) -> f64) -> f64 {
        SCORES.iter().zip(self.0).map(|(score, probability)| of(*score) * probability).sum()
    }
}

impl TryFrom<[f64; 10]> for Distribution {
    type Error = DistributionError;

    fn try_from(bins: [f64; 10]) -> Result<Self, DistributionError> {
        Self::new(bins)
    }
}

impl From<Distribution> for [f64; 10] {
    fn from(distribution: Distribution) -> Self {
        distribution.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_bin(score: usize) -> Distribution {
        let mut bins = [0.0; 10];
        bins[score - 1] = 1.0;
        Distribution::new(bins).unwrap()
    }

    #[test]
    fn a_certain_score_is_its_own_mean() {
        for score in 1..=10 {
            #[expect(clippy::cast_precision_loss, reason = "at most 10")]
            let expected = score as f64;
            assert_eq!((one_bin(score).mean(), one_bin(score).std()), (expected, 0.0));
        }
    }

    #[test]
    fn the_uniform_distribution_has_the_moments_of_a_ten_sided_die() {
        let uniform = Distribution::new([0.1; 10]).unwrap();
        assert!((uniform.mean() - 5.5).abs() < 1e-12);
        assert!((uniform.std() - (99.0_f64 / 12.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_sum_that_is_off_is_divided_out_up_to_the_tolerance_and_refused_beyond() {
        let mut bins = [0.1; 10];
        bins[0] += 5e-4;
        assert!(Distribution::new(bins).is_err());
        let sum: f64 = Distribution::normalised(bins, 1e-3).unwrap().bins().iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert!(Distribution::normalised([0.0; 10], 1e-3).is_err());
        bins[3] = f64::NAN;
        assert!(matches!(Distribution::normalised(bins, 1e-3), Err(DistributionError::Bin { score: 4, .. })));
    }

    proptest! {
        #[test]
        fn moments_stay_on_the_scale(weights in prop::array::uniform10(0.0..1.0_f64)) {
            let sum: f64 = weights.iter().sum();
            prop_assume!(sum > 1e-3);
            let distribution = Distribution::new(weights.map(|weight| weight / sum)).unwrap();
            prop_assert!((1.0..=10.0).contains(&distribution.mean()));
            prop_assert!((0.0..=4.5 + 1e-9).contains(&distribution.std()));
        }
    }
}
