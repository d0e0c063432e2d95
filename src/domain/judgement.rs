//! What somebody says about a picture.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A quality score that somebody gave: 1 (worst) to 10 (best).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "i16", try_from = "i16")]
pub struct Score(i16);

/// A number that is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no score: 1 to 10")]
pub struct ScoreError(i16);

impl Score {
    /// All of them, the worst first.
    pub const ALL: [Self; 10] =
        [Self(1), Self(2), Self(3), Self(4), Self(5), Self(6), Self(7), Self(8), Self(9), Self(10)];

    /// The number.
    pub const fn get(self) -> i16 {
        self.0
    }
}

impl TryFrom<i16> for Score {
    type Error = ScoreError;

    fn try_from(number: i16) -> Result<Self, ScoreError> {
        if (1..=10).contains(&number) { Ok(Self(number)) } else { Err(ScoreError(number)) }
    }
}

impl From<Score> for i16 {
    fn from(score: Score) -> Self {
        score.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_one_to_ten_and_nothing_else() {
        assert!(Score::ALL.iter().map(|score| score.get()).eq(1..=10));
        for wrong in [i16::MIN, -1, 0, 11, i16::MAX] {
            assert_eq!(Score::try_from(wrong), Err(ScoreError(wrong)));
        }
    }
}
