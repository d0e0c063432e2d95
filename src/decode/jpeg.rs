//! JPEG pixels through libjpeg-turbo, the decoder that Pillow uses: hence the same numbers.

use image::RgbImage;
use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat, ScalingFactor};

use super::{DecodeError, Format, segments};

/// More scans than any camera or encoder writes; a file that has more is made to keep a decoder busy.
const SCANS: u32 = 500;

/// What libjpeg-turbo says where the file ends without its end marker, and where a scan ends before its pixels do.
const NO_END: &str = "Premature end of JPEG file";
const NO_PIXELS: &str = "premature end of data segment";

/// Decodes to stored (not yet upright) RGB pixels, both sides divided by `divisor` (1, 2, 4 or 8) and rounded up.
///
/// # Errors
/// Truncated, corrupt, or a variant that libjpeg-turbo does not know.
pub(super) fn decode(bytes: &[u8], divisor: u32) -> Result<RgbImage, DecodeError> {
    let complaint = match attempt(bytes, divisor) {
        Ok(image) => return Ok(image),
        Err(complaint) => complaint,
    };
    let is_repairable = is_benign(&complaint) || complaint.contains(NO_END);
    match is_repairable.then(|| segments::repaired(bytes)).flatten() {
        Some(repaired) => attempt(&repaired, divisor).map_err(|complaint| failure(bytes, &complaint)),
        None => Err(failure(bytes, &complaint)),
    }
}

/// One pass of the decoder, or its first complaint.
///
/// It decodes to the end whatever it complains about and fills what is missing with grey, so a complaint is an
/// error unless it is known to be harmless. As it names the first one only, a harmless one might hide that the file
/// breaks off: hence the look for the end marker.
fn attempt(bytes: &[u8], divisor: u32) -> Result<RgbImage, String> {
    let say = |error: turbojpeg::Error| error.to_string();
    let mut decompressor = Decompressor::new().map_err(say)?;
    decompressor.set_scan_limit(SCANS).map_err(say)?;
    let header = decompressor.read_header(bytes).map_err(say)?;
    if !header.is_lossless {
        decompressor.set_scaling_factor(ScalingFactor::new(1, divisor as usize)).map_err(say)?;
    }
    let header = header.scaled(decompressor.scaling_factor());
    let format = match header.colorspace {
        Colorspace::CMYK | Colorspace::YCCK => PixelFormat::CMYK,
        _ => PixelFormat::RGB,
    };
    let (width, height) = (header.width, header.height);
    let pitch = width * format.size();
    let mut pixels = vec![0; pitch * height];
    let image = Image { pixels: &mut pixels[..], width, pitch, height, format };
    match decompressor.decompress(bytes, image).map_err(say) {
        Err(complaint) if !is_benign(&complaint) => return Err(complaint),
        Err(_) if !segments::ends(bytes) => return Err(NO_PIXELS.to_owned()),
        _ => {}
    }
    if format == PixelFormat::CMYK {
        pixels = pixels.chunks_exact(4).flat_map(|ink| [0, 1, 2].map(|i| times(ink[i], ink[3]))).collect();
    }
    RgbImage::from_raw(width as u32, height as u32, pixels).ok_or_else(|| NO_PIXELS.to_owned())
}

/// a·b / 255, rounded to nearest, in integers.
pub(super) fn times(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}

/// Whether libjpeg-turbo complained about something that leaves every pixel intact.
fn is_benign(message: &str) -> bool {
    message.contains("extraneous bytes before marker")
        || message.contains("unknown JFIF revision number")
        || message.contains("Unknown Adobe color transform code")
        || message.contains("Invalid SOS parameters for sequential JPEG")
}

