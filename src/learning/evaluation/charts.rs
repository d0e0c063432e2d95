//! The drawings of the evaluation page.

use crate::{
    calibration::{
        Confusion, CurvePoint, Labels, ReliabilityBin, Sweep, class_histogram, expected_calibration_error,
        metric_curve, precision_recall_curve, reliability, roc_curve,
    },
    domain::Threshold,
    gallery::words,
    learning::chart::{Axis, Chart},
};

/// Points closer than one part of so many are left out of a curve.
const STEPS: u32 = 400;
/// Columns of the histogram.
const COLUMNS: usize = 20;
/// Ranges of the reliability diagram.
const RANGES: usize = 10;

/// The five drawings.
pub struct Charts {
    /// Recall against false alarms.
    pub roc: Chart,
    /// Precision against recall.
    pub precision_recall: Chart,
    /// F1, precision and recall against the threshold.
    pub metrics: Chart,
    /// Confidences of watches and of others.
    pub histogram: Chart,
    /// Share of watches against confidence.
    pub reliability: Chart,
    /// How far confidence and share lie apart.
    pub calibration_error: String,
    /// The numbers of the reliability diagram and the histogram.
    pub ranges: Vec<Range>,
}

/// One range of confidences in numbers.
pub struct Range {
    /// From where to where.
    pub over: String,
    /// How many watches lie in it.
    pub watches: u32,
    /// How many others.
    pub others: u32,
    /// The share of watches, with its interval.
    pub share: String,
}

impl Charts {
    /// Draws what `labels` say, with `threshold` marked.
    pub fn of(labels: &Labels, threshold: Threshold) -> Self {
        let sweep = Sweep::of(labels);
        let now = sweep.at(threshold);
        let bins = reliability(labels, RANGES);
        Self {
            roc: roc(&sweep, &now),
            precision_recall: of_precision_and_recall(&sweep, &now),
            metrics: of_metrics(&sweep, threshold),
            histogram: of_classes(labels, threshold),
            reliability: of_reliability(&bins),
            calibration_error: format!("{:.3}", expected_calibration_error(&bins)),
            ranges: bins.iter().map(range).collect(),
        }
    }
}

fn xy(points: Vec<CurvePoint>) -> impl Iterator<Item = (f64, f64)> {
    points.into_iter().map(|point| (point.x, point.y))
}

fn roc(sweep: &Sweep, now: &Confusion) -> Chart {
    let (alarms, recall) = (1.0 - now.specificity(), now.recall());
    let text = format!(
        "ROC curve: recall upwards against the rate of false alarms. The area under it is {:.3}. At the present threshold \
         recall is {recall:.3} and the rate of false alarms {alarms:.3}.",
        sweep.roc_auc()
    );
    let mut chart = Chart::new(text, Axis::share("false alarms: share of the others"), Axis::share("recall"))
        .line("diagonal", [(0.0, 0.0), (1.0, 1.0)])
        .line("curve", xy(roc_curve(sweep, STEPS)));
    chart.dot("now", (alarms, recall), "the present threshold".to_owned());
    chart
}

fn of_precision_and_recall(sweep: &Sweep, now: &Confusion) -> Chart {
    let (precision, recall) = (now.precision(), now.recall());
    let text = format!(
        "Precision upwards against recall. Average precision is {:.3}. At the present threshold precision is \
         {precision:.3} and recall {recall:.3}.",
        sweep.average_precision()
    );
    let mut chart = Chart::new(text, Axis::share("recall"), Axis::share("precision"))
        .line("curve", xy(precision_recall_curve(sweep, STEPS)));
    chart.dot("now", (recall, precision), "the present threshold".to_owned());
    chart
}

fn of_metrics(sweep: &Sweep, threshold: Threshold) -> Chart {
    let text = "F1, precision and recall against the threshold; the table below has numbers.".to_owned();
    let steps = |of: fn(&Confusion) -> f64| stairs(metric_curve(sweep, of, STEPS));
    // Above every confidence nothing is claimed, and there is no precision.
    let mut precision = metric_curve(sweep, Confusion::precision, STEPS);
    let nothing = precision.pop().map_or(1.0, |last| last.x);
    let precision = stairs(precision).into_iter().map(|(x, y)| (x.min(nothing), y));
    let at = threshold.get();
    Chart::new(text, Axis::odds("threshold, stretched at both ends"), Axis::share("figure"))
        .line("diagonal", [(at, 0.0), (at, 1.0)])
        .line("curve precision", precision)
        .line("curve recall", steps(Confusion::recall))
        .line("curve", steps(Confusion::f1))
}

/// A figure holds from its threshold up to the next one.
fn stairs(points: Vec<CurvePoint>) -> Vec<(f64, f64)> {
    let ends = points.iter().skip(1).map(|point| point.x).chain([1.0]);
    points.iter().zip(ends).flat_map(|(point, end)| [(point.x, point.y), (end, point.y)]).collect()
}

fn of_classes(labels: &Labels, threshold: Threshold) -> Chart {
    let (all, watches) = labels.counts();
    let text =
        "How the confidences of watches and of other pictures are spread; the table below has numbers.";
    let (x, y) = (Axis::share("confidence"), Axis::share("share of its kind"));
    let mut chart =
        Chart::new(text.to_owned(), x, y).line("diagonal", [(threshold.get(), 0.0), (threshold.get(), 1.0)]);
    let bins = class_histogram(labels, COLUMNS);
    let kinds = [("others", all - watches), ("watches", watches)];
    for (class, of_all) in kinds {
        for (at, bin) in bins.iter().enumerate() {
            let count = if class == "watches" { bin.watches } else { bin.others };
            let (low, high) = (number(at) / number(COLUMNS), number(at + 1) / number(COLUMNS));
            let share = f64::from(count) / number(of_all);
            if count > 0 {
                chart.bar(class, low..=high, (0.0, share), format!("{low:.2} to {high:.2}: {count} {class}"));
            }
        }
    }
    chart
}

fn of_reliability(bins: &[ReliabilityBin]) -> Chart {
    let text = "Share of watches upwards against the confidence, with 95 % intervals; on the diagonal a confidence can be \
                read as a probability. The table below has numbers.";
    let mut chart =
        Chart::new(text.to_owned(), Axis::share("mean confidence"), Axis::share("share of watches"))
            .line("diagonal", [(0.0, 0.0), (1.0, 1.0)]);
    for bin in bins {
        let (Some(x), Some(share)) = (bin.mean_confidence, bin.share) else { continue };
        if let Some(sure) = bin.interval {
            chart = chart.line("whisker", [(x, sure.low), (x, sure.high)]);
        }
        chart.dot("now", (x, share), format!("{} of {} are watches", bin.watches, bin.n));
    }
    chart
}

fn range(bin: &ReliabilityBin) -> Range {
    let share = match (bin.share, bin.interval) {
        (Some(share), Some(sure)) => {
            format!(
                "{} ({} to {})",
                words::percent(share),
                words::percent(sure.low),
                words::percent(sure.high)
            )
        }
        _ => "—".to_owned(),
    };
    let over = format!("{:.1} to {:.1}", bin.low, bin.high);
    Range { over, watches: bin.watches, others: bin.n - bin.watches, share }
}

#[expect(clippy::cast_precision_loss, reason = "a number of images")]
const fn number(count: usize) -> f64 {
    count as f64
}
