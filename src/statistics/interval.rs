//! An interval, and the quantiles that bound it.

use serde::Serialize;

/// A range that holds the true value in 95 of 100 repetitions of the whole experiment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// The middle 95 % of `values` (the percentile method: Efron and Tibshirani, An Introduction to the Bootstrap,
    /// 1993, chapter 13); `None` if there are fewer than two. NaN is left out.
    pub fn percentile(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        (sorted.len() > 1).then(|| Self {
            low: quantile_of_sorted(&sorted, 0.025),
            high: quantile_of_sorted(&sorted, 0.975),
        })
    }

    /// Whether `value` lies in it, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The part of it that lies between `low` and `high`.
    #[must_use]
    pub fn clipped(self, low: f64, high: f64) -> Self {
        Self { low: self.low.clamp(low, high), high: self.high.clamp(low, high) }
    }
}

/// The value below which the share `q` of ascending `sorted` lies, interpolated linearly between neighbours
/// (Hyndman and Fan's type 7, the default of NumPy and R).
///
/// # Panics
/// `sorted` is empty.
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, part) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated_as_numpy_does() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile_of_sorted(&sorted, 0.0), 1.0);
        assert_eq!(quantile_of_sorted(&sorted, 0.5), 3.0);
        assert!((quantile_of_sorted(&sorted, 0.9) - 6.8).abs() < 1e-12);
        assert_eq!(quantile_of_sorted(&sorted, 1.0), 8.0);
    }

    #[test]
    fn one_value_has_no_interval_and_nan_is_no_value() {
        assert_eq!(Interval::percentile([1.0, f64::NAN]), None);
        assert_eq!(Interval::percentile([2.0, f64::NAN, 2.0]), Some(Interval { low: 2.0, high: 2.0 }));
    }
}
