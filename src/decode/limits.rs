//! What a file announces about itself, read from its header before anything is decoded.
//!
//! The format follows the content, never the name. Nothing here allocates in proportion to what a header
//! claims, so a picture that is too large costs no memory before it is refused.

use std::{fmt, io::Cursor};

use chrono::{DateTime, Utc};
use image::{ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::{DecodeError, orient, segments};

/// Bytes in a mebibyte.
pub(super) const MIB: u64 = 1024 * 1024;

/// How large a file may be before it is refused from its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file in bytes; 64 MiB unless set.
    pub file_bytes: u64,
    /// Width × height as the header announces them; 100,000,000 unless set.
    pub pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 64 * MIB, pixels: 100_000_000 }
    }
}

impl Limits {
    /// Checks a file's size, which is known before its bytes are read.
    ///
    /// # Errors
    /// An empty file, or one that is larger than allowed.
    pub fn check_file_bytes(&self, file_bytes: u64) -> Result<(), DecodeError> {
        match file_bytes {
            0 => Err(DecodeError::Empty),
            _ if file_bytes > self.file_bytes => {
                Err(DecodeError::FileTooLarge { limit_bytes: self.file_bytes })
            }
            _ => Ok(()),
        }
    }

    fn check_pixels(&self, format: Format, (width, height): (u32, u32)) -> Result<(), DecodeError> {
        match u64::from(width) * u64::from(height) {
            0 => {
                Err(DecodeError::Header { format, detail: format!("it announces {width}×{height} pixels") })
            }
            pixels if pixels > self.pixels => {
                Err(DecodeError::TooManyPixels { width, height, limit_pixels: self.pixels })
            }
            _ => Ok(()),
        }
    }
}

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
}

impl Format {
    /// Its name in the database and in the API, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
        }
    }

    /// The media type for `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }

    /// Recognises a file by its first bytes.
    ///
    /// # Errors
    /// Empty, not an image, or an image of a format that is not read.
    pub fn of(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [] => Err(DecodeError::Empty),
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Self::Gif),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Self::Tiff),
            // "BM" begins many a text; a bitmap's second header has one of these lengths.
            [
                b'B',
                b'M',
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                12 | 16 | 40 | 52 | 56 | 64 | 108 | 124,
                0,
                0,
                0,
                ..,
            ] => Ok(Self::Bmp),
            _ => Err(unsupported(bytes).map_or(DecodeError::NotAnImage, DecodeError::Unsupported)),
        }
    }

    pub(super) const fn codec(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
            Self::Bmp => ImageFormat::Bmp,
            Self::Tiff => ImageFormat::Tiff,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
        })
    }
}

/// Names what people drop most often besides pictures that are read.
fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    let brand = |brands: &[&[u8; 4]]| {
        bytes.get(4..8) == Some(b"ftyp") && brands.iter().any(|brand| bytes.get(8..12) == Some(&brand[..]))
    };
    if brand(&[b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis"]) {
        return Some("HEIC");
    }
    if brand(&[b"avif", b"avis"]) {
        return Some("AVIF");
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some("video");
    }
    [
        (&b"8BPS"[..], "Photoshop"),
        (b"%PDF", "PDF"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL ", "JPEG XL"),
        (b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (b"\0\0\x01\0", "icon"),
        (b"FUJIFILM", "raw camera"),
        (b"PK\x03\x04", "ZIP"),
        (b"<svg", "SVG"),
    ]
    .into_iter()
    .find_map(|(magic, name)| bytes.starts_with(magic).then_some(name))
}

/// What a file announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its format.
    pub format: Format,
    /// Width in pixels as stored, before the orientation is applied.
    pub width: u32,
    /// Height in pixels as stored, before the orientation is applied.
    pub height: u32,
    /// EXIF orientation, 1 (upright) to 8.
    pub orientation: u8,
    /// When the shutter opened. EXIF knows no time zone unless the camera wrote an offset; without one the
    /// camera's clock is taken as UTC.
    pub taken_at: Option<DateTime<Utc>>,
    /// Bytes that a decoder holds for each stored pixel, besides the RGB result.
    pub(super) working_bytes_per_pixel: u64,
}

impl Header {
    /// Width in pixels of the picture as it is shown.
    pub const fn upright_width(&self) -> u32 {
        if orient::swaps_sides(self.orientation) { self.height } else { self.width }
    }

    /// Height in pixels of the picture as it is shown.
    pub const fn upright_height(&self) -> u32 {
        if orient::swaps_sides(self.orientation) { self.width } else { self.height }
    }
}

/// Reads a file's header and holds it against `limits`, decoding nothing.
///
/// A file that passes may still turn out truncated or corrupt when it is decoded.
///
/// # Errors
/// Empty, too large, no image, a format that is not read, a damaged header, or too many pixels.
pub fn probe(bytes: &[u8], limits: &Limits) -> Result<Header, DecodeError> {
    limits.check_file_bytes(bytes.len() as u64)?;
    let format = Format::of(bytes)?;
    if format == Format::WebP && breaks_off(bytes) {
        return Err(DecodeError::Truncated { format });
    }
    let (size, working_bytes_per_pixel) = match format {
        Format::Jpeg => {
            let frame = segments::Frame::read(bytes)?;
            ((frame.width, frame.height), frame.working_bytes_per_pixel())
        }
        _ => {
            let decoder = decoder(bytes, format)?;
            (decoder.dimensions(), u64::from(decoder.color_type().bytes_per_pixel()))
        }
    };
    limits.check_pixels(format, size)?;
    let exif = orient::Exif::read(bytes, format);
    let (width, height) = size;
    Ok(Header {
        format,
        width,
        height,
        orientation: exif.orientation,
        taken_at: exif.taken_at,
        working_bytes_per_pixel,
    })
}

/// Whether a RIFF container announces more bytes than there are. The lossless decoder would not tell a missing
/// end from damage.
fn breaks_off(riff: &[u8]) -> bool {
    let announced = riff.get(4..8).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
    (riff.len() as u64) < 8 + u64::from(announced)
}

/// A decoder that has read the header of anything but a JPEG.
pub(super) fn decoder(bytes: &[u8], format: Format) -> Result<impl ImageDecoder, DecodeError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.codec());
    // The pixels are limited by `Limits`; this bounds what a compressed profile or text may unfold to.
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(1024 * MIB);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| match failure(format, &error) {
        DecodeError::Corrupt { format, detail } => DecodeError::Header { format, detail },
        other => other,
    })
}

