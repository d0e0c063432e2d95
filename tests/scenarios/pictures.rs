//! Pictures drawn for the tests, so that they need no photographs.

use std::io::Cursor;

use chronograde::score;
use image::{ImageFormat, Rgb, RgbImage};

/// A drawn dial as a PNG; another `number` gives other bytes.
pub fn dial(number: u32) -> Vec<u8> {
    let mut picture = score::dial(320, 240);
    mark(&mut picture, number);
    png(&picture)
}

/// A blurred and darkened dial, which any quality model should like less.
pub fn poor_dial(number: u32) -> Vec<u8> {
    let small = image::imageops::thumbnail(&score::dial(320, 240), 12, 9);
    let mut picture = image::imageops::resize(&small, 320, 240, image::imageops::FilterType::Triangle);
    mark(&mut picture, number);
    png(&picture)
}

/// A picture without any light.
pub fn dark(number: u32) -> Vec<u8> {
    let mut picture = RgbImage::new(64, 48);
    mark(&mut picture, number);
    png(&picture)
}

/// A PNG that claims to be of this size and has no pixel.
pub fn png_header(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let head = [size.as_slice(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head), chunk(b"IDAT", &[]), chunk(b"IEND", &[])].concat()
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), data].concat();
    let length = u32::try_from(data.len()).unwrap();
    [length.to_be_bytes().as_slice(), &named, &crc32(&named).to_be_bytes()].concat()
}

/// The checksum of PNG's chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

/// Writes the number into the first pixels.
fn mark(picture: &mut RgbImage, number: u32) {
    for (x, byte) in (0..).zip(number.to_le_bytes()) {
        picture.put_pixel(x, 0, Rgb([byte, byte, byte]));
    }
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}
