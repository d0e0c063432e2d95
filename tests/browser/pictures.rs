//! Pictures that differ.

use image::{ImageFormat, Rgb, RgbImage};

/// A JPEG-free picture with edges, a different one for each number.
pub fn png(number: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(640, 480, |x, y| {
        let ring = (x.abs_diff(320).pow(2) + y.abs_diff(240).pow(2)) / (400 + 90 * number);
        let [red, green] = [(ring * 37 % 256), (x + y + number * 13) % 256];
        Rgb([red, green, number * 29 % 256].map(|value| u8::try_from(value).unwrap_or(u8::MAX)))
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}
