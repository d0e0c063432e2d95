use std::{fs, path::PathBuf};

use image::Rgb;

use super::*;
use crate::{
    domain::Task,
    score::tests::{models, runtime},
};

async fn load(name: &str) -> Result<Model, LoadError> {
    let catalogue = Catalogue::read(&models()).unwrap();
    Model::load(&catalogue, name, runtime(), EngineSettings::default()).await
}

async fn confidence(name: &str, picture: &RgbImage) -> f64 {
    let model = load(name).await.unwrap();
    let prediction = model.score(model.tensors(picture)).await.unwrap();
    match prediction.answer {
        Answer::Watch(score) => score.confidence.get(),
        Answer::Quality(distribution) => distribution.mean(),
    }
}

fn plain(colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(40, 30, Rgb(colour))
}

/// A third red, a third green, a third blue, from left to right: 12×4.
fn tricolour() -> RgbImage {
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
    RgbImage::from_fn(12, 4, |x, _| Rgb(colours[x as usize / 4]))
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
}

#[tokio::test]
async fn mean_and_std_are_in_the_order_in_which_the_model_receives_the_channels() {
    // (pixel/255 − [0.5, 0.25, 0]) / [0.25, 0.25, 0.5] for red: 2, −1, 0 in RGB; −2, −1, 2 in BGR.
    close(
        confidence("tiny-watch", &plain([255, 0, 0])).await,
        2_f64.exp() / (2_f64.exp() + (-1_f64).exp() + 1.0),
    );
    let sum = (-2_f64).exp() + (-1_f64).exp() + 2_f64.exp();
    close(confidence("tiny-watch-bgr", &plain([255, 0, 0])).await, 2_f64.exp() / sum);
}

#[tokio::test]
async fn a_squash_sees_the_whole_picture_and_a_crop_its_centre() {
    // The crop is pure green: logits −2, 3, 0. The squash mixes a third of each: logits about −2/3, 1/3, 2/3.
    close(
        confidence("tiny-watch-crop", &tricolour()).await,
        (-2_f64).exp() / ((-2_f64).exp() + 3_f64.exp() + 1.0),
    );
    let squashed = confidence("tiny-watch", &tricolour()).await;
    let expected = (-2_f64 / 3.0).exp() / ((-2_f64 / 3.0).exp() + (1_f64 / 3.0).exp() + (2_f64 / 3.0).exp());
    assert!((squashed - expected).abs() < 0.005, "{squashed}, expected {expected}");
}

#[tokio::test]
async fn bytes_reach_the_model_as_they_are() {
    close(confidence("tiny-watch-bytes-1", &plain([64, 128, 64])).await, 0.5);
    close(
        confidence("tiny-watch-probabilities", &plain([255, 0, 0])).await,
        1_f64.exp() / (1_f64.exp() + 2.0),
    );
}

#[tokio::test]
async fn an_ensemble_is_the_weighted_mean_of_its_members() {
    let picture = plain([200, 30, 90]);
    let members = (confidence("tiny-watch", &picture).await, confidence("tiny-watch-bgr", &picture).await);
    close(confidence("tiny-ensemble", &picture).await, (3.0 * members.0 + members.1) / 4.0);
}

#[tokio::test]
async fn the_starters_serve_and_say_what_the_drawn_dial_is() {
    let catalogue = Catalogue::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models")).unwrap();
    for (task, expected, dimension) in [(Task::Watch, 0.6607, 192), (Task::Quality, 7.1587, 256)] {
        let name = catalogue.default_for(task).unwrap().name.clone();
        let model = Model::load(&catalogue, &name, runtime(), EngineSettings::default()).await.unwrap();
        assert!(model.golden().agrees_with(expected), "{name}: {:?}", model.golden());
        assert_eq!(model.features_dimension(), Some(dimension));
        assert_eq!(model.golden().image, "drawn dial 1");
    }
}

#[tokio::test]
async fn a_model_whose_numbers_moved_is_refused() {
    let model = load("tiny-watch").await.unwrap();
    let observed = model.golden().observed;
    assert!(model.check_recorded(observed + 0.004).is_ok());
    let message = model.check_recorded(observed + 0.006).unwrap_err().to_string();
    assert!(message.contains("tiny-watch is not served") && message.contains("golden"), "{message}");
}

