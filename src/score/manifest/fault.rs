//! Why a manifest is refused: the file, the place in it, what is wrong and the way out.

use std::{fmt, path::PathBuf};

/// Why a manifest was refused: the file, the place in it, what is wrong and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", file.display())]
pub struct ManifestError {
    /// The manifest.
    pub file: PathBuf,
    /// The place and the problem.
    pub fault: Fault,
}

/// What is wrong with a manifest, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Table and key, such as `[input] filter`; empty for the file as a whole.
    pub place: String,
    /// What is wrong there, with the way out.
    pub problem: String,
}

impl ManifestError {
    /// What the model would be called.
    pub fn name(&self) -> String {
        super::name(&self.file)
    }
}

impl Fault {
    pub(super) fn new(place: &str, problem: impl Into<String>) -> Self {
        Self { place: place.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.problem)
    }
}
