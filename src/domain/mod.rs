//! Values, and nothing else: no file, no database, no clock is touched here.
//!
//! Every constructor checks its range, so that code which holds a value need not check again.

mod hash;
mod ids;
mod judgement;
mod label;
mod probability;
mod quality;
mod states;
mod token;

pub use hash::{ContentHash, HashError};
pub use ids::{AnnotatorId, GenerationId, GuideId, ImageId, ModelId, RoundId, SightingId};
pub use judgement::{Score, ScoreError};
pub use label::{Statement, watch_label, watch_verdict};
pub use probability::{Confidence, OutOfRange, Threshold};
pub use quality::{Distribution, DistributionError, SCORES};
pub use states::{
    GenerationState, Question, Role, RoundState, ScoringState, ServingOrder, SightingState, SkipKind, Task,
    UnknownName,
};
pub use token::Token;
