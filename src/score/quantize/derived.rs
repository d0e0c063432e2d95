//! The manifest of a quantized model: its original's, with another file.

use std::path::Path;

use toml::{Table, Value};

use crate::domain::ContentHash;

/// Why no manifest can be derived.
#[derive(Debug, thiserror::Error)]
pub enum DerivedError {
    /// The original cannot be read.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The original is no TOML.
    #[error("{0}")]
    Parse(#[from] toml::de::Error),
    /// The result cannot be written as TOML.
    #[error("{0}")]
    Write(#[from] toml::ser::Error),
}

/// The text of the manifest of `file`, whose bytes are `weights`, made from the model of `original`. It has the original's input,
/// output and cut-off; what only the original's numbers bear out is left out: golden value and what the cut-off was measured
/// on. Paths to other files are relative to the original's folder, or absolute where the manifest is read from elsewhere.
///
/// # Errors
/// See [`DerivedError`].
pub fn derived(original: &Path, file: &str, weights: &[u8], elsewhere: bool) -> Result<String, DerivedError> {
    let mut table: Table = toml::from_str(&std::fs::read_to_string(original)?)?;
    let name = original.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let title = table.get("title").and_then(Value::as_str).unwrap_or(&name).to_owned();
    for (key, value) in [
        ("file", file.into()),
        ("sha256", ContentHash::of(weights).to_string().into()),
        ("bytes", Value::Integer(i64::try_from(weights.len()).unwrap_or(i64::MAX))),
        ("urls", Value::Array(vec![])),
        ("title", format!("{title}, quantized").into()),
        ("source", format!("made from {name} by `chronograde models quantize`").into()),
    ] {
        table.insert(key.to_owned(), value);
    }
    table.remove("default");
    table.remove("accept");
    drop_key(&mut table, "golden", "expected");
    drop_key(&mut table, "threshold", "measured_on");
    if elsewhere {
        let folder = original.parent().unwrap_or(Path::new("")).canonicalize()?;
        for (section, key) in [("output", "labels"), ("golden", "image")] {
            let path = table.get_mut(section).and_then(|section| section.get_mut(key));
            if let Some(path) = path
                && let Some(relative) = path.as_str()
            {
                *path = folder.join(relative).to_string_lossy().into_owned().into();
            }
        }
    }
    Ok(toml::to_string(&table)?)
}

fn drop_key(table: &mut Table, section: &str, key: &str) {
    if let Some(section) = table.get_mut(section).and_then(Value::as_table_mut) {
        section.remove(key);
    }
}
