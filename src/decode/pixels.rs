//! Bytes become upright 8-bit RGB pixels: the one decode function that models, thumbnails and viewer share.
//!
//! What becomes of what a model does not know:
//! - *JPEG* goes through libjpeg-turbo with its accurate DCT and smooth chroma, as in Pillow; CMYK and YCCK
//!   follow Adobe's inverted convention, then R = (255 − C)(255 − K) / 255, as in Pillow.
//! - *Palette and grey* become RGB; *16 bits* keep their high byte, as Pillow does with 16-bit RGB.
//! - *Alpha* is laid over white: (α·c + (255 − α)·255) / 255, rounded to nearest.
//! - *Animations* give their first frame, on a white canvas.
//! - *Colour profiles* are handed on, not applied: models see unconverted values, as in training.

use image::{DynamicImage, ImageDecoder, Rgb, RgbImage};

use super::{DecodeError, Format, Header, Input, Limits, jpeg, limits, orient, probe};

/// The least that a reader needs of a picture, in pixels of the upright picture. A JPEG that is much larger is
/// decoded at a half, a quarter or an eighth of its size, as long as it keeps this much; nothing is ever
/// enlarged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    width_px: u32,
    height_px: u32,
    long_px: u32,
}

impl Need {
    /// Every pixel.
    pub const FULL: Self = Self { width_px: u32::MAX, height_px: u32::MAX, long_px: u32::MAX };

    /// Enough for a picture of this long side.
    pub const fn long_side(long_px: u32) -> Self {
        Self { width_px: 1, height_px: 1, long_px }
    }

    /// Also enough for a model: twice its input on both sides, so that its own filter does the shrinking.
    #[must_use]
    pub fn and_model(self, input: &Input) -> Self {
        let shortest = input.resize_shortest.unwrap_or(0);
        Self {
            width_px: self.width_px.max(input.width.max(shortest).saturating_mul(2)),
            height_px: self.height_px.max(input.height.max(shortest).saturating_mul(2)),
            ..self
        }
    }

    /// The largest of 8, 4, 2 and 1 by which a picture of this size may be divided.
    pub(super) fn divisor(self, width: u32, height: u32) -> u32 {
        let keeps = |divisor: &u32| {
            let (width, height) = (width.div_ceil(*divisor), height.div_ceil(*divisor));
            width >= self.width_px && height >= self.height_px && width.max(height) >= self.long_px
        };
        [8, 4, 2].into_iter().find(keeps).unwrap_or(1)
    }
}

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Upright pixels, at full or reduced scale.
    pub rgb: RgbImage,
    /// Width of the full upright picture in pixels.
    pub width: u32,
    /// Height of the full upright picture in pixels.
    pub height: u32,
    /// What the file's width and height were divided by: 1, 2, 4 or 8.
    pub divisor: u32,
    /// The embedded colour profile.
    pub icc: Option<Vec<u8>>,
    /// The file's format.
    pub format: Format,
}

/// Decodes a file: header, limits, pixels, orientation.
///
/// # Errors
/// As [`probe`], or the file turns out truncated, corrupt or of an unknown variant.
pub fn decode(bytes: &[u8], need: Need, limits: &Limits) -> Result<Picture, DecodeError> {
    decode_probed(bytes, &probe(bytes, limits)?, need)
}

/// Decodes a file whose header has been read already.
///
/// # Errors
/// The file is truncated, corrupt or of an unknown variant.
pub fn decode_probed(bytes: &[u8], header: &Header, need: Need) -> Result<Picture, DecodeError> {
    let divisor = header.divisor(need);
    let (stored, icc) = match header.format {
        Format::Jpeg => (jpeg::decode(bytes, divisor)?, jpeg::icc(bytes)),
        format => {
            let mut decoder = limits::decoder(bytes, format)?;
            let icc = decoder.icc_profile().ok().flatten();
            let stored =
                DynamicImage::from_decoder(decoder).map_err(|error| limits::failure(format, &error))?;
            (eight_bit_rgb(stored, format)?, icc)
        }
    };
    Ok(Picture {
        rgb: orient::upright(stored, header.orientation),
        width: header.upright_width(),
        height: header.upright_height(),
        divisor,
        icc,
        format: header.format,
    })
}

impl Header {
    fn divisor(&self, need: Need) -> u32 {
        match self.format {
            Format::Jpeg => need.divisor(self.upright_width(), self.upright_height()),
            _ => 1,
        }
    }

    /// An estimate of the memory that decoding takes at its peak, in bytes: what the decoder holds, the RGB
    /// pixels, and the copy that is made when a picture is turned.
    pub fn decode_bytes(&self, need: Need) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let divisor = u64::from(self.divisor(need));
        let copies = if orient::swaps_sides(self.orientation) { 2 } else { 1 };
        pixels * self.working_bytes_per_pixel + pixels.div_ceil(divisor * divisor) * 3 * copies
    }
}

fn eight_bit_rgb(stored: DynamicImage, format: Format) -> Result<RgbImage, DecodeError> {
    let (width, height) = (stored.width(), stored.height());
    let high = |value: u16| value.to_be_bytes()[0];
    let rgb = |pixel: &dyn Fn(usize) -> Rgb<u8>| {
        RgbImage::from_fn(width, height, |x, y| pixel(y as usize * width as usize + x as usize))
    };
    Ok(match &stored {
        DynamicImage::ImageRgb8(_) => stored.into_rgb8(),
        DynamicImage::ImageLuma8(grey) => rgb(&|i| Rgb([grey.as_raw()[i]; 3])),
        DynamicImage::ImageLumaA8(grey) => {
            let raw = grey.as_raw();
            rgb(&|i| over_white([raw[2 * i]; 3], raw[2 * i + 1]))
        }
        DynamicImage::ImageRgba8(rgba) => {
            let raw = rgba.as_raw();
            rgb(&|i| over_white([raw[4 * i], raw[4 * i + 1], raw[4 * i + 2]], raw[4 * i + 3]))
        }
        DynamicImage::ImageLuma16(grey) => rgb(&|i| Rgb([high(grey.as_raw()[i]); 3])),
        DynamicImage::ImageLumaA16(grey) => {
            let raw = grey.as_raw();
            rgb(&|i| over_white([high(raw[2 * i]); 3], high(raw[2 * i + 1])))
        }
        DynamicImage::ImageRgb16(colour) => {
            let raw = colour.as_raw();
            rgb(&|i| Rgb([high(raw[3 * i]), high(raw[3 * i + 1]), high(raw[3 * i + 2])]))
        }
        DynamicImage::ImageRgba16(rgba) => {
            let raw = rgba.as_raw();
            let channel = |i: usize| high(raw[i]);
            rgb(&|i| over_white([channel(4 * i), channel(4 * i + 1), channel(4 * i + 2)], channel(4 * i + 3)))
        }
        _ => {
            let detail = "its pixels are floating-point numbers".to_owned();
            return Err(DecodeError::UnsupportedVariant { format, detail });
        }
    })
}

fn over_white(colour: [u8; 3], alpha: u8) -> Rgb<u8> {
    Rgb(colour.map(|value| over(value, alpha)))
}

fn over(value: u8, alpha: u8) -> u8 {
    255 - jpeg::times(255 - value, alpha)
}
