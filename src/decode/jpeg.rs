//! JPEG: a walk over the header's segments, and the pixels through libjpeg-turbo.

use super::{DecodeError, Format};

const APP1: u8 = 0xe1;
const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;

/// The segments of a JPEG header, marker and payload, up to the first scan (its own segment included).
struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes.get(2..).unwrap_or_default() }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
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
                    self.rest = if marker == SOS { &[] } else { rest };
                    return Some((marker, payload));
                }
            }
        }
    }
}

/// The EXIF block, a TIFF structure.
pub(super) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    Segments::of(bytes)
        .filter(|(marker, _)| *marker == APP1)
        .find_map(|(_, payload)| payload.strip_prefix(b"Exif\0\0"))
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
