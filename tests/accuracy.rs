//! The numbers themselves: 400 labelled photographs against a reference made with Pillow, and against people.
//!
//! The photographs and the classifier lie beside the repository (`../shared`) and are not part of it; without
//! them these tests say loudly that they skip. `docs/ACCURACY.md` says what the figures mean.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use chronograde::{
    decode::{self, Limits, Need},
    score::{Answer, Catalogue, EngineSettings, Libraries, Model, Runtime},
};

const CLASSIFIER: &str = "mobilenet_v2_imagenet_uint8";

/// One row of `labels.csv`.
struct Labelled {
    file: String,
    is_watch: bool,
    reference: f64,
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The figures are the point of these tests. Not `eprintln!`, which is kept back while a test passes.
fn say(line: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{line}").unwrap();
}

/// The folder beside the repository, or `None` after having said so.
fn shared() -> Option<PathBuf> {
    let shared = repository().join("../shared");
    let complete = shared.join("data/labels.csv").is_file() && shared.join("models").is_dir();
    if !complete {
        say(&format!("SKIPPED: {} is not there, so accuracy was NOT measured", shared.display()));
    }
    complete.then_some(shared)
}

fn labels(shared: &Path) -> Vec<Labelled> {
    let text = fs::read_to_string(shared.join("data/labels.csv")).unwrap();
    let mut lines = text.lines();
    let header: HashMap<&str, usize> =
        lines.next().unwrap().split(',').enumerate().map(|(index, name)| (name, index)).collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            Labelled {
                file: cells[header["file"]].to_owned(),
                is_watch: cells[header["watch"]] == "1",
                reference: cells[header["watch_confidence"]].parse().unwrap(),
            }
        })
        .collect()
}

/// The manifest of `tests/models` beside the weights of `../shared`.
async fn classifier(shared: &Path) -> (Model, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for name in [&format!("{CLASSIFIER}.toml"), "imagenet_1001_labels.txt"] {
        fs::copy(repository().join("tests/models").join(name), folder.path().join(name)).unwrap();
    }
    let weights = format!("{CLASSIFIER}.onnx");
    fs::copy(shared.join("models").join(&weights), folder.path().join(&weights)).unwrap();
    (load(folder.path(), CLASSIFIER).await, folder)
}

async fn load(folder: &Path, name: &str) -> Model {
    let runtime = Runtime::load(&Libraries::default()).unwrap();
    let settings = EngineSettings { gives_way: false, ..EngineSettings::default() };
    Model::load(&Catalogue::read(folder).unwrap(), name, runtime, settings).await.unwrap()
}

async fn confidences(model: &Model, shared: &Path, labelled: &[Labelled]) -> Vec<f64> {
    let need = model.inputs().fold(Need::long_side(1), Need::and_model);
    let mut confidences = Vec::with_capacity(labelled.len());
    for image in labelled {
        let bytes = fs::read(shared.join("data/images").join(&image.file)).unwrap();
        let picture = decode::decode(&bytes, need, &Limits::default()).unwrap();
        let prediction = model.score(model.tensors(&picture.rgb)).await.unwrap();
        let Answer::Watch(score) = prediction.answer else { panic!("not a watch model") };
        confidences.push(score.confidence.get());
    }
    confidences
}

/// The probability that a watch gets more than another picture, ties counting half (Mann and Whitney).
fn roc_auc(labelled: &[Labelled], scores: &[f64]) -> f64 {
    let of = |is_watch| labelled.iter().zip(scores).filter(move |(image, _)| image.is_watch == is_watch);
    let (mut wins, mut pairs) = (0.0, 0.0);
    for (_, watch) in of(true) {
        for (_, other) in of(false) {
            pairs += 1.0;
            wins += if watch > other {
                1.0
            } else if watch == other {
                0.5
            } else {
                0.0
            };
        }
    }
    wins / pairs
}

