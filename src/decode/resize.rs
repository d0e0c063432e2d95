//! Pillow's resizing, so that a network sees the numbers that it was measured with.
//!
//! Pillow shrinks with the filter stretched to the scale (antialiased), in two passes, width first, each rounded
//! to bytes. One call that does both passes keeps more precision in between and gives other numbers, hence two
//! calls here.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::{Filter, Fit, Input};

/// Gives a picture the shape that a network wants: squashed, or scaled and cut out of the centre.
pub fn fit(picture: &RgbImage, input: &Input) -> RgbImage {
    match input.fit {
        Fit::Squash => resize(picture, input.width, input.height, input.filter),
        Fit::Crop => crop(picture, input),
    }
}

/// Scales the shorter side to `resize_shortest` (the longer one rounded to nearest), then cuts out the centre; an
/// odd margin is smaller on the left and on top. A `resize_shortest` that is absent or smaller than the cut counts
/// as the longer side of the cut.
fn crop(picture: &RgbImage, input: &Input) -> RgbImage {
    let (width, height) = picture.dimensions();
    let shortest = input.resize_shortest.unwrap_or(0).max(input.width).max(input.height);
    let scaled = |side: u32| {
        let (side, shorter) = (u64::from(side), u64::from(width.min(height).max(1)));
        u32::try_from((2 * side * u64::from(shortest) + shorter) / (2 * shorter)).unwrap_or(u32::MAX)
    };
    let (scaled_width, scaled_height) = (scaled(width), scaled(height));
    let scaled = resize(picture, scaled_width, scaled_height, input.filter);
    let (left, top) = ((scaled_width - input.width) / 2, (scaled_height - input.height) / 2);
    image::imageops::crop_imm(&scaled, left, top, input.width, input.height).to_image()
}

/// Resizes as Pillow's `Image.resize` does.
pub fn resize(picture: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    let kernel = match filter {
        Filter::Nearest => return nearest(picture, width, height),
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos => FilterType::Lanczos3,
    };
    let wide =
        if picture.width() == width { None } else { Some(pass(picture, width, picture.height(), kernel)) };
    let wide = wide.as_ref().unwrap_or(picture);
    if wide.height() == height { wide.clone() } else { pass(wide, width, height, kernel) }
}

#[expect(
    clippy::expect_used,
    reason = "an RgbImage has exactly width · height · 3 bytes, and both ends are U8x3"
)]
fn pass(picture: &RgbImage, width: u32, height: u32, kernel: FilterType) -> RgbImage {
    let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3)
        .expect("the buffer fits the picture");
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(kernel)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).expect("both pictures hold RGB bytes");
    RgbImage::from_raw(width, height, target.into_vec()).expect("the buffer fits the picture")
}

/// The source pixel under each target pixel's centre. The position is summed up step by step, as Pillow does:
/// a product would round to the neighbour now and then.
fn nearest(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let columns = centres(picture.width(), width);
    let rows = centres(picture.height(), height);
    RgbImage::from_fn(width, height, |x, y| *picture.get_pixel(columns[x as usize], rows[y as usize]))
}

fn centres(source: u32, target: u32) -> Vec<u32> {
    let step = f64::from(source) / f64::from(target);
    let positions = std::iter::successors(Some(step * 0.5), |position| Some(position + step));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Pillow's floor of a position ≥ 0"
    )]
    positions.take(target as usize).map(|position| (position as u32).min(source - 1)).collect()
}
