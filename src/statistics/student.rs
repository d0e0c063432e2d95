//! Student's t distribution, through the incomplete beta function.

/// The value that a t-distributed variable exceeds in absolute value with probability 1 − `level` (`level` = 0.95 gives
/// the half-width of a 95 % interval in standard errors).
pub fn student_t_quantile(level: f64, degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student_t_two_sided(high, degrees) > 1.0 - level && high < 1e8 {
        high *= 2.0;
    }
    // Halving reaches the last bit; 60 steps are enough for any start.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if student_t_two_sided(middle, degrees) > 1.0 - level { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The probability that a t-distributed variable lies at least as far from 0 as `t`.
pub fn student_t_two_sided(t: f64, degrees: f64) -> f64 {
    incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// The regularised incomplete beta function I_x(a, b) (Abramowitz and Stegun 26.5.8, evaluated by Lentz's method).
pub fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on one side of the mean; the other side follows by symmetry.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp() / a;
    front * continued_fraction(x, a, b)
}

fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..=500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// ln Γ(x) for x > 0: Stirling's series (Abramowitz and Stegun 6.1.41) after moving x above 15.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 15.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse
        * (1.0 / 12.0
            - square
                * (1.0 / 360.0 - square * (1.0 / 1_260.0 - square * (1.0 / 1_680.0 - square / 1_188.0))));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (degrees, expected) in
            [(1.0, 12.706_204_736), (2.0, 4.302_652_730), (10.0, 2.228_138_852), (120.0, 1.979_930_405)]
        {
            let found = student_t_quantile(0.95, degrees);
            assert!((found - expected).abs() < 1e-8, "{degrees}: {found}");
        }
    }

    #[test]
    fn one_degree_of_freedom_is_the_cauchy_distribution() {
        for t in [0.1, 1.0, 5.0, 300.0_f64] {
            let expected = 1.0 - 2.0 * t.atan() / std::f64::consts::PI;
            assert!((student_t_two_sided(t, 1.0) - expected).abs() < 1e-12);
        }
    }
}
