//! Weights that somebody brings, for machines without a way to the internet.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    FetchError,
    partial::{self, Partial},
};
use crate::{
    domain::ContentHash,
    score::{
        catalogue::{Catalogue, Clash},
        manifest::{Manifest, Network},
        weights,
    },
};

/// Why a file was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The file cannot be read.
    #[error("{} cannot be read: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
    /// The file is the pointer that Git keeps in place of a large file.
    #[error("{} is a Git LFS pointer, a short text that stands for the file in a Git repository: fetch the file itself (`git lfs pull`)", .0.display())]
    Pointer(PathBuf),
    /// No manifest names these bytes.
    #[error(
        "no manifest names {} ({bytes} bytes, SHA-256 {sha256}). {differences}. For a network of one's own, put the file into the models folder and \
         write a manifest beside it (see models/README.md)",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Its hash.
        sha256: ContentHash,
        /// What the manifests want instead.
        differences: String,
    },
    /// Another manifest wants other bytes in its place.
    #[error("{} was not put in its place: {clash}", path.display())]
    Clash {
        /// The file.
        path: PathBuf,
        /// The manifests.
        clash: Clash,
    },
    /// The file cannot be put in its place.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// A model whose weights were brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The model.
    pub name: String,
    /// Where its weights lie now.
    pub file: PathBuf,
}

/// Copies `path` to where the manifests that name its bytes want it, in one step each.
///
/// # Errors
/// No manifest names these bytes (the error says what each wants), another one wants other bytes where one of these wants them, so that
/// nothing is copied, or a copy cannot be written.
pub fn add(catalogue: &Catalogue, path: &Path) -> Result<Vec<Added>, AddError> {
    let unreadable = |problem| AddError::Unreadable { path: path.to_owned(), problem };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes <= weights::POINTER_BYTES && weights::is_pointer(&fs::read(path).map_err(unreadable)?) {
        return Err(AddError::Pointer(path.to_owned()));
    }
    let sha256 = weights::sha256(path).map_err(unreadable)?;
    let networks = || catalogue.manifests().iter().filter_map(|model| Some((model, model.network()?)));
    let named: Vec<_> = networks().filter(|(_, network)| network.sha256 == sha256).collect();
    if named.is_empty() {
        let mut differences = differences(networks(), path, bytes);
        // One of those that cannot be read may be meant.
        for refused in catalogue.refused() {
            differences += &format!(". Not read: {refused}");
        }
        return Err(AddError::Unknown { path: path.to_owned(), bytes, sha256, differences });
    }
    if let Some(clash) = named.iter().find_map(|(model, _)| catalogue.clash_of(&model.name)) {
        return Err(AddError::Clash { path: path.to_owned(), clash });
    }
    for (_, network) in &named {
        copy(path, network)?;
    }
    let added = named
        .into_iter()
        .map(|(model, network)| Added { name: model.name.clone(), file: network.file.clone() });
    Ok(added.collect())
}

fn copy(from: &Path, network: &Network) -> Result<(), FetchError> {
    let failed = |problem| FetchError::disk(&network.file, problem);
    if let (Ok(here), Ok(there)) = (from.canonicalize(), network.file.canonicalize())
        && here == there
    {
        // It was put there by hand: only made to last.
        return File::open(&here)
            .and_then(|file| file.sync_all())
            .and_then(|()| partial::sync_folder(&here))
            .map_err(failed);
    }
    let mut partial = Partial::open(&network.file)?;
    let mut file = File::open(from).map_err(failed)?;
    let mut chunk = vec![0; 256 * 1024];
    partial.clear().map_err(failed)?;
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => break,
            read => partial.append(&chunk[..read]).map_err(failed)?,
        }
    }
    // The file may have changed since it was hashed.
    if weights::sha256(partial.path()).map_err(failed)? != network.sha256 {
        partial.clear().map_err(failed)?;
        return Err(failed(io::Error::other("the file changed while it was copied")));
    }
    partial.install()
}

/// What the manifests say instead. One that wants this size or this name is probably meant.
fn differences<'a>(
    networks: impl Iterator<Item = (&'a Manifest, &'a Network)>,
    path: &Path,
    bytes: u64,
) -> String {
    let mut known = Vec::new();
    for (model, network) in networks {
        let name = &model.name;
        let file = network.file_name();
        if network.bytes == bytes {
            return format!(
                "It has the size that {name} wants, but that one has the SHA-256 {}: the file is damaged, or another version",
                network.sha256
            );
        }
        if path.file_name().is_some_and(|name| *name == *file) {
            return format!(
                "It has the name that {name} wants, but that one has {} bytes and the SHA-256 {}: the file is incomplete, or another version",
                network.bytes, network.sha256
            );
        }
        known.push(format!("{name} ({file}, {} bytes)", network.bytes));
    }
    if known.is_empty() {
        "There are no manifests".to_owned()
    } else {
        format!("There are: {}", known.join(", "))
    }
}