/// Puts a codec's error into words. Some codecs keep the end of the file for themselves and only say it.
pub(super) fn failure(format: Format, error: &ImageError) -> DecodeError {
    let detail = error.to_string();
    let says_end = ["unexpected end of file", "unexpected eof"]
        .iter()
        .any(|words| detail.to_lowercase().contains(words));
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format }
        }
        ImageError::Unsupported(_) => DecodeError::UnsupportedVariant { format, detail },
        _ if says_end => DecodeError::Truncated { format },
        _ => DecodeError::Corrupt { format, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{claiming, encode, jpeg, pattern};
    use super::*;

    fn said(bytes: &[u8]) -> String {
        probe(bytes, &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn the_format_follows_the_content() {
        let picture = pattern(31, 17);
        let mut files = vec![(Format::Jpeg, jpeg(&picture))];
        for format in [Format::Png, Format::WebP, Format::Gif, Format::Bmp, Format::Tiff] {
            files.push((format, encode(picture.clone(), format.codec())));
        }
        for (format, bytes) in files {
            let header = probe(&bytes, &Limits::default()).unwrap();
            assert_eq!((header.format, header.width, header.height), (format, 31, 17));
            assert_eq!((header.orientation, header.taken_at), (1, None), "{format}");
        }
    }

    #[test]
    fn what_is_no_picture_is_told_in_words() {
        assert_eq!(said(b""), "the file is empty (0 bytes)");
        let not_an_image = "not an image: the content is neither JPEG, PNG, WebP, GIF, BMP nor TIFF";
        for bytes in [&b"BM is how this text begins, which is no bitmap"[..], b"hello", &[0; 100], b"\xff"] {
            assert_eq!(said(bytes), not_an_image);
        }
        let advice = "files are not supported: save it as JPEG, PNG, WebP, GIF, BMP or TIFF";
        assert_eq!(said(b"%PDF-1.7"), format!("PDF {advice}"));
        assert_eq!(said(b"\0\0\0\x20ftypheic\0\0\0\0"), format!("HEIC {advice}"));
        assert_eq!(said(b"\0\0\0\x20ftypisom\0\0\0\0"), format!("video {advice}"));
    }

    #[test]
    fn a_small_file_that_claims_to_be_huge_is_refused_from_its_header() {
        let bomb = claiming(&encode(pattern(4, 4), ImageFormat::Png), 50_000, 50_000);
        assert!(bomb.len() < 200);
        assert_eq!(said(&bomb), "50000×50000 pixels are 2500.0 megapixels, the limit is 100.0");
    }

    #[test]
    fn a_hundred_megapixels_pass_and_one_row_more_does_not() {
        let mut bytes = jpeg(&pattern(16, 16));
        let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        let mut claim = |width: u16, height: u16| {
            bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
            bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
            probe(&bytes, &Limits::default()).map(|header| (header.width, header.height))
        };
        assert_eq!(claim(10_000, 10_000), Ok((10_000, 10_000)));
        assert_eq!(
            claim(10_000, 10_001),
            Err(DecodeError::TooManyPixels { width: 10_000, height: 10_001, limit_pixels: 100_000_000 })
        );
        assert!(matches!(claim(0, 10), Err(DecodeError::Header { format: Format::Jpeg, .. })));
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_by_its_size_alone() {
        let limits = Limits { file_bytes: 3 * MIB / 2, ..Limits::default() };
        assert_eq!(limits.check_file_bytes(3 * MIB / 2), Ok(()));
        assert_eq!(
            limits.check_file_bytes(2 * MIB).unwrap_err().to_string(),
            "the file has more than 1.6 MB, which is the limit"
        );
        assert_eq!(Limits::default().file_bytes, 64 * 1024 * 1024);
    }

    #[test]
    fn a_header_that_breaks_off_is_damaged_or_truncated_never_accepted() {
        let picture = pattern(64, 64);
        let files = [Format::Png, Format::WebP, Format::Gif, Format::Bmp, Format::Tiff]
            .map(|format| encode(picture.clone(), format.codec()));
        for bytes in files.iter().chain([&jpeg(&picture)]) {
            for length in [3, 15, 20] {
                assert!(probe(&bytes[..length], &Limits::default()).is_err());
            }
        }
    }

    #[test]
    fn no_prefix_of_a_file_makes_the_probe_panic() {
        let picture = pattern(9, 7);
        for bytes in [jpeg(&picture), encode(picture.clone(), ImageFormat::Png)] {
            for length in 0..bytes.len() {
                let _ = probe(&bytes[..length], &Limits::default());
            }
        }
    }
}