/// Puts a complaint into words. Of a file without its end marker it says that, whatever the decoder tripped over.
fn failure(bytes: &[u8], complaint: &str) -> DecodeError {
    let format = Format::Jpeg;
    let says = |words: &[&str]| words.iter().any(|words| complaint.contains(words));
    let detail = complaint.trim_start_matches("TurboJPEG error: ").trim_start_matches("Corrupt JPEG data: ");
    if says(&["Unsupported", "not supported", "not implemented"]) {
        DecodeError::UnsupportedVariant { format, detail: detail.to_owned() }
    } else if says(&[NO_END, NO_PIXELS]) || !segments::ends(bytes) {
        DecodeError::Truncated { format }
    } else {
        DecodeError::Corrupt { format, detail: detail.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        cmyk_jpeg, grey_jpeg, jpeg, pattern, progressive_jpeg, with_segment, without_segment,
    };
    use super::*;

    const TRUNCATED: DecodeError = DecodeError::Truncated { format: Format::Jpeg };

    /// Smooth, so that compression changes little.
    fn slope(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([40 + x as u8, 40 + y as u8, 90]))
    }

    fn largest_difference(a: &RgbImage, b: &RgbImage) -> u8 {
        assert_eq!(a.dimensions(), b.dimensions());
        a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    }

    #[test]
    fn baseline_and_progressive_give_the_same_pixels() {
        let picture = slope(75, 50);
        let decoded = decode(&jpeg(&picture), 1).unwrap();
        assert!(largest_difference(&decoded, &picture) <= 3);
        assert_eq!(decode(&progressive_jpeg(&picture), 1).unwrap(), decoded);
    }

    #[test]
    fn grey_becomes_rgb() {
        let decoded = decode(&grey_jpeg(&[77; 16 * 8], (16, 8)), 1).unwrap();
        assert_eq!(decoded, RgbImage::from_pixel(16, 8, image::Rgb([77; 3])));
    }

    #[test]
    fn inks_are_read_inverted_with_and_without_adobes_marker() {
        // Pillow 13.0.0 reads the three files as (200, 100, 50) and (100, 50, 25) too.
        for (inks, expected) in [([200, 100, 50, 255], [200, 100, 50]), ([200, 100, 50, 128], [100, 50, 25])]
        {
            let pixels = inks.repeat(16 * 8);
            let marked = cmyk_jpeg(&pixels, (16, 8), Colorspace::CMYK);
            let files =
                [without_segment(&marked, 0xee), marked, cmyk_jpeg(&pixels, (16, 8), Colorspace::YCCK)];
            for file in files {
                let expected = RgbImage::from_pixel(16, 8, image::Rgb(expected));
                assert!(largest_difference(&decode(&file, 1).unwrap(), &expected) <= 1);
            }
        }
    }

    #[test]
    fn sides_are_divided_and_rounded_up() {
        for (divisor, size) in [(1, (75, 50)), (2, (38, 25)), (4, (19, 13)), (8, (10, 7))] {
            assert_eq!(decode(&jpeg(&slope(75, 50)), divisor).unwrap().dimensions(), size);
        }
    }

    #[test]
    fn a_file_that_breaks_off_fails_wherever_it_does() {
        for file in [jpeg(&pattern(64, 64)), progressive_jpeg(&pattern(64, 64))] {
            let scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
            for length in (scan..file.len() - 8).step_by(97) {
                assert_eq!(
                    decode(&file[..length], 1).map(drop),
                    Err(TRUNCATED),
                    "{length} of {}",
                    file.len()
                );
            }
        }
    }

    #[test]
    fn a_file_that_only_lacks_its_end_marker_is_whole() {
        let file = jpeg(&pattern(64, 64));
        assert_eq!(decode(&file[..file.len() - 2], 1), decode(&file, 1));
    }

    #[test]
    fn what_leaves_the_pixels_intact_is_no_failure() {
        let file = jpeg(&pattern(64, 64));
        let expected = decode(&file, 1).unwrap();
        let end = file.len() - 2;
        let strays = [
            [&file, &b"trailing rubbish"[..]].concat(),
            [&file[..end], &[1, 2, 3, 4], &file[end..]].concat(),
            [&file[..2], &[1, 2, 3, 4], &file[2..]].concat(),
            with_segment(&without_segment(&file, 0xe0), 0xe0, b"JFIF\0\x07\x01\0\0\x01\0\x01\0\0"),
            with_segment(&file, 0xe1, b"Exif\0\0 nonsense \xff\xd9 with an end marker"),
        ];
        for (index, stray) in strays.iter().enumerate() {
            assert_eq!(decode(stray, 1).as_ref(), Ok(&expected), "{index}");
        }
    }

    #[test]
    fn a_harmless_complaint_does_not_hide_that_the_file_breaks_off() {
        let file = jpeg(&pattern(64, 64));
        let stray = with_segment(&file, 0xe1, b"Exif\0\0 nonsense \xff\xd9 with an end marker");
        let stray = [&stray[..2], &[1, 2, 3, 4], &stray[2..]].concat();
        assert!(decode(&stray, 1).is_ok());
        assert_eq!(decode(&stray[..stray.len() / 2], 1).map(drop), Err(TRUNCATED));
    }

    #[test]
    fn a_damaged_table_is_corrupt() {
        let mut file = jpeg(&pattern(64, 64));
        let table = file.windows(2).position(|pair| pair == [0xff, 0xc4]).unwrap();
        file[table + 5..table + 21].fill(0xff);
        let said = decode(&file, 1).map(drop).unwrap_err().to_string();
        assert_eq!(said, "the JPEG file is corrupt: Bogus Huffman table definition");
    }
}
