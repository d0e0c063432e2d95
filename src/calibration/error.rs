//! Why labels cannot be evaluated.

/// Labels from which nothing can be learned about a threshold.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// There are none.
    #[error("there are no labelled images: label some as watch and some as not a watch")]
    Empty,
    /// Watches only, or none.
    #[error(
        "all {n} labelled images are {}: a threshold separates two classes, so label some of the other one too",
        if *.watches { "watches" } else { "without a watch" }
    )]
    OneClass {
        /// How many labelled images there are.
        n: usize,
        /// Which class all of them are of.
        watches: bool,
    },
    /// A weight that is not a finite number ≥ 0.
    #[error("a label's weight is {0}; it must be a finite number, 0 or more")]
    Weight(f64),
    /// Too few listings to hold any of them back.
    #[error(
        "{watch} listings with a watch and {other} without are too few to test a threshold on images that did not choose it: \
         label at least two of each"
    )]
    TooFewGroups {
        /// Groups with at least one watch.
        watch: usize,
        /// Groups without.
        other: usize,
    },
}
