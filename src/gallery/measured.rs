//! The signals of a picture, in words that a photographer knows.

use crate::decode::Signals;

/// One signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// What was measured.
    pub name: &'static str,
    /// What it means.
    pub verdict: &'static str,
    /// The number with its unit.
    pub number: String,
    /// Whether it may be why the picture is rated low.
    pub is_poor: bool,
}

impl Measured {
    /// As a reason for which a picture may be rated low: what was counted is certain, what was judged by a number is not.
    pub fn as_reason(&self) -> String {
        match self.name {
            SIZE => format!("{}: {}", self.verdict, self.number.rsplit(", ").next().unwrap_or_default()),
            _ => format!("probably {}", self.verdict),
        }
    }
}

const SIZE: &str = "Size";

/// All signals, those that a viewer notices first in front.
pub fn in_words(signals: &Signals) -> Vec<Measured> {
    let measured = |name, (verdict, is_poor), number| Measured { name, verdict, number, is_poor };
    vec![
        measured("Sharpness", sharpness(signals.sharpness), format!("{:.0}", signals.sharpness)),
        measured("Exposure", exposure(signals.exposure), percent(signals.exposure)),
        measured("Contrast", contrast(signals.contrast), percent(2.0 * signals.contrast)),
        measured("Black", black(signals.black_share), of_picture(signals.black_share)),
        measured("White", white(signals.white_share), of_picture(signals.white_share)),
        measured("Noise", noise(signals.noise), format!("{:.1} levels", signals.noise)),
        measured(
            SIZE,
            size(signals.short_side_px),
            format!("{:.1} megapixels, short side {} px", signals.megapixels, signals.short_side_px),
        ),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.0}\u{202f}%", share * 100.0)
}

fn of_picture(share: f64) -> String {
    format!("{} of the picture", percent(share))
}

const fn sharpness(laplacian_variance: f64) -> (&'static str, bool) {
    match laplacian_variance {
        ..50.0 => ("blurred, or very plain", true),
        50.0..150.0 => ("soft", false),
        150.0..1500.0 => ("sharp", false),
        _ => ("very sharp, or full of fine detail", false),
    }
}

const fn exposure(mean: f64) -> (&'static str, bool) {
    match mean {
        ..0.12 => ("very dark", true),
        0.12..0.3 => ("dark", false),
        0.3..0.7 => ("even", false),
        0.7..0.9 => ("bright", false),
        _ => ("very bright", true),
    }
}

const fn contrast(rms: f64) -> (&'static str, bool) {
    match rms {
        ..0.08 => ("flat", true),
        0.08..0.15 => ("gentle", false),
        0.15..0.3 => ("good", false),
        _ => ("hard", false),
    }
}

const fn black(share: f64) -> (&'static str, bool) {
    match share {
        ..0.02 => ("hardly any", false),
        0.02..0.2 => ("some areas without detail", false),
        _ => ("large black areas", false),
    }
}

const fn white(share: f64) -> (&'static str, bool) {
    match share {
        ..0.02 => ("hardly any", false),
        0.02..0.2 => ("some areas without detail", false),
        _ => ("a white background, or blown out", false),
    }
}

const fn noise(levels: f64) -> (&'static str, bool) {
    match levels {
        ..2.0 => ("clean", false),
        2.0..6.0 => ("some grain, or fine texture", false),
        _ => ("noisy, or full of texture", true),
    }
}

const fn size(short_side_px: u32) -> (&'static str, bool) {
    match short_side_px {
        ..320 => ("small", true),
        320..720 => ("rather small", false),
        720..1600 => ("enough for a screen", false),
        _ => ("large", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blurred_tiny_dark_picture_is_said_to_be_that() {
        let signals = Signals {
            version: 1,
            sharpness: 12.0,
            exposure: 0.05,
            black_share: 0.5,
            white_share: 0.0,
            contrast: 0.02,
            noise: 0.4,
            megapixels: 0.02,
            short_side_px: 120,
        };
        let poor: Vec<_> = in_words(&signals).into_iter().filter(|signal| signal.is_poor).collect();
        let names: Vec<_> = poor.iter().map(|signal| signal.name).collect();
        assert_eq!(names, ["Sharpness", "Exposure", "Contrast", "Size"]);
        assert_eq!(poor[0].verdict, "blurred, or very plain");
    }
}
