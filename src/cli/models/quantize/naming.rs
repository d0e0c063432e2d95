//! What a new model is called.

use std::path::Path;

use anyhow::{bail, ensure};

use super::Args;
use crate::score::{Catalogue, Kind, Manifest};

/// What the new model is called: a name that is free, for a model that serves must stay what it is. Weights that no manifest names
/// were left behind by a run that was cut off, and keep nothing.
pub(super) fn new_name(args: &Args, catalogue: &Catalogue, folder: &Path) -> anyhow::Result<String> {
    let name = args.called.clone().unwrap_or_else(|| format!("{}-quantized", args.name));
    ensure!(
        is_name(&name),
        "{name:?}: a model's name is made of letters, digits, - _ and ., and begins with a letter or a digit"
    );
    let (manifest, weights) = (folder.join(format!("{name}.toml")), folder.join(file(&name)));
    let taken =
        if manifest.exists() { Some(manifest) } else { is_named(&weights, catalogue).then_some(weights) };
    match taken {
        Some(taken) => bail!(
            "{} is there already, and may be serving: choose another name with --as, or remove it",
            taken.display()
        ),
        None => Ok(name),
    }
}

/// Whether a manifest names these weights, which are there.
fn is_named(weights: &Path, catalogue: &Catalogue) -> bool {
    let file = |manifest: &Manifest| match &manifest.kind {
        Kind::Network(network) => network.file.canonicalize().ok(),
        Kind::Head { head, .. } => head.canonicalize().ok(),
        Kind::Ensemble(_) => None,
    };
    weights
        .canonicalize()
        .is_ok_and(|weights| catalogue.manifests().iter().any(|other| file(other).as_ref() == Some(&weights)))
}

/// Whether a file may be called so: none that is hidden, and no folder.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// The weights of a new model of this name.
pub(super) fn file(name: &str) -> String {
    format!("{name}.onnx")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_folder_and_not_empty() {
        assert!(is_name("resnet50-v1-12_int8.2"));
        for name in ["", ".", "..", ".hidden", "-as", "a/b", "a b", "ü"] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
