//! Labels that a confident model contradicts: slips of a finger, or pictures worth a second look.

use serde::Serialize;

use super::Labels;

/// A label that the model contradicts confidently.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Suspicion {
    /// The label's place in the slice that the [`Labels`] were made from.
    pub position: usize,
    /// What people said.
    pub watch: bool,
    /// What the model said.
    pub confidence: f64,
    /// How far beyond the other class's mean confidence it lies, in [0, 1]: 0 is exactly as typical as that class.
    pub margin: f64,
}

/// The labels whose confidence is at least as typical of the other class as that class's own mean, the most contradicted
/// first. This is the per-class bound of confident learning (Northcutt, Jiang and Chuang 2021), which needs no calibrated
/// confidences.
pub fn suspicious(labels: &Labels) -> Vec<Suspicion> {
    let mean = |class| {
        let of_class = labels.iter().filter(|(_, watch, _)| *watch == class);
        let (sum, n) = of_class.fold((0.0, 0.0), |(sum, n), (confidence, ..)| (sum + confidence, n + 1.0));
        sum / n
    };
    let (watches_mean, others_mean) = (mean(true), mean(false));
    // A model that cannot tell the classes apart contradicts nobody.
    if watches_mean <= others_mean {
        return Vec::new();
    }
    let suspect = |((confidence, watch, _), position): ((f64, bool, f64), &u32)| {
        let margin = if watch { others_mean - confidence } else { confidence - watches_mean };
        (margin >= 0.0).then_some(Suspicion { position: *position as usize, watch, confidence, margin })
    };
    let mut found: Vec<Suspicion> = labels.iter().zip(labels.positions()).filter_map(suspect).collect();
    // Scaled to the room that each side has, so that low confidences are not always the lesser offence.
    for suspicion in &mut found {
        let room = if suspicion.watch { others_mean } else { 1.0 - watches_mean };
        suspicion.margin = if room > 0.0 { suspicion.margin / room } else { 0.0 };
    }
    found.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::labels::tests::label;

    #[test]
    fn a_confident_contradiction_comes_first_and_a_doubtful_one_not_at_all() {
        let labels = [
            label(0.9, true),
            label(0.8, true),
            label(0.0, true),
            label(0.1, false),
            label(0.2, false),
            label(0.95, false),
            label(0.45, false),
        ];
        let found = suspicious(&Labels::new(&labels).unwrap());
        assert_eq!(found.iter().map(|suspicion| suspicion.position).collect::<Vec<_>>(), [2, 5]);
        assert!((found[0].margin - 1.0).abs() < 1e-12);
    }
}
