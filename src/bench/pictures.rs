//! The pictures that are measured with, and copies of them that are new to the catalog.

use std::{
    fs,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use super::{BenchError, progress};
use crate::decode::{self, Limits, Need};

/// Most files that are used: more would say nothing more.
const MOST: usize = 2_000;

/// The pictures of a folder.
pub(super) struct Pictures {
    pub(super) sources: Vec<Source>,
    /// Files that are no pictures, or do not decode.
    pub(super) skipped: usize,
    /// How the service decodes them.
    pub(super) need: Need,
    made: usize,
}

/// One picture.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) bytes: usize,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
}

impl Pictures {
    /// The pictures of `folder`, by name. Each is decoded with and without a mark: the pixels must be the same.
    pub(super) fn find(folder: &Path, limits: &Limits, need: Need) -> Result<Self, BenchError> {
        let files: Vec<PathBuf> = WalkDir::new(folder)
            .sort_by_file_name()
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .take(MOST)
            .collect();
        let bar = progress::bar("checking pictures", files.len());
        let (mut sources, mut skipped) = (Vec::new(), 0);
        for (index, path) in files.into_iter().enumerate() {
            bar.at(index);
            match check(path, limits, need)? {
                Some(source) => sources.push(source),
                None => skipped += 1,
            }
        }
        if sources.is_empty() {
            return Err(BenchError::NoPictures(folder.to_owned()));
        }
        Ok(Self { sources, skipped, need, made: 0 })
    }

    /// Names of the next `count` copies with what to make them of; the pictures take turns.
    pub(super) fn next(&mut self, count: usize) -> Vec<Copy> {
        let first = self.made;
        self.made += count;
        let copy =
            |number: usize| Copy { source: self.sources[number % self.sources.len()].path.clone(), number };
        (first..self.made).map(copy).collect()
    }
}

/// A copy of a picture that no other copy equals.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    source: PathBuf,
    number: usize,
}

impl Copy {
    /// Writes it into `folder` and answers its name.
    pub(super) fn write(&self, folder: &Path) -> Result<String, BenchError> {
        let bytes = fs::read(&self.source).map_err(BenchError::file(&self.source))?;
        let extension = self.source.extension().unwrap_or_default().to_string_lossy();
        let name = format!("picture-{:07}.{extension}", self.number);
        let file = folder.join(&name);
        fs::write(&file, marked(bytes, self.number)).map_err(BenchError::file(&file))?;
        Ok(name)
    }
}

/// The same picture in other bytes: decoders stop at the picture's end and ignore what follows.
fn marked(mut bytes: Vec<u8>, number: usize) -> Vec<u8> {
    bytes.extend_from_slice(format!("copy {number}").as_bytes());
    bytes
}

fn check(path: PathBuf, limits: &Limits, need: Need) -> Result<Option<Source>, BenchError> {
    let bytes = fs::read(&path).map_err(BenchError::file(&path))?;
    let size = bytes.len();
    let Ok(picture) = decode::decode(&bytes, need, limits) else { return Ok(None) };
    match decode::decode(&marked(bytes, usize::MAX), need, limits) {
        Ok(same) if same.rgb == picture.rgb => {}
        _ => return Err(BenchError::Marked(path)),
    }
    Ok(Some(Source { path, bytes: size, width_px: picture.width, height_px: picture.height }))
}
