use std::{fs, path::PathBuf};

use super::*;
use crate::score::tests::{manifest, models, network};

/// `tiny-watch.toml` with one text replaced by another, read.
fn changed(from: &str, to: &str) -> Result<Manifest, ManifestError> {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(models().join("tiny-labels.txt"), folder.path().join("tiny-labels.txt")).unwrap();
    let text = fs::read_to_string(models().join("tiny-watch.toml")).unwrap();
    assert!(text.contains(from), "{from}");
    let path = folder.path().join("changed.toml");
    fs::write(&path, text.replace(from, to)).unwrap();
    Manifest::read(&path)
}

#[test]
fn the_shipped_manifests_are_read_and_their_weights_are_there() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
    for (name, task) in [("starter-watch", Task::Watch), ("starter-quality", Task::Quality)] {
        let manifest = Manifest::read(&folder.join(format!("{name}.toml"))).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.task), (name, task));
        assert!(
            manifest.network().unwrap().is_downloaded() && manifest.default && manifest.warnings().is_empty()
        );
    }
}

#[test]
fn the_manifests_of_networks_that_are_fetched_say_what_is_published_of_them() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
    let read = |name: &str| Manifest::read(&folder.join(format!("{name}.toml"))).unwrap();
    for name in ["resnet50-v1-12", "resnet50-v1-12-int8"] {
        let manifest = read(name);
        let network = manifest.network().unwrap();
        let positives = ["analog clock", "digital clock", "digital watch", "stopwatch", "wall clock"];
        assert_eq!(network.positive_labels(), positives);
        assert_eq!(network.urls.len(), 2);
        assert!(manifest.accept.is_none() && manifest.warnings()[0].contains("was not measured"));
    }
    let nima = read("nima-mobilenet-aesthetic");
    assert!(nima.license.is_none() && nima.accept.unwrap().contains("models/convert"));
}

#[test]
fn weights_that_are_absent_are_no_error() {
    let manifest = manifest("mobilenet_v2_imagenet_uint8");
    let network = manifest.network().unwrap();
    assert!(!network.is_downloaded());
    let labels = &network.labels;
    let positives: Vec<_> = [410, 531, 532, 827, 893].map(|index| labels[index].as_str()).into();
    assert_eq!(positives, ["analog clock", "digital clock", "digital watch", "stopwatch", "wall clock"]);
}

#[test]
fn a_refusal_names_the_file_the_table_the_key_and_the_way_out() {
    let cases = [
        ("filter = \"bilinear\"", "filter = \"cubic\"", "[input] filter", "bicubic"),
        ("fit = \"squash\"", "fit = \"squash\"\nfits = 1", "[input] fits", "expected one of"),
        ("fit = \"squash\"", "fit = \"crop\"", "[input] resize_shortest", "needs the shorter side"),
        ("width = 4", "width = 0", "[input] width", "between 1 and 4096"),
        ("std = [0.25, 0.25, 0.5]", "std = [0.25, 0.0, 0.5]", "[input] scale, std", "not 0"),
        ("dtype = \"f32\"", "dtype = \"u8\"", "[input] scale, mean, std", "remove them"),
        ("width = 4\n", "", "[input]", "missing key `width`"),
        ("positive = [0]", "positive = [3]", "[output] positive", "the last one is 2"),
        ("positive = [0]", "positive = []", "[output] positive", "name the classes"),
        ("positive = [0]", "positive = [1, 1]", "[output] positive", "twice"),
        ("classes = 3", "classes = 4", "[output] labels", "3 lines"),
        ("tiny-labels.txt", "absent.txt", "[output] labels", "absent.txt"),
        ("task = \"watch\"", "task = \"quality\"", "[output] classes", "ten bins"),
        ("task = \"watch\"", "task = \"beauty\"", "line 1, task", "quality"),
        ("default = 0.5", "default = 1.5", "[threshold]", "between 0 and 1"),
        ("bytes = 191", "", "bytes", "stat -c %s"),
        ("urls = []", "members = []", "", "exactly one of"),
        ("urls = []", "urls = [\"ftp://example.org/x\"]", "urls", "begins with https://"),
        ("urls = []", "urls = [\"models/x.onnx\"]", "urls", "no address"),
        ("urls = []", "accept = true", "line 6, accept", "expected a string"),
        ("urls = []", "url = []", "line 6, url", "unknown key `url`, expected one of"),
        (
            "urls = []",
            "urls = \"https://example.org/x\"",
            "line 6, urls",
            "expected a list in square brackets",
        ),
        (
            "bytes = 191",
            "bytes = \"191\"",
            "line 5, bytes",
            "wrong type: string \"191\", expected a whole number",
        ),
        ("bytes = 191", "bytes = -1", "line 5, bytes", "expected a whole number"),
        ("fit = \"squash\"", "fit = \"squeeze\"", "[input] fit", "unknown value `squeeze`"),
        ("28486d41", "28486d", "line 4, sha256", "64 hexadecimal digits, as `sha256sum` prints them"),
        ("mean = [0.5, 0.25, 0.0]", "mean = 0.5", "[input] mean", "three numbers in square brackets"),
    ];
    for (from, to, place, way_out) in cases {
        let message = changed(from, to).unwrap_err().to_string();
        assert!(message.contains("changed.toml") && message.contains(place), "{to}: {message}");
        assert!(message.contains(way_out), "{to}: {message}");
    }
}

