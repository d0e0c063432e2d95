//! A walk over a JPEG's header: what is needed of it without decoding anything.

use super::{DecodeError, Format};

const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const SOI: u8 = 0xd8;
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
                0x00 | 0x01 | 0xd0..=SOI => {}
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

/// Whether the end-of-image marker follows somewhere behind the header. A thumbnail's marker inside the header
/// does not count.
pub(super) fn ends(bytes: &[u8]) -> bool {
    let mut segments = Segments::of(bytes);
    segments.by_ref().for_each(drop);
    has_end(segments.rest)
}

fn has_end(scans: &[u8]) -> bool {
    scans.windows(2).rev().any(|pair| pair == [0xff, EOI])
}

/// The same picture without what libjpeg-turbo refuses, although every pixel is there: stray bytes between the
/// header's segments, a JFIF version that it does not know, and a missing end-of-image marker. The marker is only
/// added where a single scan holds the whole picture: then missing pixels are still noticed.
pub(super) fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    let frame = Frame::read(bytes).ok()?;
    let mut repaired = vec![0xff, SOI];
    let mut segments = Segments::of(bytes);
    let mut scanned = 0;
    for (marker, payload) in segments.by_ref() {
        repaired.extend([0xff, marker]);
        repaired.extend(u16::try_from(payload.len() + 2).ok()?.to_be_bytes());
        match payload {
            [b'J', b'F', b'I', b'F', 0, _, rest @ ..] if marker == APP0 => {
                repaired.extend(b"JFIF\0\x01");
                repaired.extend(rest);
            }
            _ => repaired.extend(payload),
        }
        scanned = payload.first().copied().unwrap_or(0);
    }
    repaired.extend(segments.rest);
    if !has_end(segments.rest) {
        let is_whole = segments.in_scan && !frame.progressive && scanned == frame.components;
        is_whole.then(|| repaired.extend([0xff, EOI]))?;
    }
    Some(repaired)
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
