//! How long answers took.

use serde::Serialize;

use crate::bench::{BenchError, figures::quantile};

/// How long answers took, counted from the moment at which the request was due.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Requests, each answered.
    pub requests: usize,
    /// The median in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took at most this, in milliseconds.
    pub p99_ms: f64,
    /// The longest in milliseconds.
    pub max_ms: f64,
}

impl Latency {
    /// The latency of answers that took `times_ms`.
    ///
    /// # Errors
    /// When there was none.
    pub(in crate::bench) fn of(times_ms: &[f64]) -> Result<Self, BenchError> {
        let at = |share| quantile(times_ms, share).ok_or(BenchError::Ended);
        Ok(Self { requests: times_ms.len(), p50_ms: at(0.5)?, p99_ms: at(0.99)?, max_ms: at(1.0)? })
    }
}
