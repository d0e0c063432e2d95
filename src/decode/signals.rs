//! Plain measurements of a picture: why a quality score may be low, in words that a photographer knows.
//!
//! All but the size are taken from [`Luma`], at a long side of 512 pixels.

use multiversion::multiversion;
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
        let mut levels = Moments::default();
        luma.rows().for_each(|row| levels.add(row));
        let (laplacian, noise) = filtered(luma);
        let (black, white) = clipped(luma.values());
        let share = |count: u32| f64::from(count) / luma.values().len().max(1) as f64;
        Self {
            version: SIGNALS_VERSION,
            sharpness: laplacian.variance(),
            exposure: levels.mean() / 255.0,
            black_share: share(black),
            white_share: share(white),
            contrast: levels.variance().sqrt() / 255.0,
            // σ = √(π/2) · mean |I ∗ N| / 6, with N the difference of two Laplacians, whose weights have a norm of 6.
            noise: std::f64::consts::FRAC_PI_2.sqrt() * noise.mean() / 6.0,
            megapixels: f64::from(picture.width) * f64::from(picture.height) / 1e6,
            short_side_px: picture.width.min(picture.height),
        }
    }
}

/// How many values are black, and how many white.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn clipped(values: &[f32]) -> (u32, u32) {
    let (mut black, mut white) = (0, 0);
    for value in values {
        black += u32::from(*value <= CLIPPED);
        white += u32::from(*value >= 255.0 - CLIPPED);
    }
    (black, white)
}

/// What the Laplacian and the size of Immerkær's filter come to, over the pixels that have eight neighbours: nothing where
/// there are none. Both in one pass, for they look at the same pixels.
fn filtered(luma: &Luma) -> (Moments, Moments) {
    let (mut laplacian, mut noise) = (Moments::default(), Moments::default());
    if luma.width() < 3 {
        return (laplacian, noise);
    }
    let inside = luma.width() - 2;
    let mut values = [vec![0.0; inside], vec![0.0; inside]];
    let rows: Vec<&[f32]> = luma.rows().collect();
    for rows in rows.windows(3) {
        filter([rows[0], rows[1], rows[2]], &mut values);
        laplacian.add(&values[0]);
        noise.add(&values[1]);
    }
    (laplacian, noise)
}

/// Both filters over one row and its neighbours. Slices of one length each, so that the processor takes several pixels at once.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn filter(rows: [&[f32]; 3], [laplacian, noise]: &mut [Vec<f32>; 2]) {
    let count = laplacian.len().min(noise.len());
    let [above, here, below] = rows.map(|row| [&row[..count], &row[1..][..count], &row[2..][..count]]);
    let (laplacian, noise) = (&mut laplacian[..count], &mut noise[..count]);
    for x in 0..count {
        let edges = above[1][x] + here[0][x] + here[2][x] + below[1][x];
        let corners = above[0][x] + above[2][x] + below[0][x] + below[2][x];
        laplacian[x] = edges - 4.0 * here[1][x];
        noise[x] = (corners - 2.0 * edges + 4.0 * here[1][x]).abs();
    }
}

/// Sums that are kept side by side, so that the processor need not wait for one addition before the next.
const LANES: usize = 16;

/// Sums of values and of their squares, both less the first value: a flat picture has no variance at all, and
/// large sums cancel little of any other. A row is summed in single precision, of which a few hundred values lose nothing
/// that counts, the rows in double.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    origin: Option<f32>,
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, values: &[f32]) {
        let Some(first) = values.first() else { return };
        let (sum, squares) = sums(values, *self.origin.get_or_insert(*first));
        self.sum += sum;
        self.squares += squares;
        self.count += values.len() as f64;
    }

    /// The mean, less the first value.
    fn off(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn mean(&self) -> f64 {
        self.origin.map_or(0.0, f64::from) + self.off()
    }

    fn variance(&self) -> f64 {
        let off = self.off();
        (self.squares / self.count.max(1.0) - off * off).max(0.0)
    }
}

