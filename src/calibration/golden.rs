//! The reference numbers of scikit-learn, and properties that hold for any labels.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use proptest::prelude::*;

use super::{labels::tests::label, *};
use crate::{domain::Threshold, statistics::Sampling};

fn shared(path: &str) -> Option<String> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")).join(path);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        // Past the capture of tests' output, so that it is seen.
        writeln!(io::stderr(), "SKIPPED: {} is not there", path.display()).unwrap();
    }
    text
}

fn golden_labels() -> Option<(Vec<Label>, serde_json::Value)> {
    let (table, expected) = (shared("data/labels.csv")?, shared("golden/threshold_metrics.json")?);
    let labels = csv::Reader::from_reader(table.as_bytes())
        .records()
        .map(|row| row.map(|row| label(row[3].parse().unwrap(), &row[1] == "1")).unwrap())
        .collect();
    Some((labels, serde_json::from_str(&expected).unwrap()))
}

fn near(found: f64, expected: &serde_json::Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

fn threshold(value: f64) -> Threshold {
    Threshold::new(value).unwrap()
}

#[test]
fn the_figures_are_those_of_scikit_learn() {
    let Some((labels, expected)) = golden_labels() else { return };
    let labels = Labels::new(&labels).unwrap();
    let sweep = Sweep::of(&labels);
    near(sweep.roc_auc(), &expected["roc_auc"]);
    near(sweep.average_precision(), &expected["average_precision"]);
    near(labels.brier(), &expected["brier"]);
    near(labels.log_loss(), &expected["log_loss_clipped_1e_6"]);
    near(sweep.best(Objective::F1).value, &expected["best_f1"]);
    near(sweep.best(Objective::Youden).value, &expected["youden_j"]);
    for (value, expected) in ORIGINAL_THRESHOLDS.iter().zip(expected["thresholds"].as_array().unwrap()) {
        near(*value, &expected["threshold"]);
        let found = serde_json::to_value(sweep.at(threshold(*value)).metrics()).unwrap();
        for name in ["f1", "accuracy", "precision", "recall", "specificity", "balanced_accuracy", "mcc"] {
            near(found[name].as_f64().unwrap(), &expected[name]);
        }
        for cell in ["tn", "fp", "fn", "tp"] {
            near(found["confusion"][cell].as_f64().unwrap(), &expected["confusion"][cell]);
        }
    }
}

#[test]
fn intervals_hold_their_figures_and_a_chosen_threshold_is_judged_on_others() {
    let Some((labels, _)) = golden_labels() else { return };
    let labels = Labels::new(&labels).unwrap();
    let evaluation = evaluate(&labels, threshold(0.05), Sampling::default());
    assert_eq!(
        (evaluation.n, evaluation.positives, evaluation.groups, evaluation.dropped),
        (400, 80, 400, 0)
    );
    assert!(evaluation.intervals.f1.unwrap().contains(evaluation.figures.f1));
    let auc = evaluation.intervals.roc_auc.unwrap();
    assert!(auc.contains(evaluation.figures.roc_auc) && auc.high - auc.low < 0.02, "{auc:?}");

    let best = Sweep::of(&labels).best(Objective::F1);
    let held_back = cross_validate(&labels, Objective::F1, FoldPlan::default()).unwrap();
    assert!(held_back.metrics.f1 <= best.value && held_back.metrics.f1 > 0.88, "{held_back:?}");
}

#[test]
fn a_wrong_threshold_is_found_out_and_a_good_one_is_left_alone() {
    let Some((labels, _)) = golden_labels() else { return };
    let labels = Labels::new(&labels).unwrap();
    let gain = |current| {
        paired_gain(&labels, threshold(current), Objective::F1, FoldPlan::default(), Sampling::default())
            .unwrap()
    };
    let from_wrong = gain(0.5);
    assert!(from_wrong.is_certain() && from_wrong.gain > 0.1, "{from_wrong:?}");
    assert!(!gain(0.05).is_certain(), "{:?}", gain(0.05));
}

#[test]
fn two_hundred_corrections_mend_a_wrong_threshold_and_spare_a_good_one() {
    let Some((labels, _)) = golden_labels() else { return };
    let rehearse = |from| rehearse(&labels, threshold(from), 200, Sampling { draws: 50, seed: 1 });
    let [wrong, good] = [0.5, 0.05].map(rehearse);
    assert!(wrong.quantile(0.5).unwrap() >= 0.10 && wrong.quantile(0.05).unwrap() > 0.0, "{wrong:?}");
    assert!(good.quantile(0.5).unwrap() >= 0.0 && good.quantile(0.05).unwrap() >= -0.02, "{good:?}");
}

#[test]
fn of_equal_optima_the_middle_of_the_widest_run_is_taken() {
    let labels = [label(0.1, false), label(0.2, true), label(0.3, false), label(0.8, true), label(0.9, true)];
    let sweep = Sweep::of(&Labels::new(&labels).unwrap());
    // Accuracy is 4/5 above 0.1 and above 0.3; the second run is the wider one.
    let best = sweep.best(Objective::Accuracy);
    assert_eq!((best.low, best.high), (0.3, 0.8));
    assert!((best.threshold.get() - 0.55).abs() < 1e-12);
    let recall = sweep.best(Objective::RecallAtLeast { recall: 1.0 });
    assert_eq!((recall.low, recall.high, recall.met), (0.1, 0.2, true));
    let precision = sweep.best(Objective::PrecisionAtLeast { precision: 1.0 });
    assert_eq!((precision.low, precision.high, precision.met), (0.3, 0.8, true));
    let dear_misses = sweep.best(Objective::Cost { miss: 10.0, false_alarm: 1.0 });
    assert_eq!((dear_misses.low, dear_misses.high), (0.1, 0.2));
}

#[test]
fn neighbouring_runs_of_one_value_are_one_plateau() {
    // Two watches without weight in between change nothing.
    let weightless = |confidence| Label { weight: 0.0, ..label(confidence, true) };
    let labels = [label(0.2, false), weightless(0.4), weightless(0.6), label(0.8, true)];
    let best = Sweep::of(&Labels::new(&labels).unwrap()).best(Objective::F1);
    assert_eq!((best.low, best.high, best.threshold.get()), (0.2, 0.8, 0.5));
}

#[test]
fn a_demand_that_nothing_meets_gives_the_nearest_miss() {
    let labels = [label(0.0, true), label(0.5, true), label(0.6, false)];
    let sweep = Sweep::of(&Labels::new(&labels).unwrap());
    let best = sweep.best(Objective::RecallAtLeast { recall: 0.9 });
    assert!(!best.met && (best.value - (0.5 - 0.9)).abs() < 1e-12, "{best:?}");
}

fn some_labels() -> impl Strategy<Value = Vec<Label>> {
    // Few distinct confidences, so that there are ties.
    let confidence = prop_oneof![(0..=8_u8).prop_map(|eighths| f64::from(eighths) / 8.0), 0.0..=1.0_f64];
    let any = (confidence, any::<bool>(), 0.1..4.0_f64, prop::option::of(0..6_u32));
    prop::collection::vec(any, 2..40)
        .prop_map(|rows| {
            let label =
                |(confidence, watch, weight, group)| Label { weight, group, ..label(confidence, watch) };
            rows.into_iter().map(label).collect::<Vec<_>>()
        })
        .prop_filter("both classes", |labels| Labels::new(labels).is_ok())
}

fn counted(labels: &[Label], threshold: Threshold) -> Confusion {
    let mut confusion = Confusion::default();
    labels.iter().for_each(|label| {
        confusion.add(label.watch, threshold.is_watch(label.confidence), label.weight);
    });
    confusion
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

proptest! {
    #[test]
    fn the_sweep_counts_what_brute_force_counts(labels in some_labels(), anywhere in 0.0..=1.0_f64) {
        let sweep = Sweep::of(&Labels::new(&labels).unwrap());
        let confidences = labels.iter().map(|label| label.confidence.get());
        for value in confidences.chain([0.0, 1.0, anywhere]) {
            let (found, expected) = (sweep.at(threshold(value)), counted(&labels, threshold(value)));
            prop_assert!(close(found.tp, expected.tp) && close(found.fp, expected.fp));
            prop_assert!(close(found.tn, expected.tn) && close(found.fn_, expected.fn_));
        }
    }

    #[test]
    fn no_threshold_beats_the_best_one(labels in some_labels(), anywhere in 0.0..=1.0_f64) {
        let sweep = Sweep::of(&Labels::new(&labels).unwrap());
        for objective in [
            Objective::F1,
            Objective::Accuracy,
            Objective::Youden,
            Objective::RecallAtLeast { recall: 0.7 },
            Objective::PrecisionAtLeast { precision: 0.7 },
            Objective::Cost { miss: 3.0, false_alarm: 1.0 },
        ] {
            let best = sweep.best(objective);
            let there = objective.value(&counted(&labels, best.threshold));
            prop_assert!(close(there, best.value), "{objective:?} {best:?} {there}");
            let confidences = labels.iter().map(|label| label.confidence.get());
            for value in confidences.chain([0.0, anywhere]) {
                let other = objective.value(&counted(&labels, threshold(value)));
                prop_assert!(other <= best.value + 1e-9, "{objective:?} {value} {other} {best:?}");
            }
        }
    }

    #[test]
    fn auc_is_the_share_of_pairs_in_the_right_order(labels in some_labels()) {
        let (mut right, mut all) = (0.0, 0.0);
        for watch in labels.iter().filter(|label| label.watch) {
            for other in labels.iter().filter(|label| !label.watch) {
                let weight = watch.weight * other.weight;
                let [a, b] = [watch, other].map(|label| label.confidence.get());
                right += if a > b { weight } else if a == b { weight / 2.0 } else { 0.0 };
                all += weight;
            }
        }
        prop_assert!(close(Sweep::of(&Labels::new(&labels).unwrap()).roc_auc(), right / all));
    }

    #[test]
    fn auc_does_not_change_under_a_monotone_map(labels in some_labels()) {
        let moved: Vec<_> = labels.iter().map(|label| {
            // Steep where confidences are small, flat above: and strictly increasing.
            let confidence = (label.confidence.get() + 1.0).log2().powi(3);
            Label { confidence: crate::domain::Confidence::new(confidence.min(1.0)).unwrap(), ..*label }
        }).collect();
        let [before, after] = [&labels, &moved].map(|labels| Sweep::of(&Labels::new(labels).unwrap()));
        prop_assume!(before.confidences().len() == after.confidences().len());
        prop_assert!(close(before.roc_auc(), after.roc_auc()));
        prop_assert!(close(before.average_precision(), after.average_precision()));
    }

    #[test]
    fn a_weight_is_as_good_as_a_repetition(labels in some_labels(), times in prop::collection::vec(1..4_u8, 40)) {
        let weighted: Vec<_> = labels.iter().zip(&times)
            .map(|(label, times)| Label { weight: f64::from(*times), ..*label }).collect();
        let repeated: Vec<_> = labels.iter().zip(&times)
            .flat_map(|(label, times)| std::iter::repeat_n(Label { weight: 1.0, ..*label }, usize::from(*times)))
            .collect();
        let [weighted, repeated] = [weighted, repeated].map(|labels| Labels::new(&labels).unwrap());
        let sampling = Sampling { draws: 0, seed: 1 };
        let [a, b] = [&weighted, &repeated].map(|labels| evaluate(labels, threshold(0.3), sampling).figures);
        prop_assert!(close(a.roc_auc, b.roc_auc) && close(a.average_precision, b.average_precision));
        prop_assert!(close(a.brier, b.brier) && close(a.log_loss, b.log_loss) && close(a.mcc, b.mcc));
        prop_assert!(close(a.f1, b.f1) && close(a.accuracy, b.accuracy) && close(a.youden_j, b.youden_j));
    }

    #[test]
    fn equal_weights_are_no_weights(labels in some_labels(), weight in 0.1..9.0_f64) {
        let [plain, weighted] = [1.0, weight].map(|weight| {
            let labels: Vec<_> = labels.iter().map(|label| Label { weight, ..*label }).collect();
            evaluate(&Labels::new(&labels).unwrap(), threshold(0.3), Sampling { draws: 20, seed: 3 })
        });
        prop_assert!(close(plain.figures.average_precision, weighted.figures.average_precision));
        prop_assert_eq!(plain.dropped, weighted.dropped);
        let [a, b] = [plain, weighted].map(|evaluation| evaluation.intervals.mcc);
        prop_assert_eq!(a.is_some(), b.is_some());
        if let (Some(a), Some(b)) = (a, b) {
            prop_assert!(close(a.low, b.low) && close(a.high, b.high));
        }
    }

    #[test]
    fn one_pass_over_a_draw_gives_what_the_sweep_gives(labels in some_labels()) {
        // A single stratum of one group is drawn exactly once: the draw is the whole.
        let grouped: Vec<_> = labels.iter().map(|label| Label { group: Some(1), ..*label }).collect();
        let evaluation = evaluate(&Labels::new(&grouped).unwrap(), threshold(0.3), Sampling { draws: 2, seed: 1 });
        let pairs = [
            (evaluation.figures.roc_auc, evaluation.intervals.roc_auc),
            (evaluation.figures.average_precision, evaluation.intervals.average_precision),
            (evaluation.figures.brier, evaluation.intervals.brier),
            (evaluation.figures.log_loss, evaluation.intervals.log_loss),
            (evaluation.figures.f1, evaluation.intervals.f1),
            (evaluation.figures.mcc, evaluation.intervals.mcc),
        ];
        for (figure, interval) in pairs {
            let interval = interval.unwrap();
            prop_assert!(close(figure, interval.low) && close(figure, interval.high), "{figure} {interval:?}");
        }
    }
}
