//! The votes on one image, without who gave them.

use serde::Serialize;

use crate::domain::{Distribution, SCORES};

/// How many people gave each of the scores 1 to 10; at least one did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct VoteCounts([u32; 10]);

/// An image on which nobody voted has no mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no votes")]
pub struct NoVotes;

impl VoteCounts {
    /// The counts of the scores 1 to 10, in order.
    ///
    /// # Errors
    /// All are 0.
    pub fn new(counts: [u32; 10]) -> Result<Self, NoVotes> {
        if counts.iter().all(|count| *count == 0) { Err(NoVotes) } else { Ok(Self(counts)) }
    }

    /// The counts of the scores 1 to 10, in order.
    pub const fn counts(&self) -> &[u32; 10] {
        &self.0
    }

    /// How many votes there are.
    pub fn n(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Σ i·v / Σ v.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.0.iter().zip(SCORES).map(|(count, score)| f64::from(*count) * score).sum();
        sum / f64::from(self.n())
    }

    /// The square root of Σ v·(i − mean)² / Σ v: the population's formula, as for a model's distribution.
    pub fn std(&self) -> f64 {
        (self.squares() / f64::from(self.n())).sqrt()
    }

    /// Σ v·(i − mean)².
    pub(super) fn squares(&self) -> f64 {
        let mean = self.mean();
        self.0.iter().zip(SCORES).map(|(count, score)| f64::from(*count) * (score - mean).powi(2)).sum()
    }

    /// The share of each score.
    pub fn shares(&self) -> [f64; 10] {
        let n = f64::from(self.n());
        self.0.map(|count| f64::from(count) / n)
    }

    /// The votes as a distribution.
    pub fn distribution(&self) -> Option<Distribution> {
        Distribution::new(self.shares()).ok()
    }
}