/// Sums of values and of their squares, both less `origin`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn sums(values: &[f32], origin: f32) -> (f64, f64) {
    let (mut sums, mut squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let chunks = values.chunks_exact(LANES);
    let mut rest = [origin; LANES];
    rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    for values in chunks.chain(std::iter::once(&rest[..])) {
        for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(values) {
            let off = value - origin;
            *sum += off;
            *square += off * off;
        }
    }
    let whole = |lanes: [f32; LANES]| lanes.into_iter().map(f64::from).sum::<f64>();
    (whole(sums), whole(squares))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::decode::Format;

    fn measure(rgb: RgbImage) -> Signals {
        let luma = Luma::of(&rgb);
        let (width, height) = rgb.dimensions();
        Signals::measure(&Picture { rgb, width, height, divisor: 1, icc: None, format: Format::Png }, &luma)
    }

    fn grey(width: u32, height: u32, level: impl Fn(u32, u32) -> u8) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([level(x, y); 3]))
    }

    fn near(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value} instead of {expected}");
    }

    #[test]
    fn a_flat_picture_has_brightness_and_nothing_else() {
        let signals = measure(grey(600, 400, |_, _| 51));
        near(signals.exposure, 0.2, 1e-6);
        for zero in
            [signals.sharpness, signals.contrast, signals.noise, signals.black_share, signals.white_share]
        {
            near(zero, 0.0, 1e-6);
        }
        assert_eq!(
            (signals.megapixels, signals.short_side_px, signals.version),
            (0.24, 400, SIGNALS_VERSION)
        );
    }

    #[test]
    fn luma_weighs_the_colours_as_bt_601_does() {
        for (colour, luma) in [([255, 0, 0], 0.299), ([0, 255, 0], 0.587), ([0, 0, 255], 0.114)] {
            near(measure(RgbImage::from_pixel(8, 8, Rgb(colour))).exposure, luma, 1e-6);
        }
    }

    #[test]
    fn a_chessboard_has_the_largest_laplacian() {
        // Four black neighbours around white and the reverse: ±4·255, with mean 0 over an even number of pixels.
        let signals = measure(grey(10, 10, |x, y| if (x + y).is_multiple_of(2) { 255 } else { 0 }));
        near(signals.sharpness, 1020.0_f64.powi(2), 1.0);
        near(signals.contrast, 0.5, 1e-9);
        assert_eq!((signals.black_share, signals.white_share), (0.5, 0.5));
    }

    #[test]
    fn a_slope_is_neither_sharp_nor_noisy() {
        let signals = measure(grey(200, 100, |x, _| x as u8));
        near(signals.sharpness, 0.0, 1e-6);
        near(signals.noise, 0.0, 1e-6);
        // A uniform distribution over 0..199 has a standard deviation of √((200² − 1) / 12).
        near(signals.contrast, (39_999.0_f64 / 12.0).sqrt() / 255.0, 1e-6);
    }

    #[test]
    fn noise_is_estimated_in_levels_of_luma() {
        // A sum of twelve uniform numbers is nearly normal (Irwin and Hall), here with a standard deviation of 10.
        let mut state = 1_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from((state >> 33) as u32) / f64::from(1_u32 << 31)
        };
        let noisy = RgbImage::from_fn(300, 300, |_, _| {
            let normal: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            Rgb([(128.0 + 10.0 * normal).round() as u8; 3])
        });
        near(measure(noisy).noise, 10.0, 0.3);
    }

    #[test]
    fn blur_lowers_sharpness_and_enlarging_is_left_out() {
        let stripes =
            |period: u32| grey(300, 300, move |x, _| if (x / period).is_multiple_of(2) { 200 } else { 50 });
        let sharp = stripes(3);
        let blurred = image::imageops::blur(&sharp, 2.0);
        assert!(measure(sharp.clone()).sharpness > 20.0 * measure(blurred).sharpness);
        assert_eq!(Luma::of(&sharp).values().len(), 300 * 300);
        assert_eq!(Luma::of(&grey(1024, 512, |_, _| 0)).values().len(), 512 * 256);
    }

    #[test]
    fn the_smallest_pictures_have_finite_signals() {
        for (width, height) in [(1, 1), (2, 2), (1, 600), (3, 1)] {
            let signals = measure(grey(width, height, |_, _| 9));
            assert_eq!((signals.sharpness, signals.noise), (0.0, 0.0));
            near(signals.exposure, 9.0 / 255.0, 1e-6);
        }
    }

    #[test]
    fn moments_are_those_of_the_textbook_wherever_rows_end() {
        let values: Vec<f32> = (0..1_003_u32).map(|value| (value * value % 251) as f32).collect();
        let mut moments = Moments::default();
        values.chunks(17).for_each(|row| moments.add(row));
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
        near(moments.mean(), mean, 1e-9);
        near(moments.variance(), squares / values.len() as f64, 1e-8);
    }

    #[test]
    fn signals_survive_json() {
        let signals = measure(grey(20, 10, |x, y| (x * y) as u8));
        let json = serde_json::to_string(&signals).unwrap();
        let read: Signals = serde_json::from_str(&json).unwrap();
        assert_eq!((read.version, read.short_side_px), (signals.version, signals.short_side_px));
        for (read, written) in [
            (read.sharpness, signals.sharpness),
            (read.exposure, signals.exposure),
            (read.black_share, signals.black_share),
            (read.white_share, signals.white_share),
            (read.contrast, signals.contrast),
            (read.noise, signals.noise),
            (read.megapixels, signals.megapixels),
        ] {
            near(read, written, 1e-15);
        }
    }
}
