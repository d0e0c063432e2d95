//! The listing key: which offer a picture belongs to, cut from its path.

use regex::Regex;

/// A number, an underscore or dash, and a short counter: `68428_3.jpg` belongs to listing `68428`. A bare counter
/// behind letters (`IMG_0001.jpg`) is a camera's doing and says nothing.
pub const DEFAULT_PATTERN: &str = r"(?:^|/)(\d{3,})[_-]\d{1,3}\.[^./]+$";

/// Cuts listing keys out of paths.
#[derive(Clone, Debug)]
pub struct ListingPattern(Regex);

/// What is wrong, without the drawing that shows where.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It is no regular expression.
    #[error("CHRONOGRADE_LISTING_PATTERN is no regular expression: {}", reason(.0))]
    Syntax(#[from] regex::Error),
    /// It has no group to cut out.
    #[error("CHRONOGRADE_LISTING_PATTERN needs a group in parentheses: the part of the path that is the key")]
    NoGroup,
}

impl ListingPattern {
    /// A pattern whose first group is the key.
    ///
    /// # Errors
    /// When it is no regular expression, or has no group.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let regex = Regex::new(pattern)?;
        if regex.captures_len() < 2 { Err(PatternError::NoGroup) } else { Ok(Self(regex)) }
    }

    /// The listing that the picture at `path` belongs to, if the pattern finds one.
    pub fn key(&self, path: &str) -> Option<String> {
        let key = self.0.captures(path)?.get(1)?.as_str();
        (1..=1000).contains(&key.len()).then(|| key.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_finds_numbered_offers_and_lumps_nothing_else_together() {
        let pattern = ListingPattern::new(DEFAULT_PATTERN).unwrap();
        for (path, key) in [
            ("68428_3.jpg", Some("68428")),
            ("2026/68428-12.JPEG", Some("68428")),
            ("IMG_0001.jpg", None),
            ("caltech101-watch-0233.jpg", None),
            ("photo_12.jpg", None),
            ("2026/holiday.jpg", None),
            ("12_3.jpg", None),
        ] {
            assert_eq!(pattern.key(path).as_deref(), key, "{path}");
        }
    }

    #[test]
    fn a_pattern_without_a_group_is_refused() {
        assert!(matches!(ListingPattern::new(r"\d+"), Err(PatternError::NoGroup)));
        assert!(matches!(ListingPattern::new("("), Err(PatternError::Syntax(_))));
    }
}
