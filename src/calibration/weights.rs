//! How many images of the catalog a labelled one stands for.
//!
//! Doubtful images are labelled first, so the labelled ones are no fair sample. Post-stratification (Holt and Smith 1979)
//! weighs them so that their confidences are spread like the catalog's.

use super::Label;

/// The edges of the ranges, finest where most images of a catalog lie; a range holds its upper edge.
const EDGES: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.9, 0.97,
];

/// Fewer labels than this cannot speak for a range: it is joined to the next one.
const LEAST_LABELS: u64 = 5;

/// How many images of a catalog lie in each range of confidences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CatalogHistogram {
    counts: [u64; EDGES.len() + 1],
}

impl CatalogHistogram {
    /// The edges between the ranges, ascending: a range holds the confidences above one edge up to the next, included.
    pub const fn edges() -> &'static [f64] {
        &EDGES
    }

    /// Counts `confidences`.
    pub fn of(confidences: impl IntoIterator<Item = f64>) -> Self {
        let mut histogram = Self::default();
        confidences.into_iter().for_each(|confidence| histogram.add(range_of(confidence), 1));
        histogram
    }

    /// Adds `images` to range number `range`, 0 being the one below the first edge; a number beyond the last counts there.
    pub fn add(&mut self, range: usize, images: u64) {
        self.counts[range.min(EDGES.len())] += images;
    }

    /// Sets the weights of `labels` so that their confidences are spread as in this catalog, with mean 1.
    ///
    /// Neighbouring ranges are joined until each has five labels. Nothing changes if the catalog is empty.
    pub fn weigh(&self, labels: &mut [Label]) {
        let mut labelled = [0_u64; EDGES.len() + 1];
        for label in labels.iter() {
            labelled[range_of(label.confidence.get())] += 1;
        }
        let images: u64 = self.counts.iter().sum();
        if images == 0 || labels.is_empty() {
            return;
        }
        let joined = joined(&labelled);
        let sum = |counts: &[u64; EDGES.len() + 1], of: usize| -> u64 {
            counts.iter().zip(joined).filter(|(_, into)| *into == of).map(|(count, _)| count).sum()
        };
        let (all_images, all_labels) = (images as f64, labels.len() as f64);
        let weight: [f64; EDGES.len() + 1] = std::array::from_fn(|range| {
            let (catalog, labelled) = (sum(&self.counts, joined[range]), sum(&labelled, joined[range]));
            if labelled == 0 { 0.0 } else { catalog as f64 / all_images * all_labels / labelled as f64 }
        });
        for label in labels {
            label.weight = weight[range_of(label.confidence.get())];
        }
    }
}

/// Kish's effective sample size (1965): as many equally weighted labels would be as precise.
pub fn effective_size(labels: &[Label]) -> f64 {
    let (sum, squares) = labels.iter().fold((0.0, 0.0), |(sum, squares), label| {
        (sum + label.weight, squares + label.weight * label.weight)
    });
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

fn range_of(confidence: f64) -> usize {
    EDGES.partition_point(|edge| *edge < confidence)
}

/// Which joined range each range belongs to: from below, a range is full once it has [`LEAST_LABELS`]; what is left over
/// at the top goes to the last full one.
fn joined(labelled: &[u64; EDGES.len() + 1]) -> [usize; EDGES.len() + 1] {
    let (mut into, mut here) = (0_usize, 0);
    let mut joined = labelled.map(|count| {
        let of = into;
        here += count;
        if here >= LEAST_LABELS {
            (into, here) = (into + 1, 0);
        }
        of
    });
    // The open range at the end is too small: it joins the one before.
    for range in &mut joined {
        *range = (*range).min(into.saturating_sub(1));
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calibration::labels::tests::label;

    #[test]
    fn weighted_labels_are_spread_like_the_catalog() {
        // 90 of 100 images lie low, but half of the labels lie high.
        let catalog = CatalogHistogram::of((0..100).map(|at| if at < 90 { 0.004 } else { 0.6 }));
        let mut labels: Vec<_> =
            (0..20).map(|at| label(if at < 10 { 0.004 } else { 0.6 }, at % 2 == 0)).collect();
        catalog.weigh(&mut labels);
        assert!((labels[0].weight - 1.8).abs() < 1e-12 && (labels[19].weight - 0.2).abs() < 1e-12);
        assert!((effective_size(&labels) - 20.0 * 20.0 / (10.0 * 1.8 * 1.8 + 10.0 * 0.04)).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn weights_have_mean_one_whatever_was_labelled(
            confidences in prop::collection::vec(0.0..=1.0_f64, 1..60),
            catalog in prop::collection::vec(0.0..=1.0_f64, 1..60),
        ) {
            let mut labels: Vec<_> = confidences.iter().map(|confidence| label(*confidence, true)).collect();
            CatalogHistogram::of(catalog).weigh(&mut labels);
            let sum: f64 = labels.iter().map(|label| label.weight).sum();
            prop_assert!((sum - labels.len() as f64).abs() < 1e-9, "{sum}");
        }
    }
}
