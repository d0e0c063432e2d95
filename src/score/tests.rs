//! Manifest, session and head together, on real sessions with the tiny models of `tests/models`. The numbers
//! are worked out by hand: every tiny model answers with the channel means of its 4×4 pixels.

use std::path::{Path, PathBuf};

use super::*;
use crate::score::Libraries;
use crate::{
    decode::{Dtype, Layout, Tensor},
    domain::Task,
};

pub(crate) fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

pub(super) fn manifest(name: &str) -> Manifest {
    Manifest::read(&models().join(format!("{name}.toml"))).unwrap()
}

pub(crate) fn runtime() -> &'static Runtime {
    Runtime::load(&Libraries::default()).unwrap()
}

pub(super) fn network(name: &str) -> Network {
    manifest(name).network().unwrap().clone()
}

/// A 4×4 tensor whose three channels hold one value each.
pub(super) fn plain(network: &Network, channels: [f32; 3]) -> Tensor {
    let values: Vec<f32> = match network.input.layout {
        Layout::Nchw => channels.iter().flat_map(|value| [*value; 16]).collect(),
        Layout::Nhwc => [channels; 16].as_flattened().to_vec(),
    };
    match network.input.dtype {
        Dtype::F32 => Tensor::F32(values),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests give bytes")]
        Dtype::U8 => Tensor::U8(values.into_iter().map(|value| value as u8).collect()),
    }
}

