//! The ROC curve and the precision–recall curve, with few enough points to draw.

use serde::Serialize;

use super::{Confusion, Sweep};

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The lowest threshold that gives it.
    pub threshold: f64,
    /// False alarm rate (ROC), or recall.
    pub x: f64,
    /// Recall (ROC), or precision.
    pub y: f64,
}

/// Recall against the false alarm rate, from (0, 0) to (1, 1); points closer than 1/`steps` to the one before are left out.
pub fn roc_curve(sweep: &Sweep, steps: u32) -> Vec<CurvePoint> {
    thinned(points(sweep, |confusion| (1.0 - confusion.specificity(), confusion.recall())), steps)
}

/// Precision against recall, from the highest threshold that claims any watch to recall 1; thinned as [`roc_curve`].
pub fn precision_recall_curve(sweep: &Sweep, steps: u32) -> Vec<CurvePoint> {
    let mut points = points(sweep, |confusion| (confusion.recall(), confusion.precision()));
    // Where nothing is claimed there is no precision.
    points.remove(0);
    thinned(points, steps)
}

/// A metric against the threshold, ascending: `x` is the threshold; thinned as [`roc_curve`].
pub fn metric_curve(sweep: &Sweep, of: impl Fn(&Confusion) -> f64, steps: u32) -> Vec<CurvePoint> {
    let point = |(threshold, confusion)| CurvePoint { threshold, x: threshold, y: of(&confusion) };
    thinned(sweep.iter().map(point).collect(), steps)
}

/// From the highest threshold down; the last one, below every confidence, is out of reach if a confidence is 0.
fn points(sweep: &Sweep, of: impl Fn(&Confusion) -> (f64, f64)) -> Vec<CurvePoint> {
    let point = |cut| {
        let (x, y) = of(&sweep.at_cut(cut));
        CurvePoint { threshold: sweep.thresholds_of(cut).0, x, y }
    };
    (0..=sweep.confidences().len()).rev().map(point).collect()
}

fn thinned(points: Vec<CurvePoint>, steps: u32) -> Vec<CurvePoint> {
    let (least, last) = (1.0 / f64::from(steps), points.len().saturating_sub(1));
    let mut kept: Vec<CurvePoint> = Vec::new();
    for (at, point) in points.into_iter().enumerate() {
        let far = |before: &CurvePoint| (point.x - before.x).abs() + (point.y - before.y).abs() >= least;
        if at == last || kept.last().is_none_or(far) {
            kept.push(point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Labels;
    use crate::calibration::labels::tests::label;

    #[test]
    fn curves_begin_and_end_where_they_must() {
        let labels: Vec<_> =
            (0..1_000).map(|at| label(f64::from(at) / 1_000.0, at % 3 == 0 || at > 700)).collect();
        let sweep = Sweep::of(&Labels::new(&labels).unwrap());
        let roc = roc_curve(&sweep, 100);
        assert_eq!((roc[0].x, roc[0].y), (0.0, 0.0));
        assert_eq!(roc.last().map(|end| (end.x, end.y)), Some((1.0, 1.0)));
        assert!(roc.len() < 210, "{}", roc.len());
        let precision_recall = precision_recall_curve(&sweep, 100);
        assert_eq!(precision_recall[0].y, 1.0);
        assert_eq!(precision_recall.last().unwrap().x, 1.0);
        let recall = metric_curve(&sweep, Confusion::recall, 100);
        assert_eq!((recall[0].x, recall.last().unwrap().y), (0.0, 0.0));
        assert!(recall.len() < 210 && recall.is_sorted_by(|a, b| a.x < b.x && a.y >= b.y));
    }
}
