//! The two drawings of the image page, in user units of their SVG; everything else is in the style sheet.

use super::words;

/// Width of the histogram's plane.
pub const HISTOGRAM_WIDTH: f64 = 400.0;
/// Height of its tallest bar.
pub const HISTOGRAM_HEIGHT: f64 = 130.0;
/// Width of the evidence's plane.
pub const EVIDENCE_WIDTH: f64 = 400.0;

const TOP: f64 = 22.0;
const GAP: f64 = 6.0;

/// One of the ten bars.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// The score, 1 to 10.
    pub score: usize,
    /// Its probability.
    pub share: String,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Where its label is centred.
    pub middle: f64,
}

/// The ten bars with the mean over them.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The bars, from the score 1.
    pub bins: Vec<Bin>,
    /// Where the mean stands.
    pub mean_x: f64,
    /// From one standard deviation below the mean …
    pub low_x: f64,
    /// … to one above.
    pub high_x: f64,
    /// Lower edge of the bars.
    pub base: f64,
}

/// The distribution drawn to its own highest bin.
pub fn histogram(bins: &[f64], mean: f64, std: f64) -> Histogram {
    let highest = bins.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let step = HISTOGRAM_WIDTH / 10.0;
    let bar = |(index, share): (usize, &f64)| {
        let height = share / highest * HISTOGRAM_HEIGHT;
        let x = step * number(index);
        Bin {
            score: index + 1,
            share: words::percent(*share),
            x: x + GAP / 2.0,
            y: TOP + HISTOGRAM_HEIGHT - height,
            width: step - GAP,
            height,
            middle: x + step / 2.0,
        }
    };
    // The score 1 is the middle of the first bar.
    let place = |score: f64| ((score - 0.5) * step).clamp(0.0, HISTOGRAM_WIDTH);
    Histogram {
        bins: bins.iter().enumerate().map(bar).collect(),
        mean_x: place(mean),
        low_x: place(mean - std),
        high_x: place(mean + std),
        base: TOP + HISTOGRAM_HEIGHT,
    }
}

impl Histogram {
    /// Bars of people's votes over the model's, drawn to their own highest one: what is compared is the shape.
    pub fn of_people(&self, shares: &Option<[f64; 10]>) -> Vec<Bin> {
        let Some(shares) = shares else { return vec![] };
        let highest = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let bar = |(bin, share): (&Bin, &f64)| {
            let height = share / highest * HISTOGRAM_HEIGHT;
            Bin { share: words::percent(*share), y: self.base - height, height, ..bin.clone() }
        };
        self.bins.iter().zip(shares).map(bar).filter(|bin| bin.height > 0.0).collect()
    }
}

/// One class that counts as a watch, or their sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The class.
    pub label: String,
    /// Its probability.
    pub share: String,
    /// Length of its bar.
    pub width: f64,
}

/// The positive classes and their sum, against the threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The positive classes, the strongest first.
    pub bars: Vec<Bar>,
    /// Their sum.
    pub sum: Bar,
    /// Where the threshold stands; none without one.
    pub threshold_x: Option<f64>,
}

/// Bars on one scale from 0 to 1, whatever the image: two of them can be compared.
pub fn evidence(labels: &[String], positives: &[f64], confidence: f64, threshold: Option<f64>) -> Evidence {
    let width = |share: f64| (share * EVIDENCE_WIDTH).clamp(0.0, EVIDENCE_WIDTH);
    let bar = |label: &str, share: f64| Bar {
        label: label.to_owned(),
        share: words::probability(share),
        width: width(share),
    };
    let mut classes: Vec<_> = labels.iter().zip(positives).collect();
    classes.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    Evidence {
        bars: classes.into_iter().map(|(label, share)| bar(label, *share)).collect(),
        sum: bar("together", confidence),
        threshold_x: threshold.map(width),
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most 10")]
const fn number(index: usize) -> f64 {
    index as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bin_reaches_the_top_and_the_mean_stands_over_its_score() {
        let mut bins = [0.0; 10];
        bins[4] = 0.75;
        bins[5] = 0.25;
        let drawn = histogram(&bins, 5.0, 0.0);
        assert_eq!(drawn.bins.len(), 10);
        assert!((drawn.bins[4].height - HISTOGRAM_HEIGHT).abs() < 1e-9);
        assert!((drawn.mean_x - drawn.bins[4].middle).abs() < 1e-9);
        assert!((drawn.bins[5].height - HISTOGRAM_HEIGHT / 3.0).abs() < 1e-9);
    }

    #[test]
    fn bars_have_one_scale_on_every_image() {
        let labels = ["clock".to_owned(), "watch".to_owned()];
        let drawn = evidence(&labels, &[0.002, 0.006], 0.008, Some(0.01));
        assert_eq!(drawn.bars[0].label, "watch");
        assert!(drawn.sum.width < drawn.threshold_x.unwrap());
        let half = evidence(&labels, &[0.1, 0.4], 0.5, Some(0.01));
        assert!((half.sum.width - EVIDENCE_WIDTH / 2.0).abs() < 1e-9);
        assert_eq!(half.threshold_x, drawn.threshold_x);
    }
}
