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
