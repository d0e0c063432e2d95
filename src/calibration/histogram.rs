//! How the confidences of watches and of other images are spread.

use serde::Serialize;

use super::Labels;

/// One column of the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ClassBin {
    /// Watches in it.
    pub watches: u32,
    /// Other images in it.
    pub others: u32,
}

/// Labelled images in `bins` equal columns over [0, 1]; a confidence of 1 falls into the last.
pub fn class_histogram(labels: &Labels, bins: usize) -> Vec<ClassBin> {
    let mut histogram = vec![ClassBin { watches: 0, others: 0 }; bins];
    for (confidence, watch, _) in labels.iter() {
        let bin = &mut histogram[bin_of(confidence, bins)];
        *(if watch { &mut bin.watches } else { &mut bin.others }) += 1;
    }
    histogram
}

/// The column of a confidence.
pub(super) fn bin_of(confidence: f64, bins: usize) -> usize {
    ((confidence * bins as f64) as usize).min(bins.saturating_sub(1))
}
