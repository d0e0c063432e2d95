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

use super::{DecodeError, Format, Header, Input, Limits, jpeg, limits, orient, probe, segments};

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
        Format::Jpeg => (jpeg::decode(bytes, divisor)?, segments::icc(bytes)),
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

#[cfg(test)]
mod tests {
    use image::codecs::gif::GifEncoder;
    use image::{Frame, GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgba, RgbaImage};

    use proptest::prelude::*;

    use super::super::samples::{encode, jpeg, pattern};
    use super::*;

    fn pixels(bytes: &[u8]) -> Vec<[u8; 3]> {
        decode(bytes, Need::FULL, &Limits::default()).unwrap().rgb.pixels().map(|pixel| pixel.0).collect()
    }

    fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
        encode(picture, ImageFormat::Png)
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    const RED: [u8; 3] = [255, 0, 0];
    const GREEN: [u8; 3] = [0, 255, 0];
    const BLUE: [u8; 3] = [0, 0, 255];
    const DARK: [u8; 3] = [10, 20, 30];
    const WHITE: [u8; 3] = [255; 3];

    // Made with Pillow 13.0.0, whose encoder packs four colours into two bits a pixel:
    //   p = Image.new("P", (4, 2)); p.putpalette([255,0,0, 0,255,0, 0,0,255, 10,20,30])
    //   p.putdata([0,1,2,3,3,2,1,0]); p.save(file, "PNG") and p.save(file, "PNG", transparency=1)
    const PALETTE: &str = "89504e470d0a1a0a0000000d494844520000000400000002020300000002c695f00000000c504c5445ff000000ff000000\
        ff0a141e228829040000000c49444154789c639066780200013901004564919b0000000049454e44ae426082";
    const PALETTE_WITH_HOLE: &str = "89504e470d0a1a0a0000000d494844520000000400000002020300000002c695f00000000c504c5445ff000000\
        ff000000ff0a141e228829040000000274524e53ff00e5b7304a0000000c49444154789c639066780200013901004564919b00000000\
        49454e44ae426082";

    #[test]
    fn a_palette_becomes_its_colours_and_its_hole_becomes_white() {
        let row = |second: [u8; 3]| vec![RED, second, BLUE, DARK, DARK, BLUE, second, RED];
        assert_eq!(pixels(&bytes(PALETTE)), row(GREEN));
        assert_eq!(pixels(&bytes(PALETTE_WITH_HOLE)), row(WHITE));
    }

    #[test]
    fn grey_becomes_rgb() {
        let grey = GrayImage::from_raw(2, 1, vec![7, 200]).unwrap();
        assert_eq!(pixels(&png(grey)), [[7; 3], [200; 3]]);
    }

