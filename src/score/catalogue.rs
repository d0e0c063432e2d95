//! The manifests of one folder.

use std::path::{Path, PathBuf};

use super::manifest::{Manifest, ManifestError};
use crate::domain::Task;

/// Why the folder of manifests cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The folder cannot be read.
    #[error(
        "the models folder {} cannot be read: {problem}; set CHRONOGRADE_MODELS or --models to the folder of the manifests",
        folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        problem: std::io::Error,
    },
    /// A manifest was refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Two manifests of one task claim to be the default.
    #[error("{first}.toml and {second}.toml both say default = true for task {task}: keep one")]
    TwoDefaults {
        /// The task.
        task: Task,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// No manifest has this name.
    #[error("there is no model {name:?} in {}; there are: {known}", folder.display())]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where.
        folder: PathBuf,
        /// What there is.
        known: String,
    },
    /// No manifest of this task is the default.
    #[error("no {task} model in {} says default = true", folder.display())]
    NoDefault {
        /// The task.
        task: Task,
        /// Where.
        folder: PathBuf,
    },
}

/// The manifests of one folder, by name.
#[derive(Clone, Debug)]
pub struct Catalogue {
    folder: PathBuf,
    manifests: Vec<Manifest>,
}

impl Catalogue {
    /// Reads every `*.toml` of `folder`.
    ///
    /// # Errors
    /// The folder cannot be read, a manifest is refused, or two of one task are the default. Weights that are
    /// absent are no error here: such a model is not downloaded.
    pub fn read(folder: &Path) -> Result<Self, CatalogueError> {
        let unreadable = |problem| CatalogueError::Folder { folder: folder.to_owned(), problem };
        let mut paths = std::fs::read_dir(folder)
            .and_then(|entries| {
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
            })
            .map_err(unreadable)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
        let manifests = paths.iter().map(|path| Manifest::read(path)).collect::<Result<Vec<_>, _>>()?;
        let catalogue = Self { folder: folder.to_owned(), manifests };
        Task::ALL.iter().try_for_each(|task| catalogue.check_defaults(*task))?;
        Ok(catalogue)
    }

    fn check_defaults(&self, task: Task) -> Result<(), CatalogueError> {
        let mut defaults = self.defaults(task);
        match (defaults.next(), defaults.next()) {
            (Some(first), Some(second)) => Err(CatalogueError::TwoDefaults {
                task,
                first: first.name.clone(),
                second: second.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn defaults(&self, task: Task) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter().filter(move |manifest| manifest.default && manifest.task == task)
    }

    /// Every manifest, by name.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// The manifest of this name.
    ///
    /// # Errors
    /// There is none; the error lists those that there are.
    pub fn get(&self, name: &str) -> Result<&Manifest, CatalogueError> {
        self.manifests.iter().find(|manifest| manifest.name == name).ok_or_else(|| CatalogueError::Unknown {
            name: name.to_owned(),
            folder: self.folder.clone(),
            known: self
                .manifests
                .iter()
                .map(|manifest| manifest.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// The models that could be fetched, of each task of which none was: what a machine that was set up lately lacks.
    pub fn worth_pulling(&self) -> Vec<&Manifest> {
        let can_be_pulled =
            |manifest: &&Manifest| manifest.network().is_some_and(|network| !network.urls.is_empty());
        let of_task =
            |task| self.manifests.iter().filter(can_be_pulled).filter(move |model| model.task == task);
        let lacking = |task: &&Task| !of_task(**task).any(Manifest::is_downloaded);
        Task::ALL.iter().filter(lacking).flat_map(|task| of_task(*task)).collect()
    }

    /// The manifest that serves `task` where nothing else was chosen.
    ///
    /// # Errors
    /// No manifest of this task says `default = true`.
    pub fn default_for(&self, task: Task) -> Result<&Manifest, CatalogueError> {
        self.defaults(task)
            .next()
            .ok_or_else(|| CatalogueError::NoDefault { task, folder: self.folder.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::score::tests::models;

    #[test]
    fn a_folder_is_read_by_name_and_absent_weights_are_no_error() {
        let catalogue = Catalogue::read(&models()).unwrap();
        assert!(!catalogue.get("mobilenet_v2_imagenet_uint8").unwrap().is_downloaded());
        assert_eq!(catalogue.default_for(Task::Watch).unwrap().name, "tiny-watch");
        assert_eq!(catalogue.default_for(Task::Quality).unwrap().name, "tiny-quality");
        assert!(catalogue.get("resnet").unwrap_err().to_string().contains("tiny-watch, "));
    }

    #[test]
    fn two_defaults_of_one_task_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tiny-labels.txt", "tiny-watch.toml"] {
            fs::copy(models().join(name), folder.path().join(name)).unwrap();
        }
        fs::copy(models().join("tiny-watch.toml"), folder.path().join("another.toml")).unwrap();
        let message = Catalogue::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("another.toml and tiny-watch.toml"), "{message}");
    }

    #[test]
    fn what_could_be_fetched_is_worth_it_until_one_of_its_task_is_here() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(shipped).unwrap().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|extension| extension == "toml" || extension == "txt") {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        let worth_pulling = || {
            let catalogue = Catalogue::read(folder.path()).unwrap();
            catalogue.worth_pulling().into_iter().map(|model| model.name.clone()).collect::<Vec<_>>()
        };
        let all = ["resnet50-v1-12", "resnet50-v1-12-int8", "nima-mobilenet-aesthetic"];
        assert_eq!(worth_pulling(), all);
        fs::write(folder.path().join("resnet50-v1-12-int8.onnx"), "").unwrap();
        assert_eq!(worth_pulling(), all[2..]);
    }

    #[test]
    fn a_folder_that_is_not_there_names_the_setting() {
        let message = Catalogue::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(message.contains("CHRONOGRADE_MODELS"), "{message}");
    }
}
