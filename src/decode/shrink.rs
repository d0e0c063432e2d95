//! Fast shrinking, for what people and signals look at. What models look at goes through [`super::resize()`].

use std::borrow::Cow;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// Scales a picture to a long side of `long_px` pixels, the other side rounded to nearest and at least 1; a picture
/// that is not larger is left as it is.
pub(super) fn shrink(picture: &RgbImage, long_px: u32, filter: FilterType) -> Cow<'_, RgbImage> {
    let (width, height) = picture.dimensions();
    let longer = width.max(height);
    if longer <= long_px {
        return Cow::Borrowed(picture);
    }
    let scaled = |side: u32| {
        let scaled = (2 * u64::from(side) * u64::from(long_px) + u64::from(longer)) / (2 * u64::from(longer));
        u32::try_from(scaled).unwrap_or(long_px).max(1)
    };
    Cow::Owned(convolve(picture, scaled(width), scaled(height), filter))
}

#[expect(
    clippy::expect_used,
    reason = "an RgbImage has exactly width · height · 3 bytes, and both ends are U8x3"
)]
fn convolve(picture: &RgbImage, width: u32, height: u32, filter: FilterType) -> RgbImage {
    let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3)
        .expect("the buffer fits the picture");
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).expect("both pictures hold RGB bytes");
    RgbImage::from_raw(width, height, target.into_vec()).expect("the buffer fits the picture")
}
