//! The watch threshold: how well a cut-off separates watches from the rest, which one to choose, and how sure that is.
//!
//! Everything here is a function of values: no database, no clock, randomness only from a seed. [`Labels`] are images
//! with a confidence and people's verdict; a [`Sweep`] knows the [`Confusion`] at every cut-off; an [`Objective`] says
//! which cut-off is best; [`evaluate`] adds intervals; [`cross_validate`] and [`paired_gain`] say what a choice is worth on
//! images that it was not made from; [`WhatIf`] says which images of a catalog would change sides; a
//! [`Proposal`] is all of it in one step, and the evidence of a change.
//!
//! A confidence is labelled a watch if it lies *above* the threshold, strictly. Formulas and sources: docs/MATHEMATICS.md.

mod confusion;
mod curves;
mod error;
mod evaluation;
mod figures;
mod folds;
mod gain;
mod histogram;
mod labels;
mod objective;
mod proposal;
mod rehearsal;
mod reliability;
mod suspicious;
mod sweep;
mod weights;
mod what_if;

pub use confusion::{Confusion, Metrics};
pub use curves::{CurvePoint, metric_curve, precision_recall_curve, roc_curve};
pub use error::CalibrationError;
pub use evaluation::{Evaluation, evaluate};
pub use figures::Figures;
pub use folds::{CrossValidated, FoldPlan, cross_validate};
pub use gain::{PairedGain, paired_gain};
pub use histogram::{ClassBin, class_histogram};
pub use labels::{Label, Labels};
pub use objective::{Best, Objective};
pub use proposal::{AUDIT_LEAST, Judged, Proposal};
pub use rehearsal::{Rehearsal, rehearse};
pub use reliability::{ReliabilityBin, expected_calibration_error, reliability};
pub use suspicious::{Suspicion, suspicious};
pub use sweep::{ORIGINAL_THRESHOLDS, Sweep};
pub use weights::{CatalogHistogram, effective_size};
pub use what_if::{CatalogImage, Flip, Flips, WhatIf};

#[cfg(test)]
mod golden;
