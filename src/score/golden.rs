//! The golden picture: asked at every start, so that numbers that moved are noticed before they are stored.

use std::{f64::consts::TAU, fs, path::Path};

use image::{Rgb, RgbImage};

use super::{Answer, manifest::Manifest};
use crate::{
    decode::{self, Limits, Need},
    domain::Task,
};

/// The name under which the drawn picture is recorded; another drawing needs another name.
const DRAWN: &str = "drawn dial 1";
/// How far a confidence may move without anyone noticing.
const CONFIDENCE_TOLERANCE: f64 = 0.005;
/// How far a quality mean may move.
const MEAN_TOLERANCE: f64 = 0.01;

/// What a model said about its golden picture at this start.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenCheck {
    /// The picture: the manifest's file, or the name of the drawn one.
    pub image: String,
    /// The watch confidence or the quality mean.
    pub observed: f64,
    /// What the manifest expects, if it says so.
    pub expected: Option<f64>,
    /// How far `observed` may lie from what is expected or was recorded.
    pub tolerance: f64,
}

impl GoldenCheck {
    pub(super) fn new(manifest: &Manifest, answer: &Answer) -> Self {
        let (observed, usual_tolerance) = match answer {
            Answer::Watch(score) => (score.confidence.get(), CONFIDENCE_TOLERANCE),
            Answer::Quality(distribution) => (distribution.mean(), MEAN_TOLERANCE),
        };
        let image = manifest.golden.image.as_ref().and_then(|path| path.file_name());
        Self {
            image: image.map_or_else(|| DRAWN.to_owned(), |name| name.to_string_lossy().into_owned()),
            observed,
            expected: manifest.golden.expected,
            tolerance: manifest.golden.tolerance.unwrap_or(usual_tolerance),
        }
    }

    /// Whether the answer lies within the tolerance of `expected`: the manifest's value, or the one that an
    /// earlier start recorded for the same image.
    pub fn agrees_with(&self, expected: f64) -> bool {
        (self.observed - expected).abs() <= self.tolerance
    }

    /// Why a model whose answer moved is not served, and what can be done besides going back.
    pub fn moved(&self, task: Task, expected: f64, way_out: &str) -> String {
        let what = match task {
            Task::Watch => "confidence",
            Task::Quality => "mean",
        };
        format!(
            "its {what} for the golden picture ({}) is {:.4}, expected was {expected:.4} ± {}: ONNX Runtime, the processor or \
             decoding changed what it says; put the former ones back, or {way_out}",
            self.image, self.observed, self.tolerance
        )
    }
}

/// The manifest's golden picture, or the drawn one.
///
/// # Errors
/// The manifest's picture cannot be read or decoded.
pub(super) fn picture(manifest: &Manifest) -> Result<RgbImage, String> {
    let Some(path) = &manifest.golden.image else { return Ok(dial(640, 480)) };
    read(path).map_err(|problem| format!("its golden picture {}: {problem}", path.display()))
}

fn read(path: &Path) -> Result<RgbImage, String> {
    let limits = Limits::default();
    let file = fs::metadata(path).map_err(|error| error.to_string())?;
    limits.check_file_bytes(file.len()).map_err(|error| error.to_string())?;
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let picture = decode::decode(&bytes, Need::FULL, &limits).map_err(|error| error.to_string())?;
    Ok(picture.rgb)
}

/// Draws a watch dial on a soft background: a white disc in a dark ring, twelve marks, hands at ten past ten.
pub fn dial(width: u32, height: u32) -> RgbImage {
    let radius = f64::from(width.min(height)) * 0.42;
    let (centre_x, centre_y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) + 0.5 - centre_x, f64::from(y) + 0.5 - centre_y);
        let from_edge = x.hypot(y) - radius;
        let ink = marks(x, y, radius).max(hands(x, y, radius));
        let disc = mix([245.0, 243.0, 235.0], [25.0, 25.0, 30.0], ink);
        let ring = mix([60.0, 62.0, 70.0], [150.0, 152.0, 160.0], 0.5 + 0.5 * (from_edge * 0.3).sin());
        let shade = 1.0 - 0.25 * (y + centre_y) / f64::from(height);
        let background = [205.0 * shade, 190.0 * shade, 170.0 * shade];
        let inside = mix(disc, ring, coverage(-from_edge - radius * 0.12));
        Rgb(mix(inside, background, coverage(-from_edge)).map(byte))
    })
}

/// 0 well inside (`depth` pixels deep), 1 well outside, a soft edge of one pixel between.
fn coverage(depth: f64) -> f64 {
    (0.5 - depth).clamp(0.0, 1.0)
}

fn marks(x: f64, y: f64, radius: f64) -> f64 {
    (0..12)
        .map(|hour| {
            let (sin, cos) = (f64::from(hour) / 12.0 * TAU).sin_cos();
            stroke(
                x,
                y,
                [(sin * radius * 0.70, -cos * radius * 0.70), (sin * radius * 0.80, -cos * radius * 0.80)],
                radius * 0.02,
            )
        })
        .fold(0.0, f64::max)
}

fn hands(x: f64, y: f64, radius: f64) -> f64 {
    // Ten past ten: the hour hand at 10 1/6 hours, the minute hand at 10 minutes.
    let hand = |turn: f64, length: f64, half_width: f64| {
        let (sin, cos) = (turn * TAU).sin_cos();
        stroke(x, y, [(0.0, 0.0), (sin * radius * length, -cos * radius * length)], radius * half_width)
    };
    hand((10.0 + 1.0 / 6.0) / 12.0, 0.45, 0.03).max(hand(10.0 / 60.0, 0.65, 0.02))
}

/// How much of the pixel at (x, y) a stroke with round ends covers.
fn stroke(x: f64, y: f64, [from, to]: [(f64, f64); 2], half_width: f64) -> f64 {
    let (along_x, along_y) = (to.0 - from.0, to.1 - from.1);
    let share = ((x - from.0) * along_x + (y - from.1) * along_y) / along_x.hypot(along_y).powi(2);
    let share = share.clamp(0.0, 1.0);
    1.0 - coverage(half_width - (x - from.0 - share * along_x).hypot(y - from.1 - share * along_y))
}

fn mix(a: [f64; 3], b: [f64; 3], share: f64) -> [f64; 3] {
    [0, 1, 2].map(|channel| a[channel] + (b[channel] - a[channel]) * share)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte's range")]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawn_dial_is_the_one_that_was_recorded() {
        // Stored answers belong to this very picture: another drawing needs another name.
        let dial = dial(640, 480);
        assert_eq!(dial.get_pixel(320, 320), &Rgb([245, 243, 235]));
        assert_eq!(dial.get_pixel(320, 240), &Rgb([25, 25, 30]));
        let sum: u64 = dial.as_raw().iter().map(|byte| u64::from(*byte)).sum();
        assert_eq!((DRAWN, sum), ("drawn dial 1", 166_282_374));
    }

    #[test]
    fn an_answer_at_the_tolerance_agrees_and_one_beyond_has_moved() {
        let check = GoldenCheck { image: DRAWN.to_owned(), observed: 0.5, expected: None, tolerance: 0.25 };
        assert!(check.agrees_with(0.75) && check.agrees_with(0.25));
        assert!(!check.agrees_with(0.75_f64.next_up()));
        let sentence = check.moved(Task::Watch, 0.9, "accept them");
        assert!(
            sentence.contains("0.5000")
                && sentence.contains("0.9000")
                && sentence.ends_with("or accept them")
        );
    }
}
