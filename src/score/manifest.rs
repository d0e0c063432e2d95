//! Model manifests: `models/<name>.toml`, everything that decides a number a model puts out.
//!
//! A manifest is read, checked and completed here (paths resolved, labels loaded); nothing later has to ask
//! whether it makes sense. What the weights file itself says is compared when the file is opened.

mod check;
mod fault;
mod fingerprint;
mod parse;
mod syntax;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::fault::{Fault, ManifestError};
pub(super) use self::fingerprint::fingerprint;

use crate::{
    decode::Input,
    domain::{ContentHash, Task, Threshold},
};

/// The version of what `decode` does to pixels before a network sees them. Part of every fingerprint: raise
/// it when the golden images say that numbers moved, and every prediction is made anew.
pub const PREPROCESSING: u32 = 1;

/// A checked manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The file's name without `.toml`.
    pub name: String,
    /// The manifest's own path.
    pub path: PathBuf,
    /// What the model answers.
    pub task: Task,
    /// Whether it serves where nothing else was chosen; one manifest per task says so.
    pub default: bool,
    /// The name for people.
    pub title: String,
    /// Licence of the weights.
    pub license: Option<String>,
    /// Where the weights come from.
    pub source: Option<String>,
    /// What somebody has to accept before the weights are fetched, in a sentence.
    pub accept: Option<String>,
    /// The question that a watch model was trained to answer.
    pub question: Question,
    /// Where its numbers come from.
    pub kind: Kind,
    /// The cut-off of a watch model; quality models have none.
    pub threshold: DefaultThreshold,
    /// What is asked of the model at every start.
    pub golden: Golden,
}

/// The question that a watch model answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// A clock is not a watch.
    #[default]
    #[serde(rename = "watch")]
    Watch,
    /// Clocks count, as in ImageNet's synsets.
    #[serde(rename = "watch or clock")]
    WatchOrClock,
}

impl Question {
    /// The question in the manifest's words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::WatchOrClock => "watch or clock",
        }
    }
}

/// Where a model's numbers come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// One weights file.
    Network(Box<Network>),
    /// A small head on the features of another model.
    Head {
        /// The manifest whose features it reads.
        base: String,
        /// The head's weights.
        head: PathBuf,
    },
    /// The weighted mean of several models.
    Ensemble(Vec<Member>),
}

/// One network: its file, what it is given, how its output is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The weights (ONNX).
    pub file: PathBuf,
    /// SHA-256 of the weights.
    pub sha256: ContentHash,
    /// Size of the weights in bytes.
    pub bytes: u64,
    /// Where the weights can be fetched, in order of preference.
    pub urls: Vec<String>,
    /// The `[input]` table.
    pub input: Input,
    /// The `[output]` table.
    pub output: Output,
    /// The name of each class in the order of the output, background included; numbers where no file names them.
    pub labels: Vec<String>,
}

/// The `[output]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the output tensor in the file.
    pub tensor: String,
    /// What turns the output into probabilities.
    pub activation: Activation,
    /// Multiplies the output before anything else (1/256 for quantised probabilities).
    #[serde(default = "one")]
    pub scale: f64,
    /// Number of values per image, background included.
    pub classes: usize,
    /// How many classes stand before class 0 (a background class: 1).
    #[serde(default)]
    pub background_offset: usize,
    /// The file with one label per line, in the order of the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// The classes whose probabilities add up to the watch confidence, numbered after the background.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positive: Vec<usize>,
    /// Name of the output that is kept as embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
}

/// What turns a network's output into probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// The output is logits.
    Softmax,
    /// The output is probabilities already.
    None,
}

/// One model of an ensemble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { name = \"a-model\", weight = 1.0 }")]
pub struct Member {
    /// The member's manifest.
    pub name: String,
    /// Its weight; weights need not add up to one.
    #[serde(default = "one")]
    pub weight: f64,
}

