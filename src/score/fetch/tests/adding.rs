//! Files that somebody brings.

use super::*;

/// A folder with the manifest of the tiny watch model, whose weights are not there.
fn catalogue() -> (tempfile::TempDir, Catalogue) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tiny-watch.toml", "tiny-labels.txt"] {
        fs::copy(models().join(name), folder.path().join(name)).unwrap();
    }
    let catalogue = Catalogue::read(folder.path()).unwrap();
    (folder, catalogue)
}

#[test]
fn a_file_that_somebody_brings_finds_its_manifest_by_its_bytes() {
    let (folder, catalogue) = catalogue();
    let elsewhere = tempfile::tempdir().unwrap();
    let brought = elsewhere.path().join("download (1).onnx");
    fs::write(&brought, weights()).unwrap();
    let network = catalogue.get("tiny-watch").unwrap().network().unwrap();
    let expected = [Added { name: "tiny-watch".to_owned(), file: network.file.clone() }];
    assert_eq!(add(&catalogue, &brought).unwrap(), expected);
    assert!(Fetcher::is_there(network).unwrap() && brought.exists());
    // Brought again, or by hand to where it belongs: nothing breaks.
    assert_eq!(add(&catalogue, &network.file).unwrap(), expected);
    assert!(Fetcher::is_there(network).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_file_that_no_manifest_names_is_told_what_differs() {
    let (_folder, catalogue) = catalogue();
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = elsewhere.path().join(name);
        fs::write(&path, bytes).unwrap();
        add(&catalogue, &path).unwrap_err().to_string()
    };
    let damaged = refused("damaged.onnx", &vec![1; weights().len()]);
    assert!(damaged.contains("the size that tiny-watch wants") && damaged.contains("damaged"), "{damaged}");
    let incomplete = refused("tiny-means.onnx", &weights()[..90]);
    assert!(incomplete.contains("the name that tiny-watch wants"), "{incomplete}");
    let unknown = refused("other.onnx", b"something else");
    assert!(unknown.contains("There are: tiny-watch (tiny-means.onnx, 191 bytes)"), "{unknown}");
    assert!(refused("pointer.onnx", &pointer()).contains("Git LFS pointer"));
    assert!(add(&catalogue, &elsewhere.path().join("absent")).unwrap_err().to_string().contains("absent"));
}