#[tokio::test]
async fn the_manifests_golden_picture_and_answer_are_held_against_the_model() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tiny-labels.txt", "tiny-means.onnx"] {
        fs::copy(models().join(name), folder.path().join(name)).unwrap();
    }
    plain([255, 0, 0]).save(folder.path().join("red.png")).unwrap();
    let text = fs::read_to_string(models().join("tiny-watch.toml")).unwrap();
    let load = |golden: &'static str| {
        let (folder, text) = (folder.path().to_owned(), text.clone());
        async move {
            fs::write(folder.join("m.toml"), format!("{text}\n[golden]\n{golden}\n")).unwrap();
            Model::load(&Catalogue::read(&folder).unwrap(), "m", runtime(), EngineSettings::default()).await
        }
    };
    let model = load("image = \"red.png\"\nexpected = 0.8438").await.unwrap();
    assert_eq!((model.golden().image.as_str(), model.golden().tolerance), ("red.png", 0.005));
    let moved = load("image = \"red.png\"\nexpected = 0.9").await.unwrap_err().to_string();
    assert!(moved.contains("0.8438") && moved.contains("0.9000"), "{moved}");
    let absent = load("image = \"blue.png\"").await.unwrap_err().to_string();
    assert!(absent.contains("blue.png"), "{absent}");
    fs::remove_file(folder.path().join("tiny-means.onnx")).unwrap();
    let absent = load("image = \"blue.png\"").await.unwrap_err().to_string();
    assert!(absent.contains("blue.png"), "looked for before anything is opened: {absent}");
}

#[tokio::test]
async fn refusals_name_the_model() {
    for (name, problem) in [
        ("mobilenet_v2_imagenet_uint8", "are not here; "),
        ("tiny-watch-broken", "golden picture cannot be scored"),
        ("nobody", "there is no model"),
    ] {
        let message = load(name).await.unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(problem), "{message}");
    }
}

#[tokio::test]
async fn members_that_answer_different_questions_have_no_mean() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(models()).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let clock = folder.path().join("tiny-watch-bgr.toml");
    let text = fs::read_to_string(&clock).unwrap();
    fs::write(&clock, format!("question = \"watch or clock\"\n{text}")).unwrap();
    let catalogue = Catalogue::read(folder.path()).unwrap();
    let refused = Model::load(&catalogue, "tiny-ensemble", runtime(), EngineSettings::default()).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("it asks \"watch\""), "{message}");
    assert!(message.contains("its member tiny-watch-bgr answers \"watch or clock\""), "{message}");
}

#[tokio::test]
async fn an_ensemble_without_its_members_weights_names_each_and_how_it_comes_here() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tiny-labels.txt", "tiny-labels-bgr.txt", "tiny-ensemble.toml"] {
        fs::copy(models().join(name), folder.path().join(name)).unwrap();
    }
    let refused = async || {
        let catalogue = Catalogue::read(folder.path()).unwrap();
        let refused = Model::load(&catalogue, "tiny-ensemble", runtime(), EngineSettings::default()).await;
        refused.unwrap_err().to_string()
    };
    let message = refused().await;
    let unknown = "tiny-ensemble is not served: its member tiny-watch cannot be used: there is no model";
    assert!(message.contains(unknown), "{message}");
    for name in ["tiny-watch.toml", "tiny-watch-bgr.toml"] {
        let text = fs::read_to_string(models().join(name)).unwrap();
        let addressed = text.replace("urls = []", "urls = [\"https://example.org/x.onnx\"]");
        fs::write(folder.path().join(name), addressed).unwrap();
    }
    let message = refused().await;
    let absent = "tiny-ensemble is not served: the weights of tiny-watch and tiny-watch-bgr are not here; ";
    assert!(message.contains(absent), "{message}");
    assert!(message.contains("`chronograde models pull tiny-watch tiny-watch-bgr`"), "{message}");
}

#[tokio::test]
async fn an_ensembles_fingerprint_is_not_its_members() {
    let ensemble = load("tiny-ensemble").await.unwrap().fingerprint();
    assert_ne!(ensemble, load("tiny-watch").await.unwrap().fingerprint());
}
