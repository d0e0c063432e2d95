//! From what a network puts out for one image to what it says about it.

use super::{
    Answer, WatchScore,
    manifest::{Activation, Network, Output},
};
use crate::domain::{Confidence, Distribution, DistributionError, Task};

/// How far probabilities may leave `[0, 1]` and their sum may leave 1: rounding, nothing else.
const TOLERANCE: f64 = 1e-3;
/// The same for outputs that are bytes.
const QUANTISED_TOLERANCE: f64 = 0.02;
/// How many of the strongest classes are kept.
const TOP: usize = 5;

/// Why an image's output is no answer. It fails this image and says nothing about the next one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OutputError {
    /// Infinite, or not a number.
    #[error("the model put out {value} for {label}, which is no number to rank by")]
    NotFinite {
        /// The class.
        label: String,
        /// What was put out.
        value: f64,
    },
    /// Further outside `[0, 1]` than rounding explains.
    #[error(
        "the model put out {value} for {label}, which is no probability (are these logits? then activation = \"softmax\")"
    )]
    NoProbability {
        /// The class.
        label: String,
        /// What was put out.
        value: f64,
    },
    /// Further from 1 than rounding explains.
    #[error("the probabilities add up to {sum}, not 1")]
    Sum {
        /// Their sum.
        sum: f64,
    },
    /// A positive class alone is fine, but together they are more than 1.
    #[error("the positive classes add up to {sum}, more than 1")]
    Confidence {
        /// Their sum.
        sum: f64,
    },
}

/// Reads one image's raw output (`classes` values) as `network`'s manifest says. `quantised`: the output's
/// elements are bytes.
///
/// # Errors
/// The output is not finite, or further from a distribution than rounding explains.
pub fn answer(task: Task, network: &Network, raw: &[f64], quantised: bool) -> Result<Answer, OutputError> {
    let tolerance = if quantised { QUANTISED_TOLERANCE } else { TOLERANCE };
    let probabilities = probabilities(network, raw, tolerance)?;
    check_sum(&probabilities, tolerance, quantised)?;
    match task {
        Task::Watch => watch(network, &probabilities, tolerance).map(Answer::Watch),
        Task::Quality => quality(network, &probabilities, tolerance).map(Answer::Quality),
    }
}

/// Checks the features output, which is stored and compared and therefore must be numbers too.
pub(super) fn check_features(features: Option<&[f32]>) -> Result<(), OutputError> {
    match features.unwrap_or_default().iter().find(|value| !value.is_finite()) {
        Some(value) => {
            Err(OutputError::NotFinite { label: "a feature".to_owned(), value: f64::from(*value) })
        }
        None => Ok(()),
    }
}

/// Scale, activation, and the clamp of what rounding left outside `[0, 1]`.
fn probabilities(network: &Network, raw: &[f64], tolerance: f64) -> Result<Vec<f64>, OutputError> {
    let Output { activation, scale, .. } = &network.output;
    let label = |index: usize| network.labels.get(index).cloned().unwrap_or_default();
    if let Some(index) = raw.iter().position(|value| !value.is_finite()) {
        return Err(OutputError::NotFinite { label: label(index), value: raw[index] });
    }
    let scaled = raw.iter().map(|value| value * scale);
    let values = match activation {
        Activation::None => scaled.collect(),
        Activation::Softmax => softmax(scaled.collect()),
    };
    match values.iter().position(|value| !(-tolerance..=1.0 + tolerance).contains(value)) {
        Some(index) => Err(OutputError::NoProbability { label: label(index), value: values[index] }),
        None => Ok(values.into_iter().map(|value| value.clamp(0.0, 1.0)).collect()),
    }
}

/// exp(xᵢ) / Σ exp(xⱼ), shifted by the largest x so that nothing overflows.
fn softmax(logits: Vec<f64>) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.into_iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / sum).collect()
}

/// A quantised output loses the probabilities that round to 0 (with a thousand classes, easily a third of the
/// mass): only a sum above 1 can be told from that.
fn check_sum(probabilities: &[f64], tolerance: f64, quantised: bool) -> Result<(), OutputError> {
    let sum: f64 = probabilities.iter().sum();
    let too_little = !quantised && sum < 1.0 - tolerance;
    if too_little || sum > 1.0 + tolerance { Err(OutputError::Sum { sum }) } else { Ok(()) }
}

fn watch(network: &Network, probabilities: &[f64], tolerance: f64) -> Result<WatchScore, OutputError> {
    let named = |index: usize| (network.labels[index].clone(), probabilities[index]);
    let Output { positive, background_offset, .. } = &network.output;
    let positives: Vec<_> = positive.iter().map(|class| named(class + background_offset)).collect();
    let sum: f64 = positives.iter().map(|(_, probability)| probability).sum();
    if sum > 1.0 + tolerance {
        return Err(OutputError::Confidence { sum });
    }
    let confidence = Confidence::new(sum.clamp(0.0, 1.0)).map_err(|_| OutputError::Confidence { sum })?;
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    // A stable sort: of equals, the lower class comes first.
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    Ok(WatchScore { confidence, positives, top: order.into_iter().take(TOP).map(named).collect() })
}

fn quality(network: &Network, probabilities: &[f64], tolerance: f64) -> Result<Distribution, OutputError> {
    let sum = probabilities.iter().sum();
    let bins = probabilities.try_into().map_err(|_| OutputError::Sum { sum })?;
    Distribution::normalised(bins, tolerance).map_err(|error| match error {
        DistributionError::Sum(sum) => OutputError::Sum { sum },
        DistributionError::Bin { score, value } => {
            OutputError::NoProbability { label: network.labels[score - 1].clone(), value }
        }
    })
}
