//! Plain measurements of a picture: why a quality score may be low, in words that a photographer knows.
//!
//! All but the size are taken from [`Luma`], at a long side of 512 pixels.

use serde::{Deserialize, Serialize};

use super::{Luma, Picture};

/// Raised whenever one of the formulas changes; signals of different versions do not compare.
pub const SIGNALS_VERSION: u32 = 1;

/// Up to this luma a pixel counts as black, and from 255 less this as white.
const CLIPPED: f32 = 2.0;

/// The signals of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// The [`SIGNALS_VERSION`] that they were measured with.
    pub version: u32,
    /// Variance of the Laplacian (4 neighbours less 4 times the centre), in squared levels of luma: low when blurred
    /// (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000).
    pub sharpness: f64,
    /// Mean luma, 0 (black) to 1 (white).
    pub exposure: f64,
    /// Share of pixels with a luma of at most 2 of 255.
    pub black_share: f64,
    /// Share of pixels with a luma of at least 253 of 255; large on a white background too.
    pub white_share: f64,
    /// Root-mean-square contrast: standard deviation of the luma, 0 to 0.5 (Peli, "Contrast in complex images", 1990).
    pub contrast: f64,
    /// Standard deviation of the noise in levels of luma, with edges cancelled (Immerkær, "Fast noise variance
    /// estimation", CVIU 1996).
    pub noise: f64,
    /// Megapixels of the file.
    pub megapixels: f64,
    /// Shorter side of the file in pixels.
    pub short_side_px: u32,
}

impl Signals {
    /// Measures a picture, given its [`Luma`].
    pub fn measure(picture: &Picture, luma: &Luma) -> Self {
        let levels = Moments::of(luma.values().iter().map(|value| f64::from(*value)));
        let share = |clipped: fn(f32) -> bool| {
            Moments::of(luma.values().iter().map(|value| f64::from(u8::from(clipped(*value))))).mean
        };
        Self {
            version: SIGNALS_VERSION,
            sharpness: laplacian_variance(luma),
            exposure: levels.mean / 255.0,
            black_share: share(|value| value <= CLIPPED),
            white_share: share(|value| value >= 255.0 - CLIPPED),
            contrast: levels.variance().sqrt() / 255.0,
            noise: noise(luma),
            megapixels: f64::from(picture.width) * f64::from(picture.height) / 1e6,
            short_side_px: picture.width.min(picture.height),
        }
    }
}

/// Over the pixels that have four neighbours; 0 where there are none.
fn laplacian_variance(luma: &Luma) -> f64 {
    let mut moments = Moments::default();
    luma.neighbourhoods(|[above, here, below]| {
        moments.add(f64::from(above[1] + here[0] + here[2] + below[1] - 4.0 * here[1]));
    });
    moments.variance()
}

/// σ = √(π/2) · mean |I ∗ N| / 6, with N the difference of two Laplacians, whose weights have a norm of 6.
fn noise(luma: &Luma) -> f64 {
    let mut moments = Moments::default();
    luma.neighbourhoods(|[above, here, below]| {
        let corners = above[0] + above[2] + below[0] + below[2];
        let edges = above[1] + here[0] + here[2] + below[1];
        moments.add(f64::from((corners - 2.0 * edges + 4.0 * here[1]).abs()));
    });
    std::f64::consts::FRAC_PI_2.sqrt() * moments.mean / 6.0
}

/// Running mean and sum of squared deviations (Welford, 1962): no cancellation between large sums.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut moments = Self::default();
        values.for_each(|value| moments.add(value));
        moments
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    fn variance(&self) -> f64 {
        if self.count > 0.0 { self.squares / self.count } else { 0.0 }
    }
}
