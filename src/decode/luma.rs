//! The small grey picture that signals and perceptual hash are computed from.

use fast_image_resize::FilterType;
use image::RgbImage;
use multiversion::multiversion;

use super::shrink::shrink;

/// Long side in pixels at which signals are measured, so that they compare across cameras.
pub const SIGNALS_PX: u32 = 512;

/// Brightness of each pixel, 0 to 255, of a picture whose long side is at most [`SIGNALS_PX`].
///
/// Y′ = 0.299 R′ + 0.587 G′ + 0.114 B′ (ITU-R BT.601), of the values as stored.
#[derive(Clone, Debug)]
pub struct Luma {
    values: Vec<f32>,
    width: usize,
}

impl Luma {
    /// Shrinks (bilinear, antialiased; never enlarges) and takes the luma.
    pub fn of(rgb: &RgbImage) -> Self {
        let small = shrink(rgb, SIGNALS_PX, FilterType::Bilinear);
        Self { values: weighed(&small), width: small.width() as usize }
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.width)
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn weighed(rgb: &[u8]) -> Vec<f32> {
    let mut values = vec![0.0; rgb.len() / 3];
    for (value, pixel) in values.iter_mut().zip(rgb.chunks_exact(3)) {
        *value = 0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2]);
    }
    values
}
