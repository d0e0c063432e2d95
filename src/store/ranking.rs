//! What a ranked list is asked for, and the cursor that names a place in it. Values only.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::GenerationId;

mod address;

pub use address::AddressError;

/// What images are ranked by. Only images that have it are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// Mean of the quality distribution.
    #[default]
    Quality,
    /// Watch confidence.
    Watch,
    /// Mean of people's votes, drawn towards the catalog's the further the fewer they are.
    Human,
    /// When it came in.
    Newest,
    /// Variance of the Laplacian.
    Sharpness,
    /// Mean of the quality distribution again, but of [`SAMPLE`] images drawn at random: to judge by eye whether the
    /// ranking is coherent.
    Random,
}

/// Images that a random sample is made of, where there are so many.
pub const SAMPLE: i64 = 100;

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The largest first.
    #[default]
    Desc,
    /// The smallest first.
    Asc,
}

/// Which labels are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Watch {
    /// All, those without a label included.
    #[default]
    Any,
    /// With a watch.
    Yes,
    /// Without one.
    No,
    /// Near the threshold, and people have not decided: see [`Watch::doubtful_band`].
    Doubtful,
}

/// A value of the sort key.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Key {
    /// A score, a confidence or a sharpness.
    Number(f64),
    /// A moment, of the microseconds that the database keeps.
    Time(DateTime<Utc>),
}

/// A standard deviation of votes, 0 to 4.5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread(f64);

impl Spread {
    /// The largest that votes from 1 to 10 can have.
    pub const MAX: f64 = 4.5;

    /// A standard deviation; none when votes from 1 to 10 cannot have it.
    pub fn new(std: f64) -> Option<Self> {
        (0.0..=Self::MAX).contains(&std).then_some(Self(std))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A ranked list: its sort key, and who is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// The sort key.
    pub sort: Sort,
    /// Which end comes first.
    pub order: Order,
    /// Which labels are listed.
    pub watch: Watch,
    /// Least value of the sort key, inclusive.
    pub min: Option<Key>,
    /// Largest value of the sort key, inclusive.
    pub max: Option<Key>,
    /// Part of a name, a folder or a listing, without regard to case.
    pub text: Option<String>,
    /// One listing only.
    pub listing: Option<String>,
    /// Of each listing only the image that ranks first among those that pass the other filters.
    pub one_per_listing: bool,
    /// The hidden images, and no others; else none of them.
    pub hidden: bool,
    /// At least so many votes that count; 0 for any number, none included.
    pub votes: u16,
    /// At least this standard deviation of the votes: images about which people differ.
    pub spread: Option<Spread>,
    /// Which of the random samples, for [`Sort::Random`].
    pub seed: u32,
}

impl Ranking {
    /// The list of everything, in the same order.
    pub fn unfiltered(&self) -> Self {
        Self { sort: self.sort, order: self.order, seed: self.seed, ..Self::default() }
    }
}

/// A place in a ranked list of one generation: behind this image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// Whose rows the list is made of, also after another generation became the active one.
    pub generation: GenerationId,
    /// The list's sort key.
    pub sort: Sort,
    /// The list's order.
    pub order: Order,
    /// The image's value of the sort key.
    pub key: Key,
    /// The image.
    pub image: Uuid,
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a list: take `after` from the `next` of a former answer")]
pub struct CursorError;

impl Sort {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Quality, Self::Watch, Self::Human, Self::Newest, Self::Sharpness, Self::Random];

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Watch => "watch",
            Self::Human => "human",
            Self::Newest => "newest",
            Self::Sharpness => "sharpness",
            Self::Random => "random",
        }
    }

    /// The catalog's column.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Quality | Self::Random => "quality_mean",
            Self::Watch => "watch_confidence",
            Self::Human => "human_rank",
            Self::Newest => "ingested_at",
            Self::Sharpness => "sharpness",
        }
    }
}

impl Order {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Desc, Self::Asc];

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desc => "desc",
            Self::Asc => "asc",
        }
    }

    /// The other one.
    pub const fn reversed(self) -> Self {
        match self {
            Self::Desc => Self::Asc,
            Self::Asc => Self::Desc,
        }
    }
}

impl Watch {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Any, Self::Yes, Self::No, Self::Doubtful];

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Doubtful => "doubtful",
        }
    }

    /// Confidences whose odds are within a factor of three of the threshold's odds, so that the band has the
    /// same meaning around 0.01 as around 0.5 (there 0.25 to 0.75).
    pub fn doubtful_band(threshold: f64) -> (f64, f64) {
        let scaled = |factor: f64| {
            let mass = threshold * factor;
            if mass > 0.0 { mass / (mass + (1.0 - threshold)) } else { 0.0 }
        };
        (scaled(1.0 / 3.0), scaled(3.0))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key {
            Key::Number(number) => number.to_bits(),
            Key::Time(time) => time.timestamp_micros().cast_unsigned(),
        };
        let sort = Sort::ALL.iter().position(|sort| *sort == self.sort).unwrap_or_default();
        let order = u8::from(self.order == Order::Asc);
        write!(f, "{sort:x}{order:x}{key:016x}{}{:x}", self.image.simple(), self.generation.0)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let part = |range| text.get(range).ok_or(CursorError);
        let hex = |text| u64::from_str_radix(text, 16).map_err(|_| CursorError);
        let index = usize::try_from(hex(part(0..1)?)?).map_err(|_| CursorError)?;
        let sort = *Sort::ALL.get(index).ok_or(CursorError)?;
        let order = if hex(part(1..2)?)? == 0 { Order::Desc } else { Order::Asc };
        let bits = hex(part(2..18)?)?;
        let image = Uuid::try_parse(part(18..50)?).map_err(|_| CursorError)?;
        let generation = text.get(50..).ok_or(CursorError).and_then(hex)?;
        let generation = GenerationId(i64::try_from(generation).map_err(|_| CursorError)?);
        let key = match sort {
            Sort::Newest => {
                Key::Time(DateTime::from_timestamp_micros(bits.cast_signed()).ok_or(CursorError)?)
            }
            _ => Key::Number(Some(f64::from_bits(bits)).filter(|key| key.is_finite()).ok_or(CursorError)?),
        };
        Ok(Self { generation, sort, order, key, image })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_back_as_it_was_written(
            key in prop::num::f64::NORMAL, image: u128, generation in 0..i64::MAX,
            sort in prop::sample::select(&Sort::ALL), order in prop::sample::select(&Order::ALL),
        ) {
            let key = match sort {
                Sort::Newest => Key::Time(DateTime::from_timestamp_micros(1_700_000_000_000_000).unwrap()),
                _ => Key::Number(key),
            };
            let cursor = Cursor { generation: GenerationId(generation), sort, order, key, image: Uuid::from_u128(image) };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_other_text_is_refused_and_nothing_breaks(text in "\\PC*") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn the_doubtful_band_is_a_factor_of_three_in_the_odds() {
        let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{value}");
        let (low, high) = Watch::doubtful_band(0.5);
        near(low, 0.25);
        near(high, 0.75);
        let (low, high) = Watch::doubtful_band(0.01);
        assert!(low < 0.01 && 0.01 < high && high < 0.03);
        assert_eq!(Watch::doubtful_band(0.0), (0.0, 0.0));
        assert_eq!(Watch::doubtful_band(1.0), (1.0, 1.0));
    }
}