fn answers(name: &str, images: &[[f32; 3]]) -> Vec<Result<Answer, OutputError>> {
    let manifest = manifest(name);
    let network = manifest.network().unwrap();
    let mut session = Session::open(runtime(), network, 1).unwrap();
    let tensors: Vec<Tensor> = images.iter().map(|channels| plain(network, *channels)).collect();
    let rows = session.run(&tensors.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(rows.len(), images.len());
    rows.iter().map(|row| answer(manifest.task, network, &row.output, session.is_quantised())).collect()
}

fn watch(answer: Result<Answer, OutputError>) -> WatchScore {
    match answer.unwrap() {
        Answer::Watch(score) => score,
        Answer::Quality(_) => panic!("a quality answer"),
    }
}

fn refusal(network: &Network) -> String {
    Session::open(runtime(), network, 1).unwrap_err().to_string()
}

#[test]
fn logits_become_probabilities_by_softmax() {
    let score = watch(answers("tiny-watch", &[[2.0, -1.0, 0.0]]).remove(0));
    let sum = 2_f64.exp() + (-1_f64).exp() + 1.0;
    assert!((score.confidence.get() - 2_f64.exp() / sum).abs() < 1e-6);
    let order: Vec<_> = score.top.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(order, ["red", "blue", "green"]);
    assert_eq!(score.positives.len(), 1);
}

#[test]
fn probabilities_are_taken_as_they_are() {
    let score = watch(answers("tiny-watch-probabilities", &[[1.0, 0.0, 0.0]]).remove(0));
    assert!((score.confidence.get() - 1_f64.exp() / (1_f64.exp() + 2.0)).abs() < 1e-6);
}

#[test]
fn bytes_are_scaled_and_the_background_is_skipped() {
    // (64 background, 128 positive, 64) / 256
    let score = watch(answers("tiny-watch-bytes-1", &[[64.0, 128.0, 64.0]]).remove(0));
    assert_eq!(score.confidence.get(), 0.5);
    assert_eq!(score.positives, [("green".to_owned(), 0.5)]);
}

#[test]
fn a_quality_model_gives_a_distribution() {
    let Answer::Quality(uniform) = answers("tiny-quality", &[[0.0; 3]]).remove(0).unwrap() else { panic!() };
    assert!((uniform.mean() - 5.5).abs() < 1e-6);
    assert!((uniform.std() - 8.25_f64.sqrt()).abs() < 1e-6);
}

#[test]
fn a_fixed_batch_is_filled_up_and_the_order_kept() {
    let images = [[0.0, 10.0, 0.0], [0.0, 20.0, 0.0], [0.0, 30.0, 0.0]];
    for name in ["tiny-watch-bytes-1", "tiny-watch-bytes-2"] {
        let confidences: Vec<f64> =
            answers(name, &images).into_iter().map(|answer| watch(answer).confidence.get()).collect();
        assert_eq!(confidences, [10.0 / 256.0, 20.0 / 256.0, 30.0 / 256.0], "{name}");
    }
}

#[test]
fn a_batch_of_any_size_gives_the_numbers_of_single_images() {
    let images: Vec<[f32; 3]> = (0..5_u8).map(|step| [f32::from(step), 1.0, 0.5]).collect();
    let together = answers("tiny-watch", &images);
    for (image, answer) in images.iter().zip(together) {
        assert_eq!(answer.unwrap(), answers("tiny-watch", &[*image]).remove(0).unwrap());
    }
}

#[test]
fn the_features_output_is_kept() {
    let network = network("tiny-watch");
    let mut session = Session::open(runtime(), &network, 1).unwrap();
    let row = session.run(&[&plain(&network, [0.5, 0.25, 1.0])]).unwrap().remove(0);
    assert_eq!(row.features, Some(vec![0.5, 0.25, 1.0]));
}

#[test]
fn an_output_that_is_no_number_fails_its_image_only() {
    let mut answers = answers("tiny-watch-nan", &[[1.0; 3], [0.0; 3]]);
    assert!(matches!(answers.pop().unwrap(), Err(OutputError::NotFinite { .. })));
    assert!((watch(answers.pop().unwrap()).confidence.get() - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn logits_declared_as_probabilities_are_refused_with_a_hint() {
    let mut network = network("tiny-watch");
    network.output.activation = Activation::None;
    let message = answer(Task::Watch, &network, &[5.0, -3.0, 1.0], false).unwrap_err().to_string();
    assert!(message.contains("softmax"), "{message}");
}

#[test]
fn sums_that_are_off_by_rounding_are_accepted_and_others_fail() {
    let mut network = network("tiny-watch");
    network.output.activation = Activation::None;
    let ask = |raw: [f64; 3], quantised| answer(Task::Watch, &network, &raw, quantised);
    assert_eq!(watch(ask([1.0005, -0.0002, 0.0], false)).confidence.get(), 1.0);
    assert!(matches!(ask([0.9, 0.0, 0.0], false), Err(OutputError::Sum { .. })));
    assert!(matches!(ask([0.6, 0.41, 0.0], false), Err(OutputError::Sum { .. })));
    assert!(ask([0.6, 0.41, 0.0], true).is_ok());
    assert!(matches!(ask([0.6, 0.43, 0.0], true), Err(OutputError::Sum { .. })));
    // Bytes lose what rounds to 0, which no tolerance bounds.
    assert_eq!(watch(ask([0.3, 0.1, 0.1], true)).confidence.get(), 0.3);
}

#[test]
fn a_file_that_differs_from_its_manifest_is_refused_with_both_values() {
    let change = |change: &dyn Fn(&mut Network)| {
        let mut network = network("tiny-watch");
        change(&mut network);
        refusal(&network)
    };
    let cases: [(&str, &str, String); 8] = [
        ("no input picture", "image", change(&|network| network.input.tensor = "picture".into())),
        ("no output scores", "logits, means", change(&|network| network.output.tensor = "scores".into())),
        ("any×3×4×4", "3×4×5", change(&|network| network.input.width = 5)),
        ("any×3×4×4", "4×4×3", change(&|network| network.input.layout = Layout::Nhwc)),
        ("type f32", "says u8", change(&|network| network.input.dtype = Dtype::U8)),
        ("any×3", "4 classes", change(&|network| network.output.classes = 4)),
        ("no output more", "logits, means", change(&|network| network.output.features = Some("more".into()))),
        ("191 bytes", "not 190", change(&|network| network.bytes = 190)),
    ];
    for (found, expected, message) in cases {
        assert!(message.contains(found) && message.contains(expected), "{message}");
    }
}

#[test]
fn a_fixed_batch_must_be_named() {
    let mut network = network("tiny-watch-bytes-2");
    network.input.batch = None;
    assert!(refusal(&network).contains("batch = 2"));
    network.input.batch = Some(4);
    assert!(refusal(&network).contains("fixes the batch at 2, the manifest says 4"));
}

#[test]
fn other_bytes_and_absent_bytes_are_refused() {
    let mut network = network("tiny-watch");
    network.sha256 = crate::domain::ContentHash::of(b"another file");
    assert!(refusal(&network).contains("SHA-256"));
    network.file = models().join("absent.onnx");
    assert!(refusal(&network).contains("not downloaded"));
    let folder = tempfile::tempdir().unwrap();
    network.file = folder.path().join("pointer.onnx");
    std::fs::write(&network.file, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 191\n")
        .unwrap();
    assert!(refusal(&network).contains("a Git LFS pointer"));
    // A file with a hole, larger than any memory, of which nothing is read.
    std::fs::File::create(&network.file).unwrap().set_len(1 << 43).unwrap();
    assert!(refusal(&network).contains("they have 8796093022208 bytes, not 191"), "{}", refusal(&network));
}

#[test]
fn a_file_that_is_no_network_is_refused() {
    let mut network = network("tiny-watch");
    network.file = models().join("tiny-labels.txt");
    network.bytes = 15;
    network.sha256 = crate::domain::ContentHash::of(b"red\ngreen\nblue\n");
    assert!(refusal(&network).contains("ONNX Runtime does not open"));
}