/// A manifest of this text, read.
fn read(text: &str) -> Result<Manifest, ManifestError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.toml");
    fs::write(&path, text).unwrap();
    Manifest::read(&path)
}

#[test]
fn parts_that_do_not_fit_together_are_refused_one_by_one() {
    let cases = [
        ("[threshold]", "[golden]\ntolerance = 0.0\n[threshold]", "[golden] tolerance", "above 0"),
        ("[threshold]", "[golden]\ntolerance = 2.0\n[threshold]", "[golden] tolerance", "at most 1"),
        ("[threshold]", "[golden]\nexpected = 7.1\n[threshold]", "[golden] expected", "between 0 and 1"),
        ("[threshold]", "[golden]\ntolerance = nan\n[threshold]", "[golden] tolerance", "finite"),
        ("[threshold]", "[golden]\nexpected = inf\n[threshold]", "[golden] expected", "finite"),
        ("positive = [0]", "positive = [0]\nbackground_offset = 3", "[output] background_offset", "no class"),
        ("positive = [0]", "positive = [0]\nscale = 0.0", "[output] scale", "above 0"),
        ("positive = [0]", "positive = [0]\nscale = inf", "[output] scale", "finite"),
        ("width = 4", "width = 4\nbatch = 0", "[input] batch", "at least 1"),
        ("width = 4", "width = 4\nbatch = 1000000", "[input] batch", "at most 256"),
        (
            "width = 4\nheight = 4",
            "width = 4096\nheight = 4096\nbatch = 5",
            "[input] batch",
            "67108864 pixels",
        ),
        ("features = \"means\"", "features = \"logits\"", "[output] features", "another output"),
        (
            "fit = \"squash\"",
            "fit = \"crop\"\nresize_shortest = 3",
            "[input] resize_shortest",
            "smaller than the cut",
        ),
        (
            "fit = \"squash\"",
            "fit = \"crop\"\nresize_shortest = 25600",
            "[input] resize_shortest",
            "at most 4096",
        ),
        ("fit = \"squash\"", "fit = \"squash\"\nresize_shortest = 8", "[input] resize_shortest", "remove it"),
        ("mean = [0.5, 0.25, 0.0]", "mean = [0.5, 0.25]", "[input] mean", "expected three numbers"),
        ("mean = [0.5, 0.25, 0.0]", "mean = [0.5, nan, 0.0]", "[input] mean", "finite"),
        ("scale = 0.00392156862745098", "scale = 0.0", "[input] scale, std", "not 0"),
    ];
    for (from, to, place, way_out) in cases {
        let message = changed(from, to).unwrap_err().to_string();
        assert!(message.contains("changed.toml") && message.contains(place), "{to}: {message}");
        assert!(message.contains(way_out), "{to}: {message}");
    }
}

#[test]
fn parts_of_an_ensemble_or_a_head_that_do_not_fit_are_refused_one_by_one() {
    let one = "{ name = \"a\" }";
    let ensembles = [
        ("members = []".to_owned(), "members", "at least one"),
        (
            "members = [{ name = \"a\", weight = 0.0 }]".to_owned(),
            "members",
            "weight of a must be finite and above 0",
        ),
        ("members = [{ name = \"a\", weight = nan }]".to_owned(), "members", "weight of a must be finite"),
        (format!("members = [{one}, {one}]"), "members", "a is named twice: name it once"),
        (
            "members = [\"a\"]".to_owned(),
            "members",
            "expected a table such as { name = \"a-model\", weight = 1.0 }",
        ),
        (String::new(), "", "nothing says where its numbers come from"),
        ("members = [{ name = \"changed\" }]".to_owned(), "members", "this ensemble itself"),
        ("members = [{ weight = 1.0 }]".to_owned(), "members", "missing key `name`"),
        (
            format!("members = [{one}]\n[input]\n{INPUT}"),
            "[input]",
            "an ensemble has none of its own: remove it",
        ),
        (format!("members = [{one}]\nurls = []"), "urls", "an ensemble has none of its own: remove it"),
        (format!("{HEAD}\nbytes = 1"), "bytes", "a head has none of its own: remove it"),
        (format!("{HEAD}\n[input]\n{INPUT}"), "[input]", "a head has none of its own: remove it"),
        (HEAD.replace("h.onnx", "../h.onnx"), "head", "no file of the manifest's folder"),
    ];
    assert!(read(&format!("task = \"watch\"\n{HEAD}")).is_ok());
    for (text, place, way_out) in ensembles {
        let message = read(&format!("task = \"watch\"\n{text}")).unwrap_err().to_string();
        assert!(message.contains("changed.toml") && message.contains(place), "{text}: {message}");
        assert!(message.contains(way_out), "{text}: {message}");
    }
}

