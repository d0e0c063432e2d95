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
fn a_file_is_put_in_no_place_where_one_of_its_places_is_wanted_for_other_bytes() {
    let (folder, _) = catalogue();
    let text = fs::read_to_string(folder.path().join("tiny-watch.toml")).unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("b.toml", text.replace("tiny-means", "shared"));
    write("c.toml", text.replace("tiny-means", "shared").replace("191", "192"));
    write("a.toml", text.replace("tiny-means", "own"));
    let catalogue = Catalogue::read(folder.path()).unwrap();
    assert_eq!((catalogue.manifests().len(), catalogue.clashes().len()), (4, 1));
    let brought = folder.path().join("brought.onnx");
    fs::write(&brought, weights()).unwrap();
    let refused = add(&catalogue, &brought).unwrap_err().to_string();
    assert!(refused.contains("was not put in its place: b.toml and c.toml name the same file"), "{refused}");
    for file in ["own.onnx", "shared.onnx", "tiny-means.onnx"] {
        assert!(!folder.path().join(file).exists(), "{file}");
    }
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
