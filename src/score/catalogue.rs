//! The manifests of one folder.

mod clash;
mod members;
mod weights;

use std::path::{Path, PathBuf};

pub use self::{clash::Clash, weights::Weights};
use super::manifest::{Manifest, ManifestError, Network};
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
    #[error("no {task} model in {} says default = true{}", folder.display(), unless(refused))]
    NoDefault {
        /// The task.
        task: Task,
        /// Where.
        folder: PathBuf,
        /// The manifests that were refused, of which one may have said so.
        refused: Vec<ManifestError>,
    },
}

fn unless(refused: &[ManifestError]) -> String {
    let each: Vec<String> = refused.iter().map(ToString::to_string).collect();
    if each.is_empty() {
        String::new()
    } else {
        format!("; correct what cannot be read: {}", each.join("; "))
    }
}

/// The manifests of one folder, by name. One that cannot be read is in nobody's way but that of who asks for it.
#[derive(Clone, Debug)]
pub struct Catalogue {
    folder: PathBuf,
    manifests: Vec<Manifest>,
    refused: Vec<ManifestError>,
}

impl Catalogue {
    /// Reads every `*.toml` of `folder`.
    ///
    /// # Errors
    /// The folder cannot be read. A manifest that is refused is told of where its model is asked for, two defaults where the default is,
    /// and weights that are absent where the model is to be loaded.
    pub fn read(folder: &Path) -> Result<Self, CatalogueError> {
        let unreadable = |problem| CatalogueError::Folder { folder: folder.to_owned(), problem };
        let mut paths = std::fs::read_dir(folder)
            .and_then(|entries| {
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
            })
            .map_err(unreadable)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
        let mut catalogue = Self { folder: folder.to_owned(), manifests: Vec::new(), refused: Vec::new() };
        for path in paths {
            match Manifest::read(&path) {
                Ok(manifest) => catalogue.manifests.push(manifest),
                Err(error) => catalogue.refused.push(error),
            }
        }
        Ok(catalogue)
    }

    /// Every manifest that can be read, by name.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// What is wrong with each of the others, by name.
    pub fn refused(&self) -> &[ManifestError] {
        &self.refused
    }

    /// The manifest of this name.
    ///
    /// # Errors
    /// It was refused, or there is none; the error lists those that there are.
    pub fn get(&self, name: &str) -> Result<&Manifest, CatalogueError> {
        if let Some(manifest) = self.manifests.iter().find(|manifest| manifest.name == name) {
            return Ok(manifest);
        }
        if let Some(refused) = self.refused.iter().find(|refused| refused.name() == name) {
            return Err(refused.clone().into());
        }
        let known: Vec<&str> = self.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
        Err(CatalogueError::Unknown {
            name: name.to_owned(),
            folder: self.folder.clone(),
            known: known.join(", "),
        })
    }

    /// The models that could be fetched, of each task of which none was: what a machine that was set up lately lacks.
    pub fn worth_pulling(&self) -> Vec<&Manifest> {
        let can_be_pulled =
            |manifest: &&Manifest| manifest.network().is_some_and(|network| !network.urls.is_empty());
        let of_task =
            |task| self.manifests.iter().filter(can_be_pulled).filter(move |model| model.task == task);
        let is_downloaded = |manifest: &Manifest| manifest.network().is_some_and(Network::is_downloaded);
        let lacking = |task: &&Task| !of_task(**task).any(is_downloaded);
        Task::ALL.iter().filter(lacking).flat_map(|task| of_task(*task)).collect()
    }

    /// The manifest that serves `task` where nothing else was chosen.
    ///
    /// # Errors
    /// No manifest of this task says `default = true`, or two do.
    pub fn default_for(&self, task: Task) -> Result<&Manifest, CatalogueError> {
        let mut defaults = self.manifests.iter().filter(|manifest| manifest.default && manifest.task == task);
        match (defaults.next(), defaults.next()) {
            (Some(manifest), None) => Ok(manifest),
            (Some(first), Some(second)) => Err(CatalogueError::TwoDefaults {
                task,
                first: first.name.clone(),
                second: second.name.clone(),
            }),
            (None, _) => Err(CatalogueError::NoDefault {
                task,
                folder: self.folder.clone(),
                refused: self.refused.clone(),
            }),
        }
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
        let absent = catalogue.get("mobilenet_v2_imagenet_uint8").unwrap();
        assert!(!absent.network().unwrap().is_downloaded());
        assert!(catalogue.refused().is_empty());
        assert_eq!(catalogue.default_for(Task::Watch).unwrap().name, "tiny-watch");
        assert_eq!(catalogue.default_for(Task::Quality).unwrap().name, "tiny-quality");
        assert!(catalogue.get("resnet").unwrap_err().to_string().contains("tiny-watch, "));
    }

