//! Whether a quantized model says what its original says, and how much faster.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde::Serialize;

use crate::{
    calibration::{Label, Labels, Sweep},
    comparison::spearman,
    decode::Tensor,
    domain::{Confidence, Task},
    score::{Answer, Model, ScoreError},
};

/// Least rank correlation with the original for a model that may serve.
pub const SRCC_LEAST: f64 = 0.99;
/// Largest loss of the area under the ROC curve for a model that may serve.
pub const AUC_LOSS_MOST: f64 = 0.002;
/// Labelled pictures of each kind, watches and others, without which the areas are not compared. Of so many a watch and another
/// picture that change places lose 1/625, so that no single pair of pictures decides.
pub const LABELS_LEAST: usize = 25;

/// What both models said about pictures that did not calibrate the quantized one.
#[derive(Debug)]
pub struct Comparison {
    task: Task,
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
    /// How well both tell watches from other things, where enough pictures of both kinds are labelled.
    pub auc: Option<Auc>,
    /// Why that was not compared, in a sentence. Nobody misses it of a quality model.
    pub auc_not_compared: Option<String>,
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
    /// Of two models of this task.
    pub const fn of(task: Task) -> Self {
        Self { task, answers: vec![], labels: vec![], times: [Duration::ZERO; 2], batches: 0 }
    }

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
        let auc_not_compared = self.too_few_labels();
        Parity {
            images: self.answers.len(),
            srcc: spearman(column(0), column(1)),
            largest_difference: differences.fold(0.0, f64::max),
            auc: if auc_not_compared.is_none() { auc() } else { None },
            auc_not_compared,
            original_per_second: rate(0),
            quantized_per_second: rate(1),
            speed_ratio: rate(1) / rate(0),
        }
    }

    /// Why the areas under the ROC curve are not compared though these are watch models.
    fn too_few_labels(&self) -> Option<String> {
        let watches = self.labels.iter().filter(|(_, is_watch)| *is_watch).count();
        let others = self.labels.len() - watches;
        let are_too_few = self.task == Task::Watch && watches.min(others) < LABELS_LEAST;
        are_too_few.then(|| {
            format!(
                "the area under the ROC curve was not compared: at least {LABELS_LEAST} watches and {LABELS_LEAST} other pictures must \
                 be labelled, and {watches} and {others} of those that were compared are; add --labels FILE.csv"
            )
        })
    }

    /// None without labels of both kinds, and of quality models.
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
        let (answers, labels) = (answers.to_vec(), labels.to_vec());
        Comparison { answers, labels, times, batches: 1, ..Comparison::of(Task::Watch) }.finish()
    }

    /// So many others and as many watches that stand above them; what the quantized model says of them is `said` of the original's.
    fn labelled(each: u32, said: impl Fn(f64) -> f64) -> Parity {
        let all = 2 * each;
        let confidences = (0..all).map(|number| f64::from(number) / f64::from(all));
        let answers: Vec<[f64; 2]> = confidences.map(|confidence| [confidence, said(confidence)]).collect();
        let labels: Vec<(usize, bool)> =
            answers.iter().map(|[original, _]| *original >= 0.5).enumerate().collect();
        comparison(&answers, &labels)
    }

    #[test]
    fn the_same_order_passes_and_says_how_far_and_how_fast() {
        let parity = labelled(25, |confidence| confidence.mul_add(0.9, 0.05));
        assert!((parity.srcc - 1.0).abs() < 1e-12 && (parity.largest_difference - 0.05).abs() < 1e-12);
        assert_eq!(parity.auc.map(|auc| (auc.labelled, auc.original, auc.quantized)), Some((50, 1.0, 1.0)));
        assert_eq!((parity.original_per_second, parity.speed_ratio), (25.0, 2.0));
        assert_eq!((parity.failures(), parity.auc_not_compared), (vec![], None));
    }

    #[test]
    fn another_order_is_refused_in_a_sentence() {
        let failures = labelled(25, |confidence| 1.0 - confidence).failures();
        assert!(
            failures.len() == 2 && failures[0].contains("-1.0000") && failures[1].contains("ROC"),
            "{failures:?}"
        );
    }

    #[test]
    fn of_the_least_number_of_labels_one_pair_that_changes_places_is_borne_and_a_second_is_not() {
        let swapped = |pairs: usize| {
            let mut answers: Vec<[f64; 2]> =
                (0..50_u32).map(|number| [f64::from(number) / 50.0; 2]).collect();
            let labels: Vec<(usize, bool)> = (0..50).map(|at| (at, at >= 25)).collect();
            // The lowest watch falls below so many of the others that stood next to it.
            answers[25][1] = answers[25 - pairs][1] - 0.001;
            comparison(&answers, &labels)
        };
        let (one, two) = (swapped(1), swapped(2));
        assert!(one.auc.is_some_and(|auc| auc.quantized < 1.0) && one.failures().is_empty(), "{one:?}");
        let failures = two.failures();
        assert!(failures.len() == 1 && failures[0].contains("ROC"), "its ranks agree: {failures:?}");
    }

    #[test]
    fn too_few_labels_of_a_kind_compare_nothing_and_that_is_said() {
        let parity = labelled(24, |confidence| 1.0 - confidence);
        assert!(parity.auc.is_none() && parity.failures().len() == 1);
        let said = parity.auc_not_compared.unwrap();
        assert!(said.contains("24 and 24 of those") && said.contains("--labels FILE.csv"), "{said}");
        let answers = vec![[4.5, 4.6], [5.5, 5.4]];
        assert_eq!(Comparison { answers, ..Comparison::of(Task::Quality) }.finish().auc_not_compared, None);
    }

    #[test]
    fn answers_that_are_all_the_same_are_refused() {
        let parity = comparison(&[[0.1, 0.3], [0.5, 0.3]], &[(0, true)]);
        assert!(parity.srcc.is_nan() && parity.auc.is_none());
        assert_eq!(parity.failures().len(), 1);
    }
}
