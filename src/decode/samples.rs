//! Pictures for tests, made on the spot.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use turbojpeg::{Colorspace, Compressor, Image, PixelFormat, Subsamp};

/// A picture without repetition, so that a shift or a swap of channels shows.
pub(super) fn pattern(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([0, 1, 2].map(|c| ((x * x * 31 + y * y * 57 + x * y * 13 + c * 83) % 256) as u8))
    })
}

/// Four flat quadrants: red, green / blue, white.
pub(super) fn quadrants(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb(match (x < width / 2, y < height / 2) {
            (true, true) => [255, 0, 0],
            (false, true) => [0, 255, 0],
            (true, false) => [0, 0, 255],
            (false, false) => [255, 255, 255],
        })
    })
}

/// Any picture in any format but JPEG.
pub(super) fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG of quality 95 without chroma subsampling.
pub(super) fn jpeg(picture: &RgbImage) -> Vec<u8> {
    compress(picture.as_raw(), picture.dimensions(), PixelFormat::RGB, |_| {})
}

pub(super) fn progressive_jpeg(picture: &RgbImage) -> Vec<u8> {
    compress(picture.as_raw(), picture.dimensions(), PixelFormat::RGB, |compressor| {
        compressor.set_progressive(true).unwrap();
    })
}

pub(super) fn grey_jpeg(values: &[u8], size: (u32, u32)) -> Vec<u8> {
    compress(values, size, PixelFormat::GRAY, |compressor| compressor.set_subsamp(Subsamp::Gray).unwrap())
}

/// A JPEG with four inks, stored as they are or as YCCK; both with Adobe's marker.
pub(super) fn cmyk_jpeg(inks: &[u8], size: (u32, u32), colorspace: Colorspace) -> Vec<u8> {
    compress(inks, size, PixelFormat::CMYK, |compressor| compressor.set_colorspace(colorspace).unwrap())
}

fn compress(
    pixels: &[u8],
    (width, height): (u32, u32),
    format: PixelFormat,
    set: impl FnOnce(&mut Compressor),
) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    set(&mut compressor);
    let (width, height) = (width as usize, height as usize);
    let pitch = width * format.size();
    compressor.compress_to_vec(Image { pixels, width, pitch, height, format }).unwrap()
}

/// The JPEG with one more segment, right behind its start.
pub(super) fn with_segment(jpeg: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, payload, &jpeg[2..]].concat()
}

/// The JPEG without the segments of one kind.
pub(super) fn without_segment(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let start = jpeg.windows(2).position(|pair| pair == [0xff, marker]).unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[start + 2], jpeg[start + 3]]));
    [&jpeg[..start], &jpeg[start + 2 + length..]].concat()
}

/// An EXIF block (a little-endian TIFF structure) with an orientation, and the time with its offset.
pub(super) fn exif(orientation: u16, taken: Option<(&str, Option<&str>)>) -> Vec<u8> {
    let mut texts = Vec::new();
    if let Some((time, offset)) = taken {
        texts.push((0x9003_u16, format!("{time}\0")));
        texts.extend(offset.map(|offset| (0x9011, format!("{offset}\0"))));
    }
    let mut block = b"II\x2a\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    block.extend(2_u16.to_le_bytes());
    block.extend(entry(0x0112, 3, 1, orientation.into()));
    block.extend(entry(0x8769, 4, 1, 8 + 2 + 24 + 4));
    block.extend(0_u32.to_le_bytes());
    let mut at = block.len() + 2 + 12 * texts.len() + 4;
    block.extend(u16::try_from(texts.len()).unwrap().to_le_bytes());
    for (tag, text) in &texts {
        block.extend(entry(*tag, 2, text.len() as u32, at as u32));
        at += text.len();
    }
    block.extend(0_u32.to_le_bytes());
    texts.iter().for_each(|(_, text)| block.extend(text.as_bytes()));
    block
}

/// The JPEG with an EXIF block.
pub(super) fn with_exif(jpeg: &[u8], block: &[u8]) -> Vec<u8> {
    with_segment(jpeg, 0xe1, &[b"Exif\0\0", block].concat())
}

/// The PNG with another size in its header, nothing else changed.
pub(super) fn claiming(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// ISO 3309, as PNG uses it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}