#[test]
fn a_quality_model_has_no_question_and_no_threshold() {
    let one = "{ name = \"a\" }";
    for (text, place) in [("question = \"watch\"", "question"), ("[threshold]\ndefault = 0.5", "[threshold]")]
    {
        let message =
            read(&format!("task = \"quality\"\nmembers = [{one}]\n{text}")).unwrap_err().to_string();
        let said = format!("{place}: belongs to watch models only: remove it");
        assert!(message.contains("changed.toml") && message.contains(&said), "{message}");
    }
}

const HEAD: &str = "base = \"a\"\nhead = \"h.onnx\"";

const INPUT: &str = "tensor = \"x\"\nlayout = \"nchw\"\ndtype = \"f32\"\nwidth = 4\nheight = 4\ncolour = \"rgb\"\nfit = \"squash\"\n\
                     filter = \"nearest\"";

#[test]
fn weights_lie_in_the_folder_of_their_manifest_or_below_it() {
    let from = "file = \"tiny-means.onnx\"";
    for file in ["/etc/cron.d/x", "../x.onnx", "a/../../x.onnx", "..", ".", ""] {
        let message = changed(from, &format!("file = \"{file}\"")).unwrap_err().to_string();
        let problem = "changed.toml: file: ".to_owned() + file + " is no file of the manifest's folder";
        assert!(message.contains(&problem), "{message}");
    }
    for file in ["starter-watch.toml", "labels.txt", "onnx"] {
        let message = changed(from, &format!("file = \"{file}\"")).unwrap_err().to_string();
        assert!(message.contains(&(file.to_owned() + " is no ONNX file")), "{message}");
    }
    for file in ["x.onnx", "./x.onnx", "weights/x.onnx", "..x.onnx"] {
        assert!(changed(from, &format!("file = \"{file}\"")).is_ok(), "{file}");
    }
}

#[test]
fn many_classes_are_refused_before_each_gets_a_label() {
    let message =
        changed("classes = 3\nlabels = \"tiny-labels.txt\"", "classes = 1000000000000").unwrap_err();
    assert_eq!(message.fault, Fault::new("[output] classes", "must lie between 1 and 100000"));
}

#[test]
fn long_manifests_and_labels_are_not_read() {
    let (folder, most) = (tempfile::tempdir().unwrap(), parse::MOST_BYTES as usize);
    let (path, labels) = (folder.path().join("long.toml"), folder.path().join("tiny-labels.txt"));
    let text = fs::read_to_string(models().join("tiny-watch.toml")).unwrap();
    let filled = |text: &str| text.to_owned() + &"#".repeat(most - text.len());
    fs::copy(models().join("tiny-labels.txt"), &labels).unwrap();
    fs::write(&path, filled(&text)).unwrap();
    Manifest::read(&path).unwrap();
    fs::write(&path, filled(&text) + "#").unwrap();
    let problem = Manifest::read(&path).unwrap_err().fault.problem;
    assert_eq!(problem, "the manifest cannot be read: it has 1048577 bytes, and at most 1048576 are read");
    fs::write(&path, text.replace("\"tiny-labels.txt\"", "\"/dev/zero\"")).unwrap();
    let fault = Manifest::read(&path).unwrap_err().fault;
    assert_eq!(fault, Fault::new("[output] labels", "/dev/zero cannot be read: it is no file"));
    fs::write(&path, text).unwrap();
    fs::write(labels, "a\n".repeat(most)).unwrap();
    assert!(Manifest::read(&path).unwrap_err().to_string().contains("at most 1048576 are read"));
}

#[test]
fn the_fingerprint_follows_what_decides_numbers_and_nothing_else() {
    let fingerprint = |manifest: Manifest| manifest.network().unwrap().fingerprint();
    let original = network("tiny-watch").fingerprint();
    assert_eq!(fingerprint(changed("urls = []", "urls = [\"https://example.org/x\"]").unwrap()), original);
    assert_eq!(fingerprint(changed("default = 0.5", "default = 0.25").unwrap()), original);
    assert_ne!(fingerprint(changed("bilinear", "lanczos").unwrap()), original);
    assert_ne!(fingerprint(changed("softmax", "none").unwrap()), original);
}

#[test]
fn a_threshold_that_nobody_measured_warns() {
    let without = changed("measured_on = \"nothing: red pictures are watches\"", "").unwrap();
    assert!(without.warnings()[0].contains("was not measured"));
    let the_notebooks = changed("default = 0.5", "default = 0.01").unwrap();
    assert!(the_notebooks.warnings()[0].contains("notebook"));
    assert_eq!(manifest("tiny-watch").warnings(), Vec::<String>::new());
}

#[test]
fn an_ensemble_names_its_members() {
    let Kind::Ensemble(members) = manifest("tiny-ensemble").kind else { panic!("no ensemble") };
    assert_eq!(members[0], Member { name: "tiny-watch".to_owned(), weight: 3.0 });
}