    #[test]
    fn sixteen_bits_keep_their_high_byte() {
        let colour =
            ImageBuffer::<Rgb<u16>, _>::from_raw(2, 1, vec![0x12ff, 0, 0xffff, 0x00ff, 0x0100, 0x8000])
                .unwrap();
        assert_eq!(pixels(&png(colour)), [[0x12, 0, 0xff], [0, 1, 0x80]]);
        let grey = ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0x7fff, 0x8000]).unwrap();
        assert_eq!(pixels(&png(grey.clone())), [[0x7f; 3], [0x80; 3]]);
        assert_eq!(pixels(&encode(grey, ImageFormat::Tiff)), [[0x7f; 3], [0x80; 3]]);
        let alpha =
            ImageBuffer::<Rgba<u16>, _>::from_raw(1, 1, vec![0x0a00, 0x1400, 0x1e00, 0x8000]).unwrap();
        assert_eq!(pixels(&png(alpha)), [[132, 137, 142]]);
        let alpha = ImageBuffer::<LumaA<u16>, _>::from_raw(1, 1, vec![0x0a00, 0x8000]).unwrap();
        assert_eq!(pixels(&png(alpha)), [[132; 3]]);
    }

    #[test]
    fn alpha_is_laid_over_white() {
        // 255 − 245·128/255 = 132.02, 255 − 235·128/255 = 137.04, 255 − 225·128/255 = 142.06
        let colours = [[10, 20, 30, 128], [10, 20, 30, 255], [10, 20, 30, 0]];
        let picture = RgbaImage::from_raw(3, 1, colours.concat()).unwrap();
        let expected = [[132, 137, 142], DARK, WHITE];
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
            assert_eq!(pixels(&encode(picture.clone(), format)), expected, "{format:?}");
        }
        let grey = GrayAlphaImage::from_raw(2, 1, vec![10, 128, 10, 255]).unwrap();
        assert_eq!(pixels(&png(grey)), [[132; 3], [10; 3]]);
    }

    #[test]
    fn an_animation_gives_its_first_frame() {
        let mut file = Vec::new();
        let mut encoder = GifEncoder::new(&mut file);
        for colour in [[255, 0, 0, 255], [0, 0, 255, 255]] {
            encoder.encode_frame(Frame::new(RgbaImage::from_pixel(3, 2, Rgba(colour)))).unwrap();
        }
        drop(encoder);
        assert_eq!(pixels(&file), [RED; 6]);
    }

    #[test]
    fn lossless_formats_give_back_every_pixel() {
        let picture = pattern(37, 23);
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff] {
            let file = encode(picture.clone(), format);
            let decoded = decode(&file, Need::long_side(1), &Limits::default()).unwrap();
            assert_eq!((decoded.rgb, decoded.width, decoded.height), (picture.clone(), 37, 23), "{format:?}");
        }
    }

    #[test]
    fn a_file_that_breaks_off_fails_in_every_format() {
        let picture = pattern(64, 48);
        for format in [Format::Png, Format::WebP, Format::Gif, Format::Bmp, Format::Tiff] {
            let file = encode(picture.clone(), format.codec());
            for share in [3, 5, 7, 9] {
                let decoded = decode(&file[..file.len() * share / 10], Need::FULL, &Limits::default());
                let said = decoded.map(|_| ()).unwrap_err();
                assert_eq!(said, DecodeError::Truncated { format }, "{share}/10");
            }
        }
    }

    #[test]
    fn floating_point_pixels_are_refused_in_words() {
        let picture = ImageBuffer::<Rgb<f32>, _>::from_raw(1, 1, vec![0.5, 0.5, 0.5]).unwrap();
        let file = encode(DynamicImage::ImageRgb32F(picture), ImageFormat::Tiff);
        assert_eq!(
            decode(&file, Need::FULL, &Limits::default()).unwrap_err().to_string(),
            "this variant of TIFF is not supported: its pixels are floating-point numbers"
        );
    }

    proptest! {
        #[test]
        fn damaged_files_end_in_words_never_in_a_panic(
            format in 0..6_usize, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let picture = pattern(24, 16);
            let others = [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff];
            let mut file = others.get(format).map_or_else(|| jpeg(&picture), |format| encode(picture.clone(), *format));
            for (at, value) in edits {
                let at = at.index(file.len());
                file[at] = value;
            }
            let limits = Limits { pixels: 100_000, ..Limits::default() };
            if let Err(error) = decode(&file, Need::FULL, &limits) {
                prop_assert!(error.to_string().len() > 10);
            }
        }
    }

    fn model(width: u32, height: u32, resize_shortest: Option<u32>) -> Input {
        let text = "tensor = 'x'\nlayout = 'nhwc'\ndtype = 'u8'\nwidth = 1\nheight = 1\ncolour = 'rgb'\n\
                    fit = 'squash'\nfilter = 'bilinear'";
        Input { width, height, resize_shortest, ..toml::from_str(text).unwrap() }
    }

    #[test]
    fn scale_is_reduced_only_while_twice_the_models_input_remains() {
        let need = Need::long_side(512).and_model(&model(224, 224, None));
        assert_eq!(need.divisor(4000, 3000), 4);
        assert_eq!(need.divisor(8000, 6000), 8);
        assert_eq!(need.divisor(2048, 1789), 4);
        assert_eq!(need.divisor(2048, 1788), 2);
        assert_eq!(need.divisor(2044, 1800), 2);
        assert_eq!(need.divisor(500, 375), 1);
        assert_eq!(need.and_model(&model(224, 224, Some(256))).divisor(2048, 1792), 2);
        assert_eq!(Need::long_side(1600).divisor(4000, 3000), 2);
        assert_eq!(Need::FULL.divisor(60_000, 60_000), 1);
    }

    #[test]
    fn a_large_jpeg_is_decoded_at_reduced_scale_and_keeps_its_size_in_words() {
        let file = jpeg(&pattern(1201, 800));
        let picture = decode(&file, Need::long_side(300), &Limits::default()).unwrap();
        assert_eq!((picture.rgb.dimensions(), picture.divisor), ((301, 200), 4));
        assert_eq!((picture.width, picture.height), (1201, 800));
    }

    #[test]
    fn the_estimate_of_memory_follows_scale_and_turning() {
        let header = probe(&jpeg(&pattern(800, 400)), &Limits::default()).unwrap();
        assert_eq!(header.decode_bytes(Need::FULL), 800 * 400 * 3);
        assert_eq!(header.decode_bytes(Need::long_side(100)), 100 * 50 * 3);
        let turned = Header { orientation: 6, ..header };
        assert_eq!(turned.decode_bytes(Need::FULL), 2 * 800 * 400 * 3);
        let png = probe(&png(RgbaImage::new(800, 400)), &Limits::default()).unwrap();
        assert_eq!(png.decode_bytes(Need::long_side(100)), 800 * 400 * (4 + 3));
    }

    #[test]
    fn every_photograph_of_the_shared_set_decodes() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/images");
        let Ok(files) = std::fs::read_dir(folder) else {
            // Not `eprintln!`, which is kept back while a test passes.
            std::io::Write::write_all(
                &mut std::io::stderr(),
                b"SKIPPED: ../shared/data/images is not there\n",
            )
            .unwrap();
            return;
        };
        let failed: Vec<String> = files
            .map(|file| file.unwrap().path())
            .filter_map(|path| {
                let decoded = decode(&std::fs::read(&path).unwrap(), Need::FULL, &Limits::default());
                decoded.err().map(|error| format!("{}: {error}", path.display()))
            })
            .collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
