//! Where ONNX Runtime's shared library is found.

use std::path::{Path, PathBuf};

/// Where `make setup` puts the library, below the repository's root.
const LIBRARY: &str = ".runtime/onnxruntime/libonnxruntime.so";
/// Where systems keep libraries.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib"];

/// Why ONNX Runtime cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The library is nowhere.
    #[error(
        "ONNX Runtime's library was not found: run `make setup`, or set CHRONOGRADE_ONNXRUNTIME to the path of libonnxruntime.so"
    )]
    Missing,
    /// The named library is not there.
    #[error("CHRONOGRADE_ONNXRUNTIME names {}, which is not there: run `make setup`, or correct it", .0.display())]
    NotThere(PathBuf),
    /// The library does not load.
    #[error("ONNX Runtime's library {} cannot be used: {reason}; `make setup` fetches one that fits", path.display())]
    Unusable {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
}

pub(super) fn find_library(named: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    if let Some(path) = named {
        return if path.is_file() {
            Ok(path.to_owned())
        } else {
            Err(RuntimeError::NotThere(path.to_owned()))
        };
    }
    let working_directory = std::env::current_dir().unwrap_or_default();
    let executable = std::env::current_exe().unwrap_or_default();
    candidates(&working_directory, &executable)
        .into_iter()
        .find(|path| path.is_file())
        .ok_or(RuntimeError::Missing)
}

/// Every place that is looked at, in order: the working directory, then the executable's folders up to the
/// root (a binary below `target/` finds its repository's library), then the system's.
fn candidates(working_directory: &Path, executable: &Path) -> Vec<PathBuf> {
    let beside_us = std::iter::once(working_directory).chain(executable.ancestors().skip(1));
    let system = SYSTEM_FOLDERS.iter().map(|folder| Path::new(folder).join("libonnxruntime.so"));
    beside_us.map(|folder| folder.join(LIBRARY)).chain(system).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_a_sentence_with_the_way_out() {
        let message = find_library(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err().to_string();
        assert!(message.contains("/nowhere") && message.contains("make setup"), "{message}");
        assert!(RuntimeError::Missing.to_string().contains("make setup"));
    }

    #[test]
    fn the_working_directory_comes_first_and_the_system_last() {
        let found = candidates(Path::new("/here"), Path::new("/repository/target/debug/chronograde"));
        let expected = ["/here", "/repository/target/debug", "/repository/target", "/repository", "/"];
        for (path, folder) in found.iter().zip(expected) {
            assert_eq!(path, &Path::new(folder).join(LIBRARY));
        }
        assert_eq!(found.len(), expected.len() + SYSTEM_FOLDERS.len());
    }
}
