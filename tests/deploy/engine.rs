//! What the networks are computed with, and int8 models: in processes of their own, which load their own libraries.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use chronograde::score::{Libraries, Provider, Runtime, RuntimeError, dial};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn chronograde(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chronograde"))
        .args(arguments)
        .current_dir(root())
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// A folder of drawn dials, no two of them alike.
fn pictures(count: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let mut picture = dial(320 + number, 240);
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            let light = 96 + (number * 37 + x * (number % 5) + y * (number % 3)) % 160;
            pixel.0 = pixel.0.map(|value| u8::try_from(u32::from(value) * light / 255).unwrap());
        }
        picture.save(folder.path().join(format!("{number}.png"))).unwrap();
    }
    folder
}

#[test]
fn a_provider_that_no_library_has_is_refused_with_the_way_out() {
    let folder = pictures(1);
    let output =
        chronograde(&["score", folder.path().to_str().unwrap()], &[("CHRONOGRADE_PROVIDER", "cuda")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("CHRONOGRADE_PROVIDER is cuda") && said.contains("go back to cpu"), "{said}");
}

/// In this process, which loads the library for no other test.
#[test]
fn a_library_that_lacked_something_is_asked_again_and_serves_once_it_is_there() {
    let without = |plugin: Option<&str>| {
        let plugin = plugin.map(PathBuf::from);
        Runtime::load(&Libraries { provider: Provider::Cuda, plugin, ..Libraries::default() }).map(drop)
    };
    assert!(matches!(without(Some("/nowhere/plugin.so")), Err(RuntimeError::PluginNotThere(_))));
    for _ in 0..2 {
        let refusal = without(None).unwrap_err();
        assert!(matches!(refusal, RuntimeError::NoProvider { provider: Provider::Cuda, .. }), "{refusal}");
    }
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("libonnxruntime.so");
    fs::write(&other, "another build").unwrap();
    let another = Libraries { runtime: Some(other.clone()), ..Libraries::default() };
    let refusal = Runtime::load(&another).unwrap_err().to_string();
    assert!(
        refusal.contains(other.to_str().unwrap()) && refusal.contains("start chronograde again"),
        "{refusal}"
    );
    assert_eq!(Runtime::load(&Libraries::default()).unwrap().provider(), Provider::Cpu);
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn openvino_says_what_the_processors_own_kernels_say() {
    if !root().join(".runtime/openvino/libonnxruntime.so").exists() {
        eprintln!("SKIPPED: no .runtime/openvino here (scripts/setup openvino fetches it)");
        return;
    }
    let folder = pictures(3);
    let ask = |provider| {
        let output = chronograde(
            &["--json", "score", folder.path().to_str().unwrap()],
            &[("CHRONOGRADE_PROVIDER", provider)],
        );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["quality_mean"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let (own, openvino) = (ask("cpu"), ask("openvino"));
    assert_eq!(own.len(), 3);
    for (own, openvino) in own.iter().zip(&openvino) {
        assert!((own - openvino).abs() < 0.01, "{own} {openvino}");
    }
}

/// A models folder with the starters only.
fn starters() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("models")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("starter-") {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

/// As many dials and checkered boards, no two of them alike, and a table that says which are which.
fn labelled(each: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = pictures(each);
    let mut table = "file,watch\n".to_owned();
    for number in 0..each {
        let side = 8 + number % 40;
        let board = image::RgbImage::from_fn(320 + number, 240, |x, y| {
            let light =
                if (x / side + y / side) % 2 == 0 { 40 + number * 31 % 60 } else { 130 + number * 17 % 120 };
            image::Rgb([u8::try_from(light).unwrap(); 3])
        });
        board.save(folder.path().join(format!("board-{number}.png"))).unwrap();
        table += &format!("{number}.png,1\nboard-{number}.png,0\n");
    }
    let labels = folder.path().join("labels.csv");
    fs::write(&labels, table).unwrap();
    (folder, labels)
}

/// Runs `chronograde models quantize NAME` on a folder of models: what it says, its report, and whether it went well.
fn quantize(models: &Path, arguments: &[&str]) -> (String, Value, bool) {
    let all = [&["--json", "--models", models.to_str().unwrap(), "models", "quantize"], arguments].concat();
    let output = chronograde(&all, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (said, report, output.status.success())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn an_int8_model_that_still_tells_watches_from_other_things_is_kept_exactly_when_its_ranks_agree() {
    let (models, (pictures, labels)) = (starters(), labelled(60));
    let (said, report, is_kept) = quantize(
        models.path(),
        &[
            "starter-watch",
            "--calibrate",
            "40",
            "--compare",
            "80",
            "--script",
            "scripts/convert",
            "--images",
            pictures.path().to_str().unwrap(),
            "--labels",
            labels.to_str().unwrap(),
        ],
    );
    let parity = &report["parity"];
    assert_eq!(
        (parity["images"].as_u64(), report["name"].as_str()),
        (Some(80), Some("starter-watch-quantized")),
        "{said}"
    );
    let auc = |whose: &str| parity["auc"][whose].as_f64().unwrap();
    assert_eq!(parity["auc"]["labelled"], 80);
    assert!(auc("original") > 0.9 && auc("original") - auc("quantized") <= 0.002, "{report}");
    let srcc = parity["srcc"].as_f64().unwrap();
    assert!(srcc > 0.9 && parity["largest_difference"].as_f64().unwrap() > 0.0, "{report}");
    // Whether these drawings lie far enough apart for a rank correlation of 0.99 is not what is tested.
    assert_eq!(is_kept, srcc >= 0.99, "{report}");
    let names = names(models.path());
    let has = |name: &str| names.iter().any(|other| other == name);
    assert_eq!(has("starter-watch-quantized.toml"), is_kept, "{names:?}");
    assert!(has(&format!("starter-watch-quantized.{}.json", if is_kept { "parity" } else { "refused" })));
    assert!(!names.iter().any(|name| name.starts_with(".quantize-")), "{names:?}");
}

/// A folder with the model `tiny-watch`, which is the surer of a watch the redder a picture is, and pictures: reds of all kinds,
/// and in `near` 60 that are all but the same red, of which a table calls the redder half watches.
struct Reds(tempfile::TempDir);

impl Reds {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tiny = root().join("tests/models");
        for name in ["tiny-watch.toml", "tiny-labels.txt", "tiny-means.onnx"] {
            fs::copy(tiny.join(name), folder.path().join(name)).unwrap();
        }
        let near = folder.path().join("pictures/near");
        fs::create_dir_all(&near).unwrap();
        // Sixteenths of a level of red, by pixels that are one level higher.
        let save = |path: PathBuf, sixteenths: u32| {
            let red = |x: u32, y: u32| sixteenths / 16 + u32::from(4 * y + x < sixteenths % 16);
            let picture =
                image::RgbImage::from_fn(4, 4, |x, y| image::Rgb([u8::try_from(red(x, y)).unwrap(), 90, 90]));
            picture.save(path).unwrap();
        };
        (0..480).for_each(|number| save(near.with_file_name(format!("{number}.png")), number * 8));
        let mut table = "file,watch\n".to_owned();
        for number in 0..60 {
            save(near.join(format!("{number}.png")), 121 * 16 + number * 3);
            table += &format!("near/{number}.png,{}\n", u8::from(number >= 30));
        }
        fs::write(folder.path().join("pictures/labels.csv"), table).unwrap();
        Self(folder)
    }

    /// Quantizes with a script that calls `network` of the tests the int8 model.
    fn quantize(&self, network: &str, arguments: &[&str]) -> (String, Value, bool) {
        let folder = self.0.path();
        let script = folder.join("script");
        let network = root().join("tests/models").join(network);
        fs::write(&script, format!("#!/bin/sh\ncp '{}' \"$4\" && echo '{{}}'\n", network.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let (script, pictures) = (script.to_str().unwrap(), folder.join("pictures"));
        let images = ["--images", pictures.to_str().unwrap()];
        let numbers = ["tiny-watch", "--calibrate", "40", "--compare", "500", "--script", script];
        quantize(folder, &[&numbers[..], &images, arguments].concat())
    }

    fn has(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }
}

#[test]
fn a_model_that_tells_watches_from_other_things_worse_is_refused_though_its_ranks_agree() {
    let reds = Reds::new();
    let table = reds.0.path().join("pictures/labels.csv");
    let with_labels = ["--labels", table.to_str().unwrap()];
    let (said, report, is_kept) = reds.quantize("tiny-coarse.onnx", &with_labels);
    assert!(!is_kept && report["parity"]["srcc"].as_f64().unwrap() >= 0.99, "{said} {report}");
    let failures = report["failures"].as_array().unwrap();
    assert!(failures.len() == 1 && failures[0].as_str().unwrap().contains("ROC"), "{report}");
    assert_eq!(report["parity"]["auc"]["labelled"], 60, "what has a label is not spent on calibrating");
    assert!(reds.has("tiny-watch-quantized.refused.json"));
    assert!(!reds.has("tiny-watch-quantized.toml") && !reds.has("tiny-watch-quantized.onnx"));

    let (said, report, is_kept) = reds.quantize("tiny-means.onnx", &with_labels);
    assert!(is_kept && report["parity"]["auc"]["quantized"] == 1.0, "{said} {report}");
    assert!(report["parity"]["auc_not_compared"].is_null());
}

#[test]
fn without_labels_a_model_is_kept_and_it_is_said_that_nobody_knows_how_well_it_tells_watches() {
    let reds = Reds::new();
    // A run that was cut off between weights and manifest.
    fs::write(reds.0.path().join("tiny-watch-quantized.onnx"), "left behind").unwrap();
    let (said, report, is_kept) = reds.quantize("tiny-coarse.onnx", &[]);
    assert!(is_kept && report["parity"]["auc"].is_null(), "{said} {report}");
    let remark = report["parity"]["auc_not_compared"].as_str().unwrap();
    assert!(remark.contains("at least 25 watches") && remark.contains("--labels FILE.csv"), "{remark}");
    assert!(reds.has("tiny-watch-quantized.toml") && reds.has("tiny-watch-quantized.parity.json"));
    let weights = fs::read(reds.0.path().join("tiny-watch-quantized.onnx")).unwrap();
    assert_eq!(weights, fs::read(root().join("tests/models/tiny-coarse.onnx")).unwrap());

    let (said, _, is_kept) = reds.quantize("tiny-means.onnx", &[]);
    assert!(!is_kept && said.contains("is there already, and may be serving"), "{said}");
    fs::rename(reds.0.path().join("tiny-watch-quantized.toml"), reds.0.path().join("mine.toml")).unwrap();
    let (said, _, is_kept) = reds.quantize("tiny-means.onnx", &[]);
    assert!(
        !is_kept && said.contains("tiny-watch-quantized.onnx is there already"),
        "another manifest's: {said}"
    );
    let table = reds.0.path().join("labels.csv");
    fs::write(&table, "file,watch\nelsewhere.png,1\n").unwrap();
    let (said, _, _) = reds.quantize("tiny-means.onnx", &["--as", "b", "--labels", table.to_str().unwrap()]);
    assert!(said.contains("labels.csv names is there"), "{said}");
}
