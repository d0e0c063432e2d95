//! The weighted mean of several models' answers.

use super::{Answer, WatchScore};
use crate::domain::{Confidence, Distribution, SCORES};

/// How many of the strongest classes are kept.
const TOP: usize = 5;

/// Averages the answers of an ensemble's members, given with their weights. `None` if there are none, or if they
/// answer different questions.
///
/// Classes are matched by label. Among the strongest classes, one that a member does not name counts as 0 there.
pub(super) fn average(answers: &[(f64, Answer)]) -> Option<Answer> {
    let total: f64 = answers.iter().map(|(weight, _)| weight).sum();
    let mut watch = Vec::new();
    let mut quality = Vec::new();
    for (weight, answer) in answers {
        match answer {
            Answer::Watch(score) => watch.push((weight / total, score)),
            Answer::Quality(distribution) => quality.push((weight / total, distribution)),
        }
    }
    match (watch.as_slice(), quality.as_slice()) {
        ([_, ..], []) => average_watch(&watch).map(Answer::Watch),
        ([], [_, ..]) => average_quality(&quality).map(Answer::Quality),
        _ => None,
    }
}

fn average_watch(scores: &[(f64, &WatchScore)]) -> Option<WatchScore> {
    let confidence: f64 = scores.iter().map(|(share, score)| share * score.confidence.get()).sum();
    let mut top = by_label(scores, |score| &score.top);
    top.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    top.truncate(TOP);
    Some(WatchScore {
        confidence: Confidence::new(confidence.clamp(0.0, 1.0)).ok()?,
        positives: by_label(scores, |score| &score.positives),
        top,
    })
}

/// The labels of the members' positive classes in the order in which [`average`] gives their values: each once, those of the first
/// member first.
pub(super) fn labels(members: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for label in members.into_iter().flatten() {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

fn by_label(
    scores: &[(f64, &WatchScore)],
    classes: impl Fn(&WatchScore) -> &[(String, f64)],
) -> Vec<(String, f64)> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    for (share, score) in scores {
        for (label, probability) in classes(score) {
            match sums.iter_mut().find(|(known, _)| known == label) {
                Some((_, sum)) => *sum += share * probability,
                None => sums.push((label.clone(), share * probability)),
            }
        }
    }
    sums
}

fn average_quality(distributions: &[(f64, &Distribution)]) -> Option<Distribution> {
    let mut bins = [0.0; SCORES.len()];
    for (share, distribution) in distributions {
        for (bin, probability) in bins.iter_mut().zip(distribution.bins()) {
            *bin += share * probability;
        }
    }
    Distribution::new(bins).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(confidence: f64, classes: &[(&str, f64)]) -> Answer {
        let classes: Vec<_> = classes.iter().map(|(label, share)| ((*label).to_owned(), *share)).collect();
        Answer::Watch(WatchScore {
            confidence: Confidence::new(confidence).unwrap(),
            positives: classes.clone(),
            top: classes,
        })
    }

    #[test]
    fn confidences_and_classes_are_averaged_by_weight_and_label() {
        let one = score(0.5, &[("watch", 0.5), ("clock", 0.25)]);
        let other = score(1.0, &[("clock", 0.75), ("watch", 0.125)]);
        let Some(Answer::Watch(mean)) = average(&[(3.0, one), (1.0, other)]) else {
            panic!("no watch answer")
        };
        assert_eq!(mean.confidence.get(), 0.625);
        assert_eq!(mean.positives, [("watch".to_owned(), 0.40625), ("clock".to_owned(), 0.375)]);
    }

    #[test]
    fn labels_stand_in_the_order_of_the_values() {
        let members = [[("watch", 0.5), ("clock", 0.25)], [("stopwatch", 0.5), ("watch", 0.125)]];
        let answers = members.map(|classes| (1.0, score(0.5, &classes)));
        let Some(Answer::Watch(mean)) = average(&answers) else { panic!("no watch answer") };
        let named = members.map(|classes| classes.map(|(label, _)| label.to_owned()).into());
        assert_eq!(labels(named), ["watch", "clock", "stopwatch"]);
        assert_eq!(
            mean.positives.into_iter().map(|(label, _)| label).collect::<Vec<_>>(),
            labels(members.map(|classes| classes.map(|(label, _)| label.to_owned()).into()))
        );
    }

    #[test]
    fn distributions_are_averaged_bin_by_bin() {
        let certain = |score: usize| {
            let mut bins = [0.0; 10];
            bins[score - 1] = 1.0;
            Answer::Quality(Distribution::new(bins).unwrap())
        };
        let Some(Answer::Quality(mean)) = average(&[(1.0, certain(2)), (3.0, certain(6))]) else { panic!() };
        assert_eq!(mean.mean(), 5.0);
    }

    #[test]
    fn different_questions_have_no_average() {
        let quality = Answer::Quality(Distribution::new([0.1; 10]).unwrap());
        assert_eq!(average(&[(1.0, score(0.5, &[])), (1.0, quality)]), None);
        assert_eq!(average(&[]), None);
    }
}
