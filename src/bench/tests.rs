//! A tiny run of everything: the fields are there, and no figure is nonsense. How large they are is not tested.

use std::fs;

use serde_json::Value;

use super::*;
use crate::score;

fn positive(report: &Value, pointer: &str) {
    let figure = report.pointer(pointer).and_then(Value::as_f64);
    assert!(figure.is_some_and(|figure| figure > 0.0 && figure.is_finite()), "{pointer}: {figure:?}");
}

#[tokio::test]
async fn a_handful_of_drawn_pictures_gives_every_figure_and_leaves_nothing_behind() {
    let (images, scratch) = (tempfile::tempdir().unwrap(), data_dir());
    for (name, side) in [("a.png", 200), ("b.png", 320), ("c.bmp", 64)] {
        score::dial(side, side).save(images.path().join(name)).unwrap();
    }
    fs::write(images.path().join("notes.txt"), "no picture").unwrap();
    let plan = Plan {
        images: images.path().to_owned(),
        files: 7,
        repeat: 1,
        sweep_files: 200,
        bare: Duration::from_millis(1),
        scratch: scratch.path().to_owned(),
    };
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models").into();
    let settings = Settings { models, ..Settings::default() };
    let report = run(&plan, &settings, CancellationToken::new()).await.unwrap();
    let text = report.to_string();
    assert!(text.contains("dropped to ranked") && text.contains("infer starter-quality"), "{text}");
    let report = serde_json::to_value(&report).unwrap();
    for pointer in [
        "/bare_images_per_second",
        "/end_to_end_images_per_second",
        "/ratio",
        "/ratio_settled",
        "/machine/cores",
        "/machine/unsteadiness",
        "/rounds/0/models/0/images_per_second",
        "/rounds/0/models/1/images_per_second",
        "/rounds/0/end_to_end/settling_seconds",
        "/sweep/seconds",
        "/sweep/cpu_seconds",
        "/sweep/share_of_a_core",
    ] {
        positive(&report, pointer);
    }
    assert_eq!(report["workload"]["pictures"], 3);
    assert_eq!(report["workload"]["skipped"], 1);
    assert_eq!(report["sweep"]["files"], 200);
    let stages: Vec<&str> =
        report["stages"].as_array().unwrap().iter().filter_map(|stage| stage["stage"].as_str()).collect();
    assert_eq!(
        stages,
        [
            "import",
            "read",
            "decode",
            "measure",
            "rendition",
            "resize",
            "infer starter-watch",
            "infer starter-quality",
            "store"
        ]
    );
    for index in 0..stages.len() {
        positive(&report, &format!("/stages/{index}/median_ms"));
        positive(&report, &format!("/stages/{index}/p95_ms"));
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left behind");
}

/// A folder that the database's user can enter.
pub(super) fn data_dir() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap()
}

#[tokio::test]
async fn a_folder_without_pictures_is_refused_by_name() {
    let (images, scratch) = (tempfile::tempdir().unwrap(), data_dir());
    let plan = Plan {
        images: images.path().to_owned(),
        files: 1,
        repeat: 1,
        sweep_files: 1,
        bare: Duration::from_millis(1),
        scratch: scratch.path().to_owned(),
    };
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models").into();
    let settings = Settings { models, ..Settings::default() };
    let error = run(&plan, &settings, CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.contains(&images.path().display().to_string()), "{error}");
}
