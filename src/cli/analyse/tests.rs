use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use super::*;

/// A file of ../shared, or `None` after having said that it is not there.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")).join(path);
    if !path.is_file() {
        // Past the capture of tests' output, so that it is seen.
        writeln!(io::stderr(), "SKIPPED: {} is not there", path.display()).unwrap();
    }
    path.is_file().then_some(path)
}

/// Whether `found` has every key of `expected`, with equal numbers under it; it may have more keys.
fn assert_holds(found: &Value, expected: &Value, tolerance: f64) {
    match expected {
        Value::Object(expected) => {
            for (key, expected) in expected.iter().filter(|(key, _)| *key != "of") {
                assert_holds(&found[key], expected, tolerance);
            }
        }
        Value::Array(expected) => {
            let found = found.as_array().unwrap();
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(found, expected)| assert_holds(found, expected, tolerance));
        }
        expected if expected.is_u64() => assert_eq!(found.as_u64(), expected.as_u64()),
        expected => {
            let [found, expected] = [found, expected].map(|value| value.as_f64().unwrap());
            assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
        }
    }
}

fn golden(name: &str) -> Option<Value> {
    let path = shared(&format!("golden/{name}.json"))?;
    Some(serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
}

#[test]
fn json_has_the_keys_and_numbers_of_the_reference_files() {
    let Some(expected) = golden("threshold_metrics") else { return };
    let found = thresholds::read(&shared("data/labels.csv").unwrap()).unwrap();
    assert_holds(&found.json().unwrap(), &expected, 1e-9);

    let found = agreement::Agreement::read(&shared("golden/ava_pairs.csv").unwrap()).unwrap();
    assert_holds(&found.json(), &golden("ava_pairs").unwrap(), 1e-9);

    for name in ["p910_sample_data", "p910_small_sample_data"] {
        let found = mos::Scores::read(&shared(&format!("golden/{name}.csv")).unwrap()).unwrap();
        assert_holds(&found.json(), &golden(name).unwrap(), 1e-6);
    }
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.csv");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_list_of_votes_says_the_same_as_a_matrix_and_keeps_the_names() {
    let (_a, matrix) = written("3,nan,5\n4,6,\n9,8,9\n");
    let (_b, list) = written(
        "annotator,image,score,when\nann,one,3,x\nbob,two,6,x\nann,two,4,x\ncid,one,5,x\ncid,three,9,x\nann,three,9,x\nbob,three,8,x\n",
    );
    let [matrix, list] = [matrix, list].map(|path| mos::Scores::read(&path).unwrap().json());
    assert_eq!(list["images"], serde_json::json!(["one", "two", "three"]));
    assert_eq!(list["annotators"], serde_json::json!(["ann", "bob", "cid"]));
    assert_eq!(matrix.get("images"), None);
    for key in ["mos_j", "mos_plain", "bias_i", "krippendorff_alpha"] {
        assert_holds(&list[key], &matrix[key], 1e-9);
    }
}

#[test]
fn a_row_or_a_column_without_votes_keeps_its_place() {
    let (_folder, path) = written("3,nan,5,nan\nnan,,na,\n4,6,5,nan\nnan,nan,nan,nan\n");
    let scores = mos::Scores::read(&path).unwrap().json();
    assert_eq!(scores["mos_plain"], serde_json::json!([4.0, null, 5.0, null]));
    assert_eq!(scores["bias_i"].as_array().unwrap().len(), 4);
    assert!(scores["bias_i"][3].is_null() && scores["sos_j"][1].is_null());
}

#[test]
fn errors_name_the_place_and_what_is_wrong_there() {
    let error = |text: &str, read: fn(&Path) -> anyhow::Result<()>| {
        let (_folder, path) = written(text);
        format!("{:#}", read(&path).unwrap_err())
    };
    let thresholds = |path: &Path| thresholds::read(path).map(drop);
    let agreement = |path: &Path| agreement::Agreement::read(path).map(drop);
    let mos = |path: &Path| mos::Scores::read(path).map(drop);

    let found = error("watch,confidence\n1,0.5\n", thresholds);
    assert!(
        found.ends_with("has no column `watch_confidence`; its columns are: watch, confidence"),
        "{found}"
    );
    let found = error("watch,watch_confidence\n1,0.5\n0,1.5\n", thresholds);
    assert!(
        found.contains("line 3, column `watch_confidence`: a watch confidence must lie between"),
        "{found}"
    );
    let found = error("watch,watch_confidence\n1,0.5\n1,0.6\n", thresholds);
    assert!(found.contains("all 2 labelled images are watches"), "{found}");

    let header: Vec<_> = ["votes", "model"]
        .iter()
        .flat_map(|kind| (1..=10).map(move |score| format!("{kind}_{score}")))
        .collect();
    let table = |row: &str| format!("{}\n{row}\n", header.join(","));
    let found = error(&table("0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0"), agreement);
    assert!(found.ends_with("line 2, column `votes_1`: there are no votes"), "{found}");
    let found = error(&table("0,1,0,0,0,0,0,0,0,0,0,0,0,2,0,0,0,0,0,0"), agreement);
    assert!(found.contains("column `model_1`: the quality distribution adds up to 2"), "{found}");

    let found = error("1,2\n3,much\n", mos);
    assert!(found.contains("line 2, column 2: \"much\" is not a vote"), "{found}");
    let found = error("image,annotator,score\na,ann,3\na,ann,4\n", mos);
    assert!(
        found.ends_with("line 3, column `annotator`: \"ann\" has voted on \"a\" already; keep one vote"),
        "{found}"
    );
    assert!(mos(Path::new("/nowhere.csv")).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn scores_that_follow_one_rater_are_warned_of_by_name() {
    // The first votes the mean of the two others on every image.
    let (_folder, path) =
        written(&(0..40).map(|image| format!("5,{},{}\n", 5 + image % 4, 5 - image % 4)).collect::<String>());
    let doubt = mos::Scores::read(&path).unwrap().doubt().unwrap();
    assert!(doubt.starts_with("The estimate ran towards 1, whose votes would be the scores"), "{doubt}");
    let (_folder, path) = written("image,annotator,score\na,ann,3\na,bob,4\nb,ann,7\nb,bob,6\n");
    let doubt = mos::Scores::read(&path).unwrap().doubt().unwrap();
    assert!(doubt.starts_with("Two people voted"), "{doubt}");
    if let Some(path) = shared("golden/p910_sample_data.csv") {
        assert_eq!(
            mos::Scores::read(&path).unwrap().doubt(),
            None,
            "many raters an image are no cause for doubt"
        );
    }
}

#[test]
fn text_says_when_scores_are_not_to_be_relied_on() {
    let (_folder, path) = written("3,nan,5\n4,6,\n9,8,9\n");
    let scores = mos::Scores::read(&path).unwrap();
    let text = scores.to_string();
    let warned = text.contains("had not come to rest");
    assert_eq!(warned, scores.json()["converged"] == false, "{text}");
}