    /// A folder with these files of the tiny models.
    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::copy(models().join(name), folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn two_defaults_of_one_task_are_refused_by_name_to_who_asks_for_the_default() {
        let folder = folder_of(&["tiny-labels.txt", "tiny-watch.toml", "tiny-quality.toml"]);
        fs::copy(models().join("tiny-watch.toml"), folder.path().join("another.toml")).unwrap();
        let catalogue = Catalogue::read(folder.path()).unwrap();
        let message = catalogue.default_for(Task::Watch).unwrap_err().to_string();
        assert!(message.contains("another.toml and tiny-watch.toml"), "{message}");
        assert_eq!(catalogue.get("another").unwrap().name, "another");
        assert_eq!(catalogue.default_for(Task::Quality).unwrap().name, "tiny-quality");
    }

    #[test]
    fn a_manifest_that_is_refused_is_in_nobodys_way_but_its_own() {
        // The labels of `tiny-watch` are not there.
        let folder = folder_of(&["tiny-watch.toml", "tiny-quality.toml"]);
        fs::write(folder.path().join("broken.toml"), "task = \"beauty\"").unwrap();
        let catalogue = Catalogue::read(folder.path()).unwrap();
        assert_eq!(
            catalogue.manifests().iter().map(|manifest| &manifest.name).collect::<Vec<_>>(),
            ["tiny-quality"]
        );
        let refused: Vec<String> = catalogue.refused().iter().map(ManifestError::name).collect();
        assert_eq!(refused, ["broken", "tiny-watch"]);
        let broken = catalogue.get("broken").unwrap_err().to_string();
        assert!(broken.contains("broken.toml: line 1, task") && !broken.contains("tiny-watch"), "{broken}");
        assert_eq!(catalogue.default_for(Task::Quality).unwrap().name, "tiny-quality");
        let message = catalogue.default_for(Task::Watch).unwrap_err().to_string();
        assert!(
            message.contains("correct what cannot be read") && message.contains("tiny-labels.txt"),
            "{message}"
        );
    }

    #[test]
    fn an_ensemble_is_here_when_all_its_members_are() {
        let folder =
            folder_of(&["tiny-labels.txt", "tiny-labels-bgr.txt", "tiny-watch.toml", "tiny-ensemble.toml"]);
        let weights_of = |name: &str| {
            let catalogue = Catalogue::read(folder.path()).unwrap();
            catalogue.weights_of(catalogue.get(name).unwrap())
        };
        let members =
            |names: &[&str]| Weights::MembersAbsent(names.iter().map(ToString::to_string).collect());
        assert_eq!(weights_of("tiny-watch"), Weights::Absent);
        fs::write(folder.path().join("tiny-means.onnx.part"), "arrived").unwrap();
        assert_eq!(weights_of("tiny-watch"), Weights::Partial { there: 7, of: 191 });
        assert_eq!(weights_of("tiny-ensemble"), members(&["tiny-watch", "tiny-watch-bgr"]));
        fs::write(folder.path().join("tiny-means.onnx"), "short").unwrap();
        assert_eq!(weights_of("tiny-watch"), Weights::OtherSize(5));
        fs::copy(models().join("tiny-means.onnx"), folder.path().join("tiny-means.onnx")).unwrap();
        assert_eq!(weights_of("tiny-ensemble"), members(&["tiny-watch-bgr"]));
        fs::copy(models().join("tiny-watch-bgr.toml"), folder.path().join("tiny-watch-bgr.toml")).unwrap();
        assert_eq!(weights_of("tiny-ensemble"), Weights::Here);
    }

    #[test]
    fn an_ensemble_whose_members_do_not_fit_together_cannot_be_run_whatever_is_here() {
        let folder =
            folder_of(&["tiny-labels.txt", "tiny-watch.toml", "tiny-ensemble.toml", "tiny-quality.toml"]);
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let weights = || {
            let catalogue = Catalogue::read(folder.path()).unwrap();
            catalogue.weights_of(catalogue.get("tiny-ensemble").unwrap())
        };
        assert!(matches!(weights(), Weights::MembersAbsent(_)), "a member without a manifest may come");
        let bgr = fs::read_to_string(models().join("tiny-watch-bgr.toml")).unwrap();
        let bgr = bgr.replace("tiny-labels-bgr.txt", "tiny-labels.txt");
        write("tiny-watch-bgr.toml", &format!("question = \"watch or clock\"\n{bgr}"));
        let Weights::Unfit(why) = weights() else { panic!("{:?}", weights()) };
        assert!(why.contains("its member tiny-watch-bgr answers \"watch or clock\""), "{why}");
        let quality = fs::read_to_string(models().join("tiny-quality.toml")).unwrap();
        write("tiny-watch-bgr.toml", &quality.replace("default = true", ""));
        let Weights::Unfit(why) = weights() else { panic!("{:?}", weights()) };
        assert!(why.contains("its member tiny-watch-bgr a quality model"), "{why}");
    }

    #[test]
    fn two_manifests_that_want_other_bytes_in_one_file_are_told_of() {
        let folder = folder_of(&["tiny-labels.txt", "tiny-watch.toml"]);
        let text = fs::read_to_string(models().join("tiny-watch.toml")).unwrap();
        let clashes = |change: &dyn Fn(String) -> String| {
            fs::write(folder.path().join("another.toml"), change(text.clone())).unwrap();
            Catalogue::read(folder.path()).unwrap().clashes()
        };
        assert_eq!(clashes(&|text| text.replace("0.5", "0.4")), [], "they may share it");
        assert_eq!(clashes(&|text| text.replace("means.onnx", "other.onnx").replace("191", "192")), []);
        let [clash] = clashes(&|text| text.replace("\"tiny-means", "\"./tiny-means").replace("191", "192"))
            .try_into()
            .unwrap();
        assert!(clash.is_of("another") && clash.is_of("tiny-watch") && !clash.is_of("tiny"));
        let sentence = clash.to_string();
        assert!(sentence.starts_with("another.toml and tiny-watch.toml name the same file"), "{sentence}");
        assert_eq!(clashes(&|text| text.replace("28486d", "38486d")).len(), 1);
    }

    #[test]
    fn of_weights_that_are_lacking_is_told_how_they_come_here() {
        let folder = folder_of(&["tiny-labels.txt", "tiny-watch.toml"]);
        let text = fs::read_to_string(models().join("tiny-watch.toml")).unwrap();
        for name in ["a", "b"] {
            let addressed = text.replace("urls = []", "urls = [\"https://example.org/x.onnx\"]");
            fs::write(folder.path().join(name).with_extension("toml"), addressed).unwrap();
        }
        fs::write(folder.path().join("broken.toml"), "task = \"beauty\"").unwrap();
        let catalogue = Catalogue::read(folder.path()).unwrap();
        let way = |names: &[&str]| {
            catalogue.way_to_bring(&names.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let pull = "fetch what is missing with `chronograde models pull a b`";
        let hash = catalogue.get("tiny-watch").unwrap().network().unwrap().sha256;
        let bring =
            format!("bring tiny-means.onnx (191 bytes, SHA-256 {hash}) with `chronograde models add FILE`");
        assert_eq!(way(&["a", "b"]), pull);
        assert_eq!(way(&["tiny-watch"]), bring);
        assert_eq!(way(&["a", "tiny-watch", "b"]), format!("{pull}, and {bring}"));
        assert_eq!(way(&["nobody's"]), "write nobody's.toml, or leave out what has no manifest");
        assert_eq!(way(&["broken"]), "put broken.toml right, which cannot be read");
        assert_eq!(Weights::so_far(90, 191), "90 of 191 bytes here");
        assert_eq!(Weights::so_far(41_249_999, 102_576_593), "41.2 of 102.6 MB here");
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
