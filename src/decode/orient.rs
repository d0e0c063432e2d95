//! EXIF: which way up a picture is, and when it was taken. Read once, applied once.

use std::io::Cursor;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use exif::{In, Reader, Tag, Value};
use image::RgbImage;
use image::imageops::{
    flip_horizontal_in_place, flip_vertical_in_place, rotate90, rotate180_in_place, rotate270,
};

use super::{Format, jpeg};

/// What is taken from a picture's EXIF block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exif {
    /// 1 (upright) to 8; 1 where there is none, or nonsense.
    pub(super) orientation: u8,
    /// `DateTimeOriginal`, with its offset where there is one, else as UTC.
    pub(super) taken_at: Option<DateTime<Utc>>,
}

impl Exif {
    const NONE: Self = Self { orientation: 1, taken_at: None };

    /// Reads the block wherever the format keeps it. Damaged metadata is no reason to refuse a picture: what
    /// cannot be read counts as absent.
    pub(super) fn read(bytes: &[u8], format: Format) -> Self {
        let mut reader = Reader::new();
        reader.continue_on_error(true);
        let block = match format {
            // Our own walk stops at the pixels; a general reader would search through them.
            Format::Jpeg => match jpeg::exif(bytes) {
                Some(block) => reader.read_raw(block.to_vec()),
                None => return Self::NONE,
            },
            Format::Gif | Format::Bmp => return Self::NONE,
            Format::Png | Format::WebP | Format::Tiff => reader.read_from_container(&mut Cursor::new(bytes)),
        };
        match block.or_else(|error| error.distill_partial_result(|_| {})) {
            Ok(block) => Self { orientation: orientation(&block), taken_at: taken_at(&block) },
            Err(_) => Self::NONE,
        }
    }
}

fn orientation(block: &exif::Exif) -> u8 {
    block
        .get_field(Tag::Orientation, In::PRIMARY)
        .and_then(|field| field.value.get_uint(0))
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| (1..=8).contains(value))
        .unwrap_or(1)
}

fn taken_at(block: &exif::Exif) -> Option<DateTime<Utc>> {
    let mut taken = exif::DateTime::from_ascii(text(block, Tag::DateTimeOriginal)?).ok()?;
    if let Some(offset) = text(block, Tag::OffsetTimeOriginal) {
        // A malformed offset leaves the time without one.
        let _ = taken.parse_offset(offset);
    }
    let local = NaiveDate::from_ymd_opt(taken.year.into(), taken.month.into(), taken.day.into())?
        .and_hms_opt(taken.hour.into(), taken.minute.into(), taken.second.into())?;
    let offset = FixedOffset::east_opt(i32::from(taken.offset.unwrap_or(0)) * 60)?;
    Some(local.and_local_timezone(offset).single()?.to_utc())
}

fn text(block: &exif::Exif, tag: Tag) -> Option<&[u8]> {
    match &block.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}

/// Whether an orientation exchanges width and height.
pub(super) const fn swaps_sides(orientation: u8) -> bool {
    orientation >= 5
}

/// Turns stored pixels upright. The eight values are those of the EXIF specification (JEITA CP-3451, tag 0x0112).
pub(super) fn upright(mut stored: RgbImage, orientation: u8) -> RgbImage {
    match orientation {
        2 => flip_horizontal_in_place(&mut stored),
        3 => rotate180_in_place(&mut stored),
        4 => flip_vertical_in_place(&mut stored),
        5 => {
            stored = rotate90(&stored);
            flip_horizontal_in_place(&mut stored);
        }
        6 => stored = rotate90(&stored),
        7 => {
            stored = rotate270(&stored);
            flip_horizontal_in_place(&mut stored);
        }
        8 => stored = rotate270(&stored),
        _ => {}
    }
    stored
}
