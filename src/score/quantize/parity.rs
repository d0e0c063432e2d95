//! Whether a quantized model says what its original says, and how much faster.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde::Serialize;

use crate::{
    calibration::{Label, Labels, Sweep},
    comparison::spearman,
    decode::Tensor,
    domain::Confidence,
    score::{Answer, Model, ScoreError},
};

/// Least rank correlation with the original for a model that may serve.
pub const SRCC_LEAST: f64 = 0.99;
/// Largest loss of the area under the ROC curve for a model that may serve.
pub const AUC_LOSS_MOST: f64 = 0.002;

/// What both models said about pictures that did not calibrate the quantized one.
#[derive(Debug, Default)]
pub struct Comparison {
    answers: Vec<[f64; 2]>,
    labels: Vec<(usize, bool)>,
    times: [Duration; 2],
    batches: usize,
}

/// How near the quantized model is to its original.
#[derive(Clone, Debug, Serialize)]
pub struct Parity {
    /// Pictures that both were asked about; none of them calibrated the quantized model.
    pub images: usize,
    /// Spearman's rank correlation of confidences, or of quality means.
    pub srcc: f64,
    /// Largest difference of a confidence (0 to 1), or of a quality mean (1 to 10).
    pub largest_difference: f64,
    /// How well both tell watches from other things, where pictures of both kinds are labelled.
    pub auc: Option<Auc>,
    /// Images per second of the original.
    pub original_per_second: f64,
    /// Images per second of the quantized model, in turns with the original.
    pub quantized_per_second: f64,
    /// How many times as fast it is.
    pub speed_ratio: f64,
}

/// Areas under the ROC curve on the labelled pictures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Auc {
    /// Pictures with a label.
    pub labelled: usize,
    /// The original's.
    pub original: f64,
    /// The quantized model's.
    pub quantized: f64,
}

impl Comparison {
    /// Asks both models about pictures, which are one batch, with people's label where there is one. Both want the same tensor, for
    /// the quantized one has its original's input. They take turns in being first.
    ///
    /// # Errors
    /// A picture cannot be scored.
    pub async fn add(
        &mut self,
        models: [&Model; 2],
        pictures: &[(Tensor, Option<bool>)],
    ) -> Result<(), ScoreError> {
        let first = self.batches % 2;
        self.batches += 1;
        let mut said = [vec![], vec![]];
        for which in [first, 1 - first] {
            let model = models[which];
            let tensors: Vec<_> = pictures.iter().map(|(tensor, _)| vec![tensor.clone()]).collect();
            let started = Instant::now();
            let predictions = try_join_all(tensors.into_iter().map(|tensors| model.score(tensors))).await?;
            self.times[which] += started.elapsed();
            said[which] = predictions.iter().map(|prediction| figure(&prediction.answer)).collect();
        }
        for ((original, quantized), (_, label)) in said[0].iter().zip(&said[1]).zip(pictures) {
            self.labels.extend(label.map(|is_watch| (self.answers.len(), is_watch)));
            self.answers.push([*original, *quantized]);
        }
        Ok(())
    }

    /// What came out.
    #[expect(clippy::cast_precision_loss, reason = "numbers of pictures")]
    pub fn finish(&self) -> Parity {
        let column = |which: usize| self.answers.iter().map(|both| both[which]).collect::<Vec<f64>>();
        let rate =
            |which: usize| self.answers.len() as f64 / self.times[which].as_secs_f64().max(f64::EPSILON);
        let differences = self.answers.iter().map(|[original, quantized]| (original - quantized).abs());
        let auc =
            || Some(Auc { labelled: self.labels.len(), original: self.auc(0)?, quantized: self.auc(1)? });
        Parity {
            images: self.answers.len(),
            srcc: spearman(column(0), column(1)),
            largest_difference: differences.fold(0.0, f64::max),
            auc: auc(),
            original_per_second: rate(0),
            quantized_per_second: rate(1),
            speed_ratio: rate(1) / rate(0),
        }
    }

    /// None without labels of both kinds.
    fn auc(&self, which: usize) -> Option<f64> {
        let label = |&(at, watch): &(usize, bool)| {
            let confidence = Confidence::new(self.answers[at][which]).ok()?;
            Some(Label::new(confidence, watch))
        };
        let labels: Vec<Label> = self.labels.iter().map(label).collect::<Option<_>>()?;
        Labels::new(&labels).ok().map(|labels| Sweep::of(&labels).roc_auc())
    }
}

impl Parity {
    /// Why the quantized model may not serve, in sentences; empty if it may.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        // A correlation that is undefined is not enough either.
        let is_near = self.srcc >= SRCC_LEAST;
        if !is_near {
            failures.push(format!(
                "its ranks agree with the original's by {:.4}, and {SRCC_LEAST} is wanted",
                self.srcc
            ));
        }
        if let Some(auc) = self.auc.filter(|auc| auc.original - auc.quantized > AUC_LOSS_MOST) {
            failures.push(format!(
                "its area under the ROC curve is {:.4}, the original's {:.4}: the loss may be {AUC_LOSS_MOST} at most",
                auc.quantized, auc.original
            ));
        }
        failures
    }
}

fn figure(answer: &Answer) -> f64 {
    match answer {
        Answer::Watch(score) => score.confidence.get(),
        Answer::Quality(distribution) => distribution.mean(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(answers: &[[f64; 2]], labels: &[(usize, bool)]) -> Parity {
        let times = [Duration::from_secs(2), Duration::from_secs(1)];
        Comparison { answers: answers.to_vec(), labels: labels.to_vec(), times, batches: 1 }.finish()
    }

    #[test]
    fn the_same_order_passes_and_says_how_far_and_how_fast() {
        let parity = comparison(&[[0.1, 0.12], [0.5, 0.49], [0.9, 0.95]], &[(0, false), (2, true)]);
        assert!((parity.srcc - 1.0).abs() < 1e-12 && (parity.largest_difference - 0.05).abs() < 1e-12);
        assert_eq!(parity.auc.map(|auc| (auc.labelled, auc.original, auc.quantized)), Some((2, 1.0, 1.0)));
        assert_eq!((parity.original_per_second, parity.speed_ratio), (1.5, 2.0));
        assert_eq!(parity.failures(), Vec::<String>::new());
    }

    #[test]
    fn another_order_is_refused_in_a_sentence() {
        let parity = comparison(&[[0.1, 0.9], [0.5, 0.4], [0.9, 0.1]], &[(0, false), (2, true)]);
        let failures = parity.failures();
        assert!(
            failures.len() == 2 && failures[0].contains("-1.0000") && failures[1].contains("ROC"),
            "{failures:?}"
        );
    }

    #[test]
    fn answers_that_are_all_the_same_are_refused_and_labels_of_one_kind_say_nothing() {
        let parity = comparison(&[[0.1, 0.3], [0.5, 0.3]], &[(0, true)]);
        assert!(parity.srcc.is_nan() && parity.auc.is_none());
        assert_eq!(parity.failures().len(), 1);
    }
}