/// The `[threshold]` table: the cut-off that a watch model starts with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultThreshold {
    /// The cut-off.
    #[serde(rename = "default")]
    pub value: Threshold,
    /// On which labelled images it was found, with the figures there.
    pub measured_on: Option<String>,
}

/// The `[golden]` table: one picture whose answer must not move.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The picture; without one, a drawn dial.
    pub image: Option<PathBuf>,
    /// The watch confidence or quality mean that it must get; without one, what the first start recorded.
    pub expected: Option<f64>,
    /// How far the answer may lie from that. Default: confidence 0.005, mean 0.01.
    pub tolerance: Option<f64>,
}

impl Manifest {
    /// Reads and checks the manifest at `path`, and its labels.
    ///
    /// # Errors
    /// The file, the place in it, what is wrong there and the way out.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        parse::read(path).map_err(|fault| ManifestError { file: path.to_owned(), fault })
    }

    /// The network of a model that is one file.
    pub fn network(&self) -> Option<&Network> {
        match &self.kind {
            Kind::Network(network) => Some(network),
            Kind::Head { .. } | Kind::Ensemble(_) => None,
        }
    }

    /// Doubts that do not keep the model from serving, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        if self.task != Task::Watch {
            return Vec::new();
        }
        let name = &self.name;
        let value = self.threshold.value;
        let mut warnings = Vec::new();
        if self.threshold.measured_on.is_none() {
            warnings.push(format!(
                "the threshold {value} of {name} was not measured: compare it with labelled images \
                 (chronograde evaluate) and say in [threshold] measured_on which they were"
            ));
        }
        if value.get() == NOTEBOOK_THRESHOLD && !self.network().is_some_and(Network::is_the_notebooks) {
            warnings.push(format!(
                "{name} uses the threshold 0.01, which belongs to the notebook's Keras ResNet50 with its raw \
                 pixels and to no other model"
            ));
        }
        warnings
    }
}

/// The threshold that the notebook found for its ResNet50.
const NOTEBOOK_THRESHOLD: f64 = 0.01;

impl Network {
    /// Whether something lies where the weights belong; whether it is the right thing, loading tells.
    pub fn is_downloaded(&self) -> bool {
        self.file.is_file()
    }

    /// The name of the weights' file, without its folder.
    pub fn file_name(&self) -> Cow<'_, str> {
        self.file.file_name().unwrap_or_default().to_string_lossy()
    }

    /// The weights, by what they are known elsewhere: name, size and hash.
    pub fn in_words(&self) -> String {
        format!("{} ({} bytes, SHA-256 {})", self.file_name(), self.bytes, self.sha256)
    }

    /// SHA-256 over what decides this network's numbers: `[input]`, `[output]`, the weights' hash and
    /// [`PREPROCESSING`], as JSON with sorted keys.
    pub fn fingerprint(&self) -> ContentHash {
        fingerprint(&json!({
            "input": self.input,
            "output": self.output,
            "preprocessing": PREPROCESSING,
            "sha256": self.sha256,
        }))
    }

    /// The names of the classes that count as a watch, in the manifest's order.
    pub fn positive_labels(&self) -> Vec<String> {
        let Output { positive, background_offset, .. } = &self.output;
        positive.iter().filter_map(|class| self.labels.get(class + background_offset)).cloned().collect()
    }

    /// Whether this is the pipeline to which 0.01 belongs: ResNet50 on raw RGB, squashed by nearest neighbour.
    fn is_the_notebooks(&self) -> bool {
        use crate::decode::{Colour, Filter, Fit};
        let Input { width, height, colour, fit, filter, scale, mean, std, .. } = &self.input;
        (*width, *height, *colour, *fit, *filter) == (224, 224, Colour::Rgb, Fit::Squash, Filter::Nearest)
            && (*scale, *mean, *std) == (1.0, [0.0; 3], [1.0; 3])
            && (self.output.classes, self.output.positive.as_slice()) == (1000, &[409, 530, 531, 826, 892])
    }
}

/// The name of the model of this manifest.
fn name(manifest: &Path) -> String {
    manifest.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

const fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests;
