//! Renditions: the small JPEGs that pages show instead of the originals.

use fast_image_resize::FilterType;
use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use turbojpeg::{Compressor, PixelFormat, Subsamp};

use super::{Picture, shrink::shrink};

/// Long side of the rendition for grids, in pixels.
pub const GRID_PX: u32 = 320;
/// Long side of the rendition for the viewer, in pixels.
pub const VIEWER_PX: u32 = 1600;

/// JPEG quality: no difference that a judge of photographs sees, at a third of the bytes of quality 95.
const QUALITY: i32 = 85;

/// A rendition could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rendition cannot be encoded: {0}")]
pub struct RenditionError(String);

/// A JPEG with a long side of at most `long_px` pixels, never enlarged. Its colours are sRGB, converted from the
/// embedded profile; it carries no profile, no EXIF and no place.
///
/// # Errors
/// The encoder has no memory left.
pub fn rendition(picture: &Picture, long_px: u32) -> Result<Vec<u8>, RenditionError> {
    let small = shrink(&picture.rgb, long_px, FilterType::Lanczos3).into_owned();
    encode(&srgb(small, picture.icc.as_deref()))
}

/// Converts to sRGB. Without a profile, or with one that is damaged or not for RGB (CMYK and grey pictures are
/// RGB by now), the values are taken as sRGB already.
fn srgb(rgb: RgbImage, icc: Option<&[u8]>) -> RgbImage {
    let convert = || {
        let profile = ColorProfile::new_from_slice(icc?).ok()?;
        if profile.color_space != DataColorSpace::Rgb {
            return None;
        }
        let target = ColorProfile::new_srgb();
        let transform = profile
            .create_transform_8bit(Layout::Rgb, &target, Layout::Rgb, TransformOptions::default())
            .ok()?;
        let mut converted = RgbImage::new(rgb.width(), rgb.height());
        transform.transform(&rgb, &mut converted).ok()?;
        Some(converted)
    };
    convert().unwrap_or(rgb)
}

fn encode(rgb: &RgbImage) -> Result<Vec<u8>, RenditionError> {
    let write = || {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(QUALITY)?;
        compressor.set_subsamp(Subsamp::Sub2x2)?;
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        let format = PixelFormat::RGB;
        let pixels = &rgb.as_raw()[..];
        compressor.compress_to_vec(turbojpeg::Image { pixels, width, pitch: 3 * width, height, format })
    };
    write().map_err(|error: turbojpeg::Error| RenditionError(error.to_string()))
}
