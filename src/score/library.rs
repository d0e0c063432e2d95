//! Where ONNX Runtime's shared libraries are found: its own, and the one of an execution provider.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// Where systems keep libraries.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib"];

/// What the networks are computed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// ONNX Runtime's own kernels, on the processor.
    #[default]
    Cpu,
    /// Intel's kernels, on the processor.
    OpenVino,
    /// NVIDIA's kernels, on a graphics card.
    Cuda,
}

impl Provider {
    /// The name in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::OpenVino => "openvino",
            Self::Cuda => "cuda",
        }
    }

    /// Where `make setup` and `scripts/setup` put the library that has it, below the repository's root.
    const fn library(self) -> &'static str {
        match self {
            Self::OpenVino => ".runtime/openvino/libonnxruntime.so",
            Self::Cpu | Self::Cuda => ".runtime/onnxruntime/libonnxruntime.so",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which libraries are to be loaded.
#[derive(Clone, Debug, Default)]
pub struct Libraries {
    /// ONNX Runtime; none: where `make setup` puts it.
    pub runtime: Option<PathBuf>,
    /// What the networks are computed with.
    pub provider: Provider,
    /// The plugin that has the provider; none: ONNX Runtime's library has it.
    pub plugin: Option<PathBuf>,
}

/// Why ONNX Runtime cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The library is nowhere.
    #[error(
        "ONNX Runtime's library was not found: run `make setup`, or set CHRONOGRADE_ONNXRUNTIME to the path of libonnxruntime.so"
    )]
    Missing,
    /// The named library is not there.
    #[error("CHRONOGRADE_ONNXRUNTIME names {}, which is no file: name the library itself, libonnxruntime.so, or run `make setup`", .0.display())]
    NotThere(PathBuf),
    /// The named plugin is not there.
    #[error("CHRONOGRADE_PROVIDER_LIBRARY names {}, which is no file: name the library itself", .0.display())]
    PluginNotThere(PathBuf),
    /// No library has the provider.
    #[error(
        "CHRONOGRADE_PROVIDER is {provider}, which {} does not offer on this machine: name a library that has it \
         (CHRONOGRADE_ONNXRUNTIME) or its plugin (CHRONOGRADE_PROVIDER_LIBRARY), run `scripts/setup openvino`, or go back to cpu",
        library.display()
    )]
    NoProvider {
        /// What was asked for.
        provider: Provider,
        /// Who lacks it.
        library: PathBuf,
    },
    /// Another library is there than the one that was loaded and lacks the provider.
    #[error(
        "{} is loaded already, and a process keeps the library that it loaded: start chronograde again, which then loads {}",
        loaded.display(),
        found.display()
    )]
    LoadedAlready {
        /// What the process loaded.
        loaded: PathBuf,
        /// What it would load now.
        found: PathBuf,
    },
    /// The library does not load.
    #[error("ONNX Runtime's library {} cannot be used: {reason}; `make setup` fetches one that fits", path.display())]
    Unusable {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
}

impl Libraries {
    /// ONNX Runtime's own library.
    ///
    /// # Errors
    /// It is nowhere.
    pub(super) fn find_runtime(&self) -> Result<PathBuf, RuntimeError> {
        if let Some(path) = &self.runtime {
            return if path.is_file() { Ok(path.clone()) } else { Err(RuntimeError::NotThere(path.clone())) };
        }
        let system = SYSTEM_FOLDERS.iter().map(|folder| Path::new(folder).join("libonnxruntime.so"));
        let ours =
            [self.provider, Provider::Cpu].into_iter().flat_map(|provider| beside_us(provider.library()));
        first_file(ours.chain(system)).ok_or(RuntimeError::Missing)
    }

    /// The provider's plugin, if there is one.
    ///
    /// # Errors
    /// It is named, and not there.
    pub(super) fn find_plugin(&self) -> Result<Option<PathBuf>, RuntimeError> {
        match &self.plugin {
            Some(path) if !path.is_file() => Err(RuntimeError::PluginNotThere(path.clone())),
            Some(path) => Ok(Some(path.clone())),
            None => Ok(None),
        }
    }
}

fn first_file(paths: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    paths.into_iter().find(|path| path.is_file())
}

/// Every place below which `make setup` may have put `file`.
fn beside_us(file: &str) -> Vec<PathBuf> {
    let working_directory = std::env::current_dir().unwrap_or_default();
    let executable = std::env::current_exe().unwrap_or_default();
    candidates(&working_directory, &executable, file)
}

/// In order: the working directory, then the executable's folders up to the root (a binary below `target/` finds its
/// repository's library).
fn candidates(working_directory: &Path, executable: &Path, file: &str) -> Vec<PathBuf> {
    let beside_us = std::iter::once(working_directory).chain(executable.ancestors().skip(1));
    beside_us.map(|folder| folder.join(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_a_sentence_with_the_way_out() {
        let libraries =
            Libraries { runtime: Some("/nowhere/libonnxruntime.so".into()), ..Libraries::default() };
        let message = libraries.find_runtime().unwrap_err().to_string();
        assert!(message.contains("/nowhere") && message.contains("make setup"), "{message}");
        assert!(RuntimeError::Missing.to_string().contains("make setup"));
    }

    #[test]
    fn a_plugin_that_is_not_there_is_a_sentence_too() {
        let plugin = Some("/nowhere/plugin.so".into());
        let libraries = Libraries { provider: Provider::OpenVino, plugin, ..Libraries::default() };
        let message = libraries.find_plugin().unwrap_err().to_string();
        assert!(
            message.contains("/nowhere/plugin.so") && message.contains("CHRONOGRADE_PROVIDER_LIBRARY"),
            "{message}"
        );
        assert_eq!(Libraries::default().find_plugin().unwrap(), None);
    }

    #[test]
    fn the_working_directory_comes_first() {
        let found =
            candidates(Path::new("/here"), Path::new("/repository/target/debug/chronograde"), "library.so");
        let expected = ["/here", "/repository/target/debug", "/repository/target", "/repository", "/"];
        assert_eq!(found, expected.map(|folder| Path::new(folder).join("library.so")));
    }
}