/// 2·TP / (2·TP + FP + FN) for the labels "above the threshold".
fn f1(labelled: &[Labelled], scores: &[f64], threshold: f64) -> f64 {
    let count = |is_watch, above| {
        labelled
            .iter()
            .zip(scores)
            .filter(|(image, score)| (image.is_watch, **score > threshold) == (is_watch, above))
            .count()
    };
    let (hits, false_alarms, misses) = (count(true, true), count(false, true), count(true, false));
    share(2 * hits, 2 * hits + false_alarms + misses)
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred images")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[tokio::test]
async fn the_classifiers_confidences_match_the_reference() {
    let Some(shared) = shared() else { return };
    let labelled = labels(&shared);
    assert_eq!(labelled.len(), 400);
    let (model, _folder) = classifier(&shared).await;
    let scores = confidences(&model, &shared, &labelled).await;

    let within = |only_watches: bool, tolerance: f64| {
        let of: Vec<_> =
            labelled.iter().zip(&scores).filter(|(image, _)| image.is_watch || !only_watches).collect();
        let close = of.iter().filter(|(image, score)| (image.reference - **score).abs() <= tolerance).count();
        share(close, of.len())
    };
    let reference: Vec<f64> = labelled.iter().map(|image| image.reference).collect();
    let (auc, reference_auc) = (roc_auc(&labelled, &scores), roc_auc(&labelled, &reference));
    // labels.csv has six decimals: equal to within rounding is equal.
    say(&format!(
        "{CLASSIFIER}: confidence within 0.02 of the reference for {:.2} % of the images and {:.2} % of the watches, \
         equal for {:.2} %; ROC AUC {auc:.5}, reference {reference_auc:.5}",
        100.0 * within(false, 0.02),
        100.0 * within(true, 0.02),
        100.0 * within(false, 1e-6),
    ));
    assert!(within(false, 0.02) >= 0.98);
    assert!(within(true, 0.02) >= 0.93);
    assert!((auc - reference_auc).abs() <= 0.003);
}

#[tokio::test]
async fn the_starter_tells_watches_from_the_rest_at_its_own_threshold() {
    let Some(shared) = shared() else { return };
    let labelled = labels(&shared);
    let model = load(&repository().join("models"), "starter-watch").await;
    let threshold = model.manifest().threshold.value.get();
    let scores = confidences(&model, &shared, &labelled).await;
    let (f1, auc) = (f1(&labelled, &scores, threshold), roc_auc(&labelled, &scores));
    say(&format!("starter-watch: F1 {f1:.4} at its threshold {threshold}, ROC AUC {auc:.5}"));
    assert!(f1 >= 0.85);
}

#[test]
fn the_notebooks_table_is_that_of_scikit_learn() {
    let Some(shared) = shared() else { return };
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_chronograde"))
        .arg("--models")
        .arg(shared.join("models"))
        .args(["--json", "evaluate", "--model", CLASSIFIER, "--labels"])
        .arg(shared.join("data/labels.csv"))
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let found: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let golden = fs::read(shared.join("golden/threshold_metrics.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&golden).unwrap();
    // What does not depend on the last decimals of a confidence is equal.
    for name in ["n", "positives", "roc_auc", "average_precision", "best_f1", "youden_j"] {
        assert_near(&found[name], &expected[name]);
    }
    let [found, expected] = [&found, &expected].map(|table| table["thresholds"].as_array().unwrap());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        for name in ["threshold", "f1", "accuracy", "precision", "recall", "specificity", "mcc"] {
            assert_near(&found[name], &expected[name]);
        }
        assert_eq!(found["confusion"], expected["confusion"]);
    }
}

fn assert_near(found: &serde_json::Value, expected: &serde_json::Value) {
    let [found, expected] = [found, expected].map(|value| value.as_f64().unwrap());
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn an_auc_and_an_f1_worked_out_by_hand() {
    let labelled: Vec<_> = [(true, 0.9), (true, 0.4), (false, 0.4), (false, 0.1)]
        .map(|(is_watch, reference)| Labelled { file: String::new(), is_watch, reference })
        .into();
    let scores = [0.9, 0.4, 0.4, 0.1];
    // Pairs: 0.9 wins twice, 0.4 ties once and wins once.
    assert_eq!(roc_auc(&labelled, &scores), 3.5 / 4.0);
    // Above 0.4, strictly: one hit, one miss, no false alarm.
    assert_eq!(f1(&labelled, &scores, 0.4), 2.0 / 3.0);
}
