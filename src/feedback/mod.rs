//! Stage 6: people judge. [`round`] opens a bounded piece of judging over a list that [`draw`] draws; [`queue`] hands
//! its images out; [`judge`] takes what people say; [`verdict`] is a manager's word outside a round.
//!
//! What is said is written in the transaction that changes what the catalog shows. Time comes from a
//! [`Clock`], chance from a generator that the caller passes.

pub mod draw;
mod error;
pub mod judge;
pub mod order;
pub mod pages;
pub mod queue;
pub mod round;
mod simulate;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use error::FeedbackError;
pub use simulate::simulate;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::{
    clock::Clock,
    domain::{AnnotatorId, RoundId},
    store::reservations::Whose,
};

/// An annotator at work in a round.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    /// The database.
    pub pool: &'a PgPool,
    /// The time.
    pub clock: &'a Clock,
    /// Who, and in which round.
    pub whose: Whose,
}

impl<'a> Seat<'a> {
    /// The seat of `annotator` in `round`.
    pub const fn new(pool: &'a PgPool, clock: &'a Clock, round: RoundId, annotator: AnnotatorId) -> Self {
        Self { pool, clock, whose: Whose { round, annotator } }
    }

    /// The present moment, of the microseconds that the database keeps.
    fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}
