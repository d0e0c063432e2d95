//! JPEG: a walk over the header's segments, and the pixels through libjpeg-turbo.

use image::RgbImage;
use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat, ScalingFactor};

use super::{DecodeError, Format};

const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;

/// The segments of a JPEG header, marker and payload, up to the first scan (its own segment included).
struct Segments<'a> {
    rest: &'a [u8],
    in_scan: bool,
}

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes.get(2..).unwrap_or_default(), in_scan: false }
    }

    /// Whether the end-of-image marker follows somewhere behind the header. A thumbnail's marker inside the
    /// header does not count.
    fn ends(mut self) -> bool {
        self.by_ref().for_each(drop);
        self.rest.windows(2).rev().any(|pair| pair == [0xff, EOI])
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.in_scan {
            // Stray bytes between segments are skipped, as libjpeg does.
            let start = self.rest.iter().position(|byte| *byte == 0xff)?;
            let code = start + self.rest[start..].iter().position(|byte| *byte != 0xff)?;
            let marker = self.rest[code];
            self.rest = &self.rest[code + 1..];
            match marker {
                0x00 | 0x01 | 0xd0..=0xd8 => {}
                EOI => return None,
                _ => {
                    let (length, after) = self.rest.split_first_chunk()?;
                    let payload = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
                    let (payload, rest) = after.split_at_checked(payload)?;
                    self.rest = rest;
                    self.in_scan = marker == SOS;
                    return Some((marker, payload));
                }
            }
        }
        None
    }
}

/// The EXIF block, a TIFF structure.
pub(super) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    Segments::of(bytes)
        .filter(|(marker, _)| *marker == APP1)
        .find_map(|(_, payload)| payload.strip_prefix(b"Exif\0\0"))
}

/// The colour profile, put together from its numbered pieces (ICC.1:2022, annex B.4).
pub(super) fn icc(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut pieces: Vec<&[u8]> = Segments::of(bytes)
        .filter(|(marker, _)| *marker == APP2)
        .filter_map(|(_, payload)| payload.strip_prefix(b"ICC_PROFILE\0"))
        .filter(|piece| piece.len() > 2)
        .collect();
    pieces.sort_by_key(|piece| piece[0]);
    (!pieces.is_empty()).then(|| pieces.iter().flat_map(|piece| &piece[2..]).copied().collect())
}

/// What the frame header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    components: u8,
    progressive: bool,
}

impl Frame {
    /// Finds the frame header.
    ///
    /// # Errors
    /// There is none before the file ends or the scan begins.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        Segments::of(bytes)
            .find_map(|(marker, payload)| match (marker, payload) {
                (0xc4 | 0xc8 | 0xcc, _) => None,
                (0xc0..=0xcf, [_, h1, h0, w1, w0, components, ..]) => Some(Self {
                    width: u16::from_be_bytes([*w1, *w0]).into(),
                    height: u16::from_be_bytes([*h1, *h0]).into(),
                    components: *components,
                    progressive: matches!(marker & 3, 2),
                }),
                _ => None,
            })
            .ok_or_else(|| DecodeError::Header {
                format: Format::Jpeg,
                detail: "no frame header before the picture begins or the file ends".to_owned(),
            })
    }

    /// What libjpeg keeps for each pixel: with progressive coding all coefficients, two bytes each.
    pub(super) fn working_bytes_per_pixel(self) -> u64 {
        let components = u64::from(self.components);
        if self.progressive { 2 * components } else { components.saturating_sub(3) * components }
    }
}

/// More scans than any camera or encoder writes; a file that has more is made to keep a decoder busy.
const SCANS: u32 = 500;

/// Decodes to stored (not yet upright) RGB pixels, both sides divided by `divisor` (1, 2, 4 or 8) and rounded up.
///
/// # Errors
/// Truncated, corrupt, or a variant that libjpeg-turbo does not know.
pub(super) fn decode(bytes: &[u8], divisor: u32) -> Result<RgbImage, DecodeError> {
    let mut decompressor = Decompressor::new().map_err(corrupt)?;
    decompressor.set_scan_limit(SCANS).map_err(corrupt)?;
    let header = decompressor.read_header(bytes).map_err(corrupt)?;
    if !header.is_lossless {
        decompressor.set_scaling_factor(ScalingFactor::new(1, divisor as usize)).map_err(corrupt)?;
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
    if let Err(error) = decompressor.decompress(bytes, image) {
        let message = error.to_string();
        if !(is_benign(&message) && Segments::of(bytes).ends()) {
            return Err(failure(&message));
        }
    }
    if format == PixelFormat::CMYK {
        pixels = pixels.chunks_exact(4).flat_map(|ink| [0, 1, 2].map(|i| times(ink[i], ink[3]))).collect();
    }
    let image = RgbImage::from_raw(width as u32, height as u32, pixels);
    image.ok_or_else(|| failure("the decoder gave too few pixels"))
}

/// a·b / 255, rounded to nearest, in integers.
pub(super) fn times(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}

/// Whether libjpeg-turbo complained about something that leaves every pixel intact. It names its first
/// complaint only and decodes to the end, so [`Segments::ends`] is asked too.
fn is_benign(message: &str) -> bool {
    message.contains("extraneous bytes before marker")
        || message.contains("unknown JFIF revision number")
        || message.contains("Unknown Adobe color transform code")
        || message.contains("Invalid SOS parameters for sequential JPEG")
}

fn corrupt(error: turbojpeg::Error) -> DecodeError {
    failure(&error.to_string())
}

fn failure(message: &str) -> DecodeError {
    let format = Format::Jpeg;
    let detail =
        message.trim_start_matches("TurboJPEG error: ").trim_start_matches("Corrupt JPEG data: ").to_owned();
    if message.contains("Premature end of JPEG file") || message.contains("premature end of data segment") {
        DecodeError::Truncated { format }
    } else if message.contains("Unsupported")
        || message.contains("not supported")
        || message.contains("not implemented")
    {
        DecodeError::UnsupportedVariant { format, detail }
    } else {
        DecodeError::Corrupt { format, detail }
    }
}
