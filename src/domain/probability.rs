//! Watch confidence and the threshold that it is compared with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that is not a finite value of its range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{what} must lie between {low} and {high}, got {value}")]
pub struct OutOfRange {
    what: &'static str,
    low: f64,
    high: f64,
    value: f64,
}

fn within(what: &'static str, low: f64, high: f64, value: f64) -> Result<f64, OutOfRange> {
    // A NaN fails both comparisons, hence the positive form.
    if value >= low && value <= high { Ok(value) } else { Err(OutOfRange { what, low, high, value }) }
}

/// The probability mass of a watch model's positive classes, in `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

/// The cut-off of one watch model, in `[0, 1]`: above it, strictly, there is a watch.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Threshold(f64);

impl Threshold {
    /// Whether `confidence` is labelled a watch: strictly above, so that an equal confidence is negative.
    pub fn is_watch(self, confidence: Confidence) -> bool {
        confidence.0 > self.0
    }
}

macro_rules! unit_interval {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Accepts a finite number in `[0, 1]`.
            ///
            /// # Errors
            /// Anything else, NaN included.
            pub fn new(value: f64) -> Result<Self, OutOfRange> {
                within($what, 0.0, 1.0, value).map(Self)
            }

            /// The number.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(value: $name) -> f64 {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
unit_interval!(Confidence, "a watch confidence");
unit_interval!(Threshold, "a watch threshold");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_confidence_equal_to_the_threshold_is_no_watch() {
        let threshold = Threshold::new(0.01).unwrap();
        assert!(!threshold.is_watch(Confidence::new(0.01).unwrap()));
        assert!(threshold.is_watch(Confidence::new(0.01_f64.next_up()).unwrap()));
    }

    #[test]
    fn what_is_not_a_probability_is_refused() {
        for value in [f64::NAN, f64::INFINITY, -f64::MIN_POSITIVE, 1.0 + f64::EPSILON] {
            assert!(Confidence::new(value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn the_label_is_the_strict_comparison(confidence in 0.0..=1.0_f64, threshold in 0.0..=1.0_f64) {
            let label = Threshold::new(threshold).unwrap().is_watch(Confidence::new(confidence).unwrap());
            prop_assert_eq!(label, confidence > threshold);
        }
    }
}
