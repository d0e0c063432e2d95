//! Intervals and the random draws behind them: what calibration and comparison share.
//!
//! Every random number comes from a seed, and the result does not depend on how many threads worked on it.

mod interval;
mod resample;
mod strata;
mod student;

pub use interval::{Interval, quantile_of_sorted};
pub use resample::{Intervals, Rng, Sampling, resample};
pub use strata::Strata;
pub use student::{incomplete_beta, student_t_quantile, student_t_two_sided};
