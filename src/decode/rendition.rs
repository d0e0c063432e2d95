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

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::super::samples::{exif, jpeg, pattern, with_exif, with_segment};
    use super::super::{Limits, Need, decode, probe};
    use super::*;

    fn decoded(bytes: &[u8]) -> Picture {
        decode(bytes, Need::FULL, &Limits::default()).unwrap()
    }

    fn shown(picture: &Picture, long_px: u32) -> Picture {
        decoded(&rendition(picture, long_px).unwrap())
    }

    #[test]
    fn the_long_side_is_what_was_asked_for_and_nothing_is_enlarged() {
        for (size, expected) in [
            ((1000, 500), (320, 160)),
            ((500, 1001), (160, 320)),
            ((100, 80), (100, 80)),
            ((9000, 3), (320, 1)),
        ] {
            let picture = decoded(&jpeg(&pattern(size.0, size.1)));
            assert_eq!(shown(&picture, GRID_PX).rgb.dimensions(), expected);
        }
    }

    #[test]
    fn a_turned_picture_is_upright_and_carries_no_metadata() {
        let file = with_exif(&jpeg(&pattern(400, 300)), &exif(6, Some(("2024:01:01 12:00:00", None))));
        let bytes = rendition(&decoded(&file), GRID_PX).unwrap();
        let header = probe(&bytes, &Limits::default()).unwrap();
        assert_eq!((header.width, header.height, header.orientation, header.taken_at), (240, 320, 1, None));
        assert!(!bytes.windows(4).any(|bytes| bytes == b"Exif"));
    }

    #[test]
    fn an_embedded_profile_is_converted_to_srgb_and_not_carried_on() {
        // Adobe RGB (1998) and Display P3 to sRGB by their published primaries and curves.
        for (profile, expected) in [
            (ColorProfile::new_adobe_rgb(), [162, 121, 88]),
            (ColorProfile::new_display_p3(), [156, 119, 85]),
        ] {
            let payload = [&b"ICC_PROFILE\0\x01\x01"[..], &profile.encode().unwrap()].concat();
            let file =
                with_segment(&jpeg(&RgbImage::from_pixel(32, 32, Rgb([150, 120, 90]))), 0xe2, &payload);
            let picture = decoded(&file);
            let near = |picture: &Picture, expected: [u8; 3], tolerance: u8| {
                for (value, expected) in picture.rgb.get_pixel(5, 5).0.into_iter().zip(expected) {
                    assert!(value.abs_diff(expected) <= tolerance, "{value} instead of {expected}");
                }
            };
            near(&picture, [150, 120, 90], 1); // models see the values as stored
            let shown = shown(&picture, GRID_PX);
            near(&shown, expected, 2);
            assert_eq!(shown.icc, None);
        }
    }

    #[test]
    fn a_damaged_profile_is_ignored() {
        let file = with_segment(&jpeg(&pattern(32, 32)), 0xe2, b"ICC_PROFILE\0\x01\x01 no profile");
        let (picture, plain) = (decoded(&file), decoded(&jpeg(&pattern(32, 32))));
        assert!(picture.icc.is_some());
        assert_eq!(rendition(&picture, GRID_PX), rendition(&plain, GRID_PX));
    }
}
