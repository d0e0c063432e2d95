//! The arithmetic of the figures: functions of numbers, nothing else.

use std::time::Duration;

use serde::Serialize;

/// How long something took each time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// As often less as more, in milliseconds.
    pub median_ms: f64,
    /// Nineteen of twenty took at most this, in milliseconds.
    pub p95_ms: f64,
    /// The mean: what one more costs in the long run, in milliseconds.
    pub mean_ms: f64,
}

impl Spread {
    /// The spread of `times`; none of no times.
    pub fn of(times: &[Duration]) -> Option<Self> {
        let ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        Some(Self {
            median_ms: quantile(&ms, 0.5)?,
            p95_ms: quantile(&ms, 0.95)?,
            mean_ms: ms.iter().sum::<f64>() / ms.len() as f64,
        })
    }
}

/// The `share`-quantile of `values`, between two of them in proportion (R's type 7); none of no values.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract())
}

/// The median of `values`; none of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// How many per second; 0 where no time passed.
pub fn per_second(count: usize, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Images per second through several models one after the other: 1 / Σ 1/rate.
pub fn one_after_the_other(rates: impl IntoIterator<Item = f64>) -> f64 {
    let seconds: f64 = rates.into_iter().map(f64::recip).sum();
    if seconds > 0.0 { seconds.recip() } else { 0.0 }
}

/// The share of one core that work takes which costs `cpu_s` of its time and begins anew `rest_s` after it ended.
pub fn share_of_a_core(cpu_s: f64, wall_s: f64, rest_s: f64) -> f64 {
    let period = wall_s + rest_s;
    if period > 0.0 { cpu_s / period } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_median_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_95th_percentile_of_1_to_21_is_20() {
        let values: Vec<f64> = (1..=21).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.95), Some(20.0));
        assert_eq!((quantile(&values, 0.0), quantile(&values, 1.0)), (Some(1.0), Some(21.0)));
    }

    #[test]
    fn a_spread_is_in_milliseconds() {
        let times = [1, 2, 6].map(Duration::from_millis);
        let spread = Spread::of(&times).unwrap();
        assert!((spread.median_ms - 2.0).abs() < 1e-9 && (spread.mean_ms - 3.0).abs() < 1e-9);
        assert!((spread.p95_ms - 5.6).abs() < 1e-9, "{spread:?}");
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn two_models_in_turn_are_slower_than_either() {
        assert!((one_after_the_other([60.0, 30.0]) - 20.0).abs() < 1e-9);
        assert!((one_after_the_other([50.0]) - 50.0).abs() < 1e-9);
        assert_eq!(one_after_the_other([]), 0.0);
    }

    #[test]
    fn rates_and_shares_know_no_division_by_zero() {
        assert_eq!(per_second(100, 4.0), 25.0);
        assert_eq!(per_second(100, 0.0), 0.0);
        assert_eq!(share_of_a_core(1.0, 2.0, 18.0), 0.05);
        assert_eq!(share_of_a_core(1.0, 0.0, 0.0), 0.0);
    }

    proptest! {
        #[test]
        fn a_quantile_lies_within_the_values_and_grows_with_the_share(
            values in prop::collection::vec(0.0..1e6_f64, 1..50), a in 0.0..=1.0_f64, b in 0.0..=1.0_f64,
        ) {
            let (low, high) = (a.min(b), a.max(b));
            let (below, above) = (quantile(&values, low).unwrap(), quantile(&values, high).unwrap());
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(0.0, f64::max);
            prop_assert!(least <= below && below <= above + 1e-6 && above <= most + 1e-6);
        }
    }
}
