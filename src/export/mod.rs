//! The catalog for the world outside: the images of a list, and what people said about them, as streams of text.
//!
//! A list is walked page by page within one transaction that sees one moment, so that an export of any length takes the
//! memory of one page. Formats: docs/EXPORT.md.

mod csv;
mod stream;
mod training;

use std::str::FromStr;

pub use self::{
    csv::{guarded, unguarded},
    stream::stream,
};

/// What the rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// One row per image.
    Images,
    /// One row per vote.
    Votes,
    /// One row per answer to the watch question, or verdict.
    Corrections,
}

/// What is written, under the name of the file that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Comma-separated values with a header.
    Csv(Table),
    /// One JSON object a line: nothing is lost.
    JsonLines(Table),
    /// Rows as in `AVA.txt`: index, image, ten counts of votes, two tags, challenge.
    Ava,
    /// What trainers of NIMA read: `[{"image_id": …, "label": [ten counts]}]`.
    Nima,
}

impl Export {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Csv(Table::Images),
        Self::JsonLines(Table::Images),
        Self::Csv(Table::Votes),
        Self::JsonLines(Table::Votes),
        Self::Csv(Table::Corrections),
        Self::JsonLines(Table::Corrections),
        Self::Ava,
        Self::Nima,
    ];

    /// The file's name.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Csv(Table::Images) => "images.csv",
            Self::JsonLines(Table::Images) => "images.jsonl",
            Self::Csv(Table::Votes) => "votes.csv",
            Self::JsonLines(Table::Votes) => "votes.jsonl",
            Self::Csv(Table::Corrections) => "corrections.csv",
            Self::JsonLines(Table::Corrections) => "corrections.jsonl",
            Self::Ava => "AVA.txt",
            Self::Nima => "nima.json",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv(_) => "text/csv; charset=utf-8",
            Self::JsonLines(_) => "application/jsonl; charset=utf-8",
            Self::Ava => "text/plain; charset=utf-8",
            Self::Nima => "application/json",
        }
    }

    const fn table(self) -> Table {
        match self {
            Self::Csv(table) | Self::JsonLines(table) => table,
            Self::Ava | Self::Nima => Table::Images,
        }
    }
}

/// There is no such export.
#[derive(Debug, thiserror::Error)]
#[error("there is no export {0:?}; there are: {names}", names = Export::ALL.map(Export::file_name).join(", "))]
pub struct UnknownExport(String);

impl FromStr for Export {
    type Err = UnknownExport;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = |export: &Self| export.file_name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownExport(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_no_export_is_told_all_of_them() {
        let error = "images.xls".parse::<Export>().unwrap_err().to_string();
        assert!(
            error.starts_with("there is no export \"images.xls\"; there are: images.csv, images.jsonl, ")
        );
        assert_eq!(error.matches(", ").count(), Export::ALL.len() - 1);
        assert_eq!("ava.TXT".parse::<Export>().unwrap(), Export::Ava);
    }
}
