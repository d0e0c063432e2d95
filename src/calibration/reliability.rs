//! Whether a confidence can be read as a probability.

use serde::Serialize;

use super::{Labels, histogram::bin_of};
use crate::statistics::Interval;

/// The labelled images of one range of confidences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lower end of the range, included.
    pub low: f64,
    /// Upper end, excluded (except 1).
    pub high: f64,
    /// How many labelled images lie in it.
    pub n: u32,
    /// How many of them are watches.
    pub watches: u32,
    /// Their mean confidence (weighted); `None` for an empty range.
    pub mean_confidence: Option<f64>,
    /// The share of watches among them (weighted).
    pub share: Option<f64>,
    /// 95 % interval of the share by Wilson's score (1927), from the plain counts.
    pub interval: Option<Interval>,
    /// The share of all weight that lies in it.
    pub weight: f64,
}

/// Labelled images in `bins` equal ranges over [0, 1].
pub fn reliability(labels: &Labels, bins: usize) -> Vec<ReliabilityBin> {
    let mut sums = vec![Sums::default(); bins];
    let mut total = 0.0;
    for (confidence, watch, weight) in labels.iter() {
        let sum = &mut sums[bin_of(confidence, bins)];
        sum.n += 1;
        sum.watches += u32::from(watch);
        sum.weight += weight;
        sum.confidence += weight * confidence;
        sum.positive += if watch { weight } else { 0.0 };
        total += weight;
    }
    let edge = |at: usize| at as f64 / bins as f64;
    let bin = |(at, sum): (usize, Sums)| ReliabilityBin {
        low: edge(at),
        high: edge(at + 1),
        n: sum.n,
        watches: sum.watches,
        mean_confidence: (sum.weight > 0.0).then(|| sum.confidence / sum.weight),
        share: (sum.weight > 0.0).then(|| sum.positive / sum.weight),
        interval: wilson(sum.watches, sum.n),
        weight: sum.weight / total,
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// The mean distance between confidence and share of watches, over the bins by weight (Naeini and others 2015).
pub fn expected_calibration_error(bins: &[ReliabilityBin]) -> f64 {
    let gap = |bin: &ReliabilityBin| Some((bin.mean_confidence? - bin.share?).abs() * bin.weight);
    bins.iter().filter_map(gap).sum()
}

#[derive(Clone, Copy, Default)]
struct Sums {
    n: u32,
    watches: u32,
    weight: f64,
    confidence: f64,
    positive: f64,
}

/// The two-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's interval of a share.
fn wilson(part: u32, whole: u32) -> Option<Interval> {
    if whole == 0 {
        return None;
    }
    let (n, share) = (f64::from(whole), f64::from(part) / f64::from(whole));
    let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Interval { low: middle - half, high: middle + half }.clipped(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::labels::tests::label;

    #[test]
    fn a_bin_knows_its_share_and_how_sure_that_is() {
        let labels = [label(0.05, false), label(0.05, false), label(0.05, true), label(1.0, true)];
        let bins = reliability(&Labels::new(&labels).unwrap(), 10);
        assert_eq!((bins[0].n, bins[0].watches, bins[9].n), (3, 1, 1));
        assert!((bins[0].share.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        // Wilson's interval of 1 in 3, as in Brown, Cai and DasGupta 2001.
        let interval = bins[0].interval.unwrap();
        assert!((interval.low - 0.061_492).abs() < 1e-5 && (interval.high - 0.792_340).abs() < 1e-5);
        assert_eq!(bins[5].share, None);
        let expected = 0.75 * (1.0 / 3.0 - 0.05);
        assert!((expected_calibration_error(&bins) - expected).abs() < 1e-12);
    }
}
