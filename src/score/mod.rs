//! Stage 3: the networks, behind threads that own them.

mod catalogue;
mod engine;
mod ensemble;
mod fetch;
mod golden;
mod heads;
mod library;
mod manifest;
mod model;
pub mod quantize;
mod session;
mod shape;
mod weights;

pub use catalogue::{Catalogue, CatalogueError, Clash, Weights};
pub use engine::{Engine, EngineSettings, EngineStats, ScoreError, give_way};
pub use fetch::{
    AddError, Added, Event, FetchError, Fetched, Fetcher, NoSource, Patience, Problem, ProxyRoute, add,
};
pub use golden::{GoldenCheck, dial};
pub use heads::{OutputError, answer};
pub use library::{Libraries, Provider, RuntimeError};
pub use manifest::{
    Activation, DefaultThreshold, Fault, Golden, Kind, Manifest, ManifestError, Member, Network, Output,
    PREPROCESSING, Question,
};
pub use model::{LoadError, Model};
pub use session::{OpenError, Row, RunError, Runtime, Session};

use crate::domain::{Confidence, Distribution};

#[cfg(test)]
pub(crate) mod tests;

/// What a watch model said about one image.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchScore {
    /// The probability mass of the positive classes.
    pub confidence: Confidence,
    /// Each positive class's label with its probability, in the manifest's order.
    pub positives: Vec<(String, f64)>,
    /// The five strongest classes of all with their probabilities, strongest first.
    pub top: Vec<(String, f64)>,
}

/// What one model said about one image.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A watch model's answer.
    Watch(WatchScore),
    /// A quality model's answer.
    Quality(Distribution),
}

/// A model's answer with the features that it also put out, if its manifest names such an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The answer.
    pub answer: Answer,
    /// The values of the features output.
    pub features: Option<Vec<f32>>,
}
