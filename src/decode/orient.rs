//! EXIF: which way up a picture is, and when it was taken. Read once, applied once.

use std::io::Cursor;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use exif::{In, Reader, Tag, Value};
use image::RgbImage;
use image::imageops::{
    flip_horizontal_in_place, flip_vertical_in_place, rotate90, rotate180_in_place, rotate270,
};

use super::{Format, segments};

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
            Format::Jpeg => match segments::exif(bytes) {
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

#[cfg(test)]
mod tests {
    use image::ImageEncoder;
    use image::codecs::{png::PngEncoder, webp::WebPEncoder};

    use super::super::samples::{exif, jpeg, quadrants, with_exif};
    use super::super::{Limits, Need, decode, probe};

    /// R, G, B or W for the quadrants of a picture, row by row.
    fn corners(picture: &image::RgbImage) -> String {
        let (width, height) = picture.dimensions();
        [
            (width / 4, height / 4),
            (width * 3 / 4, height / 4),
            (width / 4, height * 3 / 4),
            (width * 3 / 4, height * 3 / 4),
        ]
        .map(|(x, y)| match picture.get_pixel(x, y).0.map(|value| value > 127) {
            [true, false, false] => 'R',
            [false, true, false] => 'G',
            [false, false, true] => 'B',
            [true, true, true] => 'W',
            _ => '?',
        })
        .iter()
        .collect()
    }

    /// What the eight values mean for a picture whose stored quadrants are R G / B W.
    const UPRIGHT: [(u16, &str); 8] = [
        (1, "RGBW"),
        (2, "GRWB"),
        (3, "WBGR"),
        (4, "BWRG"),
        (5, "RBGW"),
        (6, "BRWG"),
        (7, "WGBR"),
        (8, "GWRB"),
    ];

    #[test]
    fn all_eight_orientations_are_applied_once() {
        let stored = jpeg(&quadrants(48, 32));
        for (orientation, expected) in UPRIGHT {
            let file = with_exif(&stored, &exif(orientation, None));
            let header = probe(&file, &Limits::default()).unwrap();
            let size = if orientation < 5 { (48, 32) } else { (32, 48) };
            assert_eq!((header.width, header.height), (48, 32));
            assert_eq!((header.upright_width(), header.upright_height()), size, "{orientation}");
            let picture = decode(&file, Need::FULL, &Limits::default()).unwrap();
            assert_eq!((picture.width, picture.height), size);
            assert_eq!(
                (picture.rgb.dimensions(), &*corners(&picture.rgb)),
                (size, expected),
                "{orientation}"
            );
        }
    }

    #[test]
    fn orientation_is_applied_at_reduced_scale_too() {
        let stored = jpeg(&quadrants(480, 320));
        for (orientation, expected) in UPRIGHT {
            let file = with_exif(&stored, &exif(orientation, None));
            let picture = decode(&file, Need::long_side(100), &Limits::default()).unwrap();
            let size = if orientation < 5 { (120, 80) } else { (80, 120) };
            assert_eq!(
                (picture.rgb.dimensions(), &*corners(&picture.rgb)),
                (size, expected),
                "{orientation}"
            );
            assert_eq!(picture.divisor, 4);
        }
    }

    #[test]
    fn png_and_webp_are_turned_as_well() {
        let stored = quadrants(48, 32);
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif(6, None)).unwrap();
        encoder.write_image(&stored, 48, 32, image::ExtendedColorType::Rgb8).unwrap();
        let mut webp = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut webp);
        encoder.set_exif_metadata(exif(6, None)).unwrap();
        encoder.write_image(&stored, 48, 32, image::ExtendedColorType::Rgb8).unwrap();
        for file in [png, webp] {
            let picture = decode(&file, Need::FULL, &Limits::default()).unwrap();
            assert_eq!((picture.rgb.dimensions(), &*corners(&picture.rgb)), ((32, 48), "BRWG"));
        }
    }

    #[test]
    fn nonsense_in_the_metadata_leaves_the_picture_as_stored() {
        let stored = jpeg(&quadrants(48, 32));
        let blocks = [exif(0, None), exif(9, None), exif(300, None), b"II\x2a\0garbage".to_vec(), Vec::new()];
        for block in blocks {
            let header = probe(&with_exif(&stored, &block), &Limits::default()).unwrap();
            assert_eq!((header.orientation, header.taken_at), (1, None));
        }
    }

    #[test]
    fn the_time_is_utc_unless_the_camera_wrote_an_offset() {
        let stored = jpeg(&quadrants(16, 16));
        let taken = |time, offset| {
            let file = with_exif(&stored, &exif(1, Some((time, offset))));
            probe(&file, &Limits::default()).unwrap().taken_at.map(|taken| taken.to_rfc3339())
        };
        let utc = Some("2024-02-29T23:30:05+00:00".to_owned());
        assert_eq!(taken("2024:02:29 23:30:05", None), utc);
        assert_eq!(taken("2024:03:01 01:30:05", Some("+02:00")), utc);
        assert_eq!(taken("2024:02:29 23:30:05", Some("soon")), utc);
        assert_eq!(taken("0000:00:00 00:00:00", None), None);
    }
}
