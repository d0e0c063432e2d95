//! Distances between distributions over the scores 1 to 10.

/// The earth mover's distance of order `r` as NIMA is trained with it (Talebi and Milanfar 2018): the r-th root of the mean
/// over the ten bins of |ΔCDF|ʳ.
pub fn emd(a: &[f64; 10], b: &[f64; 10], r: i32) -> f64 {
    let mean = cdf_differences(a, b).map(|difference| difference.powi(r)).sum::<f64>() / 10.0;
    match r {
        1 => mean,
        2 => mean.sqrt(),
        r => mean.powf(1.0 / f64::from(r)),
    }
}

/// The Wasserstein-1 distance in score units: Σ |ΔCDF|, how far a vote has to move on average.
pub fn wasserstein(a: &[f64; 10], b: &[f64; 10]) -> f64 {
    cdf_differences(a, b).sum()
}

fn cdf_differences(a: &[f64; 10], b: &[f64; 10]) -> impl Iterator<Item = f64> {
    a.iter().zip(b).scan(0.0_f64, |difference, (a, b)| {
        *difference += a - b;
        Some(difference.abs())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distribution() -> impl Strategy<Value = [f64; 10]> {
        prop::array::uniform10(0.0..1.0_f64).prop_filter_map("some mass", |weights| {
            let sum: f64 = weights.iter().sum();
            (sum > 1e-3).then(|| weights.map(|weight| weight / sum))
        })
    }

    #[test]
    fn moving_every_vote_by_three_scores_costs_three() {
        let (mut a, mut b) = ([0.0; 10], [0.0; 10]);
        (a[1], b[4]) = (1.0, 1.0);
        assert!((wasserstein(&a, &b) - 3.0).abs() < 1e-12);
        assert!((emd(&a, &b, 1) - 0.3).abs() < 1e-12);
        assert!((emd(&a, &b, 2) - 0.3_f64.sqrt()).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn emd_is_a_metric(a in distribution(), b in distribution(), c in distribution(), r in 1..=2_i32) {
            prop_assert!(emd(&a, &a, r) == 0.0);
            prop_assert!((emd(&a, &b, r) - emd(&b, &a, r)).abs() < 1e-12);
            prop_assert!(emd(&a, &c, r) <= emd(&a, &b, r) + emd(&b, &c, r) + 1e-12);
            prop_assert!(a == b || emd(&a, &b, r) > 0.0);
        }
    }
}
