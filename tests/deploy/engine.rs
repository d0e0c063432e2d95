//! What the networks are computed with, and int8 models: in processes of their own, which load their own libraries.

use std::{
    fs,
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

#[test]
fn an_int8_model_is_kept_exactly_when_it_says_nearly_the_same() {
    let (models, pictures) = (starters(), pictures(60));
    let output = chronograde(
        &[
            "--json",
            "--models",
            models.path().to_str().unwrap(),
            "models",
            "quantize",
            "starter-watch",
            "--calibrate",
            "30",
            "--compare",
            "30",
            "--script",
            "scripts/convert",
            "--images",
            pictures.path().to_str().unwrap(),
        ],
        &[],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let parity = &report["parity"];
    assert_eq!(
        (parity["images"].as_u64(), report["name"].as_str()),
        (Some(30), Some("starter-watch-quantized"))
    );
    let srcc = parity["srcc"].as_f64().unwrap();
    assert!(srcc > 0.5 && parity["largest_difference"].as_f64().unwrap() > 0.0, "{report}");
    // Whether these drawings lie far enough apart for a rank correlation of 0.99 is not what is tested.
    let kept = models.path().join("starter-watch-quantized.toml").exists();
    assert_eq!((kept, output.status.success()), (srcc >= 0.99, srcc >= 0.99), "{report}");
    let report =
        if kept { "starter-watch-quantized.parity.json" } else { "starter-watch-quantized.refused.json" };
    assert!(models.path().join(report).exists());
    let names: Vec<String> = fs::read_dir(models.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with(".quantize-")), "{names:?}");
}
