//! The perceptual hash: pictures that look alike differ in few of its 64 bits.

use std::{f64::consts::PI, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Luma;

/// Raised whenever the definition changes; hashes of different versions do not compare.
pub const PHASH_VERSION: u32 = 1;

/// Side of the square that is transformed.
const SIDE: usize = 32;
/// Frequencies that are kept in each direction.
const KEPT: usize = 8;

/// 64 bits: whether each of the 8×8 lowest frequencies of the picture, averaged down to 32×32, lies above their
/// median, row by row from the highest bit (the DCT hash of Zauner, "Implementation and benchmarking of perceptual
/// image hash functions", 2010). It survives scaling, compression and changes of brightness; not rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PerceptualHash(u64);

impl PerceptualHash {
    /// Hashes a picture.
    pub fn of(luma: &Luma) -> Self {
        let low = low_frequencies(&square(luma));
        let mut sorted = low;
        sorted.sort_by(f64::total_cmp);
        let median = f64::midpoint(sorted[KEPT * KEPT / 2 - 1], sorted[KEPT * KEPT / 2]);
        Self(low.iter().fold(0, |bits, value| bits << 1 | u64::from(*value > median)))
    }

    /// In how many of the 64 bits two hashes differ. Up to about 8 the pictures are most likely the same one.
    pub const fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// The bits, as PostgreSQL's `bigint` holds them.
    pub const fn to_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// The hash that [`PerceptualHash::to_i64`] gave.
    pub const fn from_i64(bits: i64) -> Self {
        Self(bits.cast_unsigned())
    }
}

/// Averages the picture over 32×32 cells. A cell of a smaller picture is the pixel that it lies in.
fn square(luma: &Luma) -> [[f64; SIDE]; SIDE] {
    let (width, height) = (luma.width(), luma.rows().len());
    let cell = |index: usize, side: usize| {
        let start = index * side / SIDE;
        start..((index + 1) * side / SIDE).max(start + 1)
    };
    let mean = |row: usize, column: usize| {
        let (rows, columns) = (cell(row, height), cell(column, width));
        let count = u32::try_from(rows.len() * columns.len()).unwrap_or(u32::MAX);
        let sum: f64 = luma
            .rows()
            .skip(rows.start)
            .take(rows.len())
            .flat_map(|values| &values[columns.clone()])
            .map(|value| f64::from(*value))
            .sum();
        sum / f64::from(count)
    };
    std::array::from_fn(|row| std::array::from_fn(|column| mean(row, column)))
}

/// The 8×8 lowest coefficients of the two-dimensional DCT-II, row by row, without the factors that scale whole rows
/// and columns alike.
fn low_frequencies(square: &[[f64; SIDE]; SIDE]) -> [f64; KEPT * KEPT] {
    let wave: [[f64; SIDE]; KEPT] = std::array::from_fn(|k| {
        std::array::from_fn(|n| (PI * (n as f64 + 0.5) * k as f64 / SIDE as f64).cos())
    });
    let dot = |a: &[f64; SIDE], b: &[f64; SIDE]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let columns: [[f64; SIDE]; KEPT] =
        std::array::from_fn(|u| std::array::from_fn(|row| dot(&square[row], &wave[u])));
    std::array::from_fn(|index| dot(&columns[index % KEPT], &wave[index / KEPT]))
}

impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is not 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no perceptual hash: 16 hexadecimal digits")]
pub struct NoPerceptualHash(String);

impl FromStr for PerceptualHash {
    type Err = NoPerceptualHash;

    fn from_str(text: &str) -> Result<Self, NoPerceptualHash> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        bits.map(Self).ok_or_else(|| NoPerceptualHash(text.to_owned()))
    }
}

impl TryFrom<String> for PerceptualHash {
    type Error = NoPerceptualHash;

    fn try_from(text: String) -> Result<Self, NoPerceptualHash> {
        text.parse()
    }
}

impl From<PerceptualHash> for String {
    fn from(hash: PerceptualHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, imageops};

    use super::*;

    /// A dial on a table: smooth shapes, as in photographs.
    fn dial(size: u32, centre: (f64, f64), brightness: f64) -> RgbImage {
        RgbImage::from_fn(size, size * 3 / 4, |x, y| {
            let (x, y) = (f64::from(x) / f64::from(size), f64::from(y) / f64::from(size));
            let distance = (x - centre.0).hypot(y - centre.1);
            let light = 0.3 + 0.4 * x + 0.6 * (-40.0 * distance * distance).exp() - 0.3 * (9.0 * y).sin();
            Rgb([(60.0 + 90.0 * light * brightness).clamp(0.0, 255.0) as u8; 3])
        })
    }

    fn hash(picture: &RgbImage) -> PerceptualHash {
        PerceptualHash::of(&Luma::of(picture))
    }

    #[test]
    fn a_scaled_darkened_or_compressed_picture_keeps_its_hash() {
        let original = hash(&dial(800, (0.4, 0.3), 1.0));
        let smaller = dial(200, (0.4, 0.3), 1.0);
        assert!(original.distance(hash(&smaller)) <= 4);
        assert!(original.distance(hash(&dial(800, (0.4, 0.3), 0.7))) <= 4);
        assert!(original.distance(hash(&imageops::blur(&dial(800, (0.4, 0.3), 1.0), 2.0))) <= 4);
    }

    #[test]
    fn another_picture_has_another_hash() {
        let original = hash(&dial(400, (0.4, 0.3), 1.0));
        assert!(original.distance(hash(&dial(400, (0.8, 0.6), 1.0))) > 8);
        assert!(original.distance(hash(&imageops::flip_horizontal(&dial(400, (0.4, 0.3), 1.0)))) > 16);
    }

    #[test]
    fn half_of_the_bits_are_set() {
        assert_eq!(hash(&dial(400, (0.4, 0.3), 1.0)).to_i64().count_ones(), 32);
    }

    #[test]
    fn a_picture_of_one_pixel_has_a_hash() {
        let _ = hash(&RgbImage::new(1, 1));
        let _ = hash(&RgbImage::new(1, 500));
    }

    #[test]
    fn the_hash_survives_text_and_bigint() {
        let hash = PerceptualHash::from_i64(-2);
        assert_eq!(hash.to_string(), "fffffffffffffffe");
        assert_eq!("fffffffffffffffe".parse(), Ok(hash));
        assert_eq!(PerceptualHash::from_i64(hash.to_i64()), hash);
        assert_eq!(hash.distance(PerceptualHash::from_i64(-1)), 1);
        for text in ["", "fffffffffffffff", "+ffffffffffffff", "fffffffffffffffg"] {
            assert!(text.parse::<PerceptualHash>().is_err(), "{text}");
        }
    }
}
