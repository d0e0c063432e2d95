//! Manifests that cannot both be right.

use std::path::PathBuf;

use super::Catalogue;

/// Two manifests that want other bytes in one file, of which it can hold only one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{first}.toml and {second}.toml name the same file, {}, with another `sha256` or `bytes`: correct the one that is wrong, or give one of them a \
     `file` of its own",
    file.display()
)]
pub struct Clash {
    /// The file.
    pub file: PathBuf,
    /// One of the models.
    pub first: String,
    /// The other.
    pub second: String,
}

impl Clash {
    /// Whether it is about this model.
    pub fn is_of(&self, model: &str) -> bool {
        [&self.first, &self.second].into_iter().any(|name| name == model)
    }
}

impl Catalogue {
    /// The manifest that wants other bytes in the file of this model: what brings one of them takes the other away.
    pub fn clash_of(&self, model: &str) -> Option<Clash> {
        self.clashes().into_iter().find(|clash| clash.is_of(model))
    }

    /// The manifests that want other bytes in one file, pair by pair.
    pub fn clashes(&self) -> Vec<Clash> {
        let networks: Vec<_> =
            self.manifests().iter().filter_map(|model| Some((&model.name, model.network()?))).collect();
        let mut clashes = Vec::new();
        for (index, (first, one)) in networks.iter().enumerate() {
            let clashing = networks[index + 1..].iter().filter(|(_, other)| {
                one.file == other.file && (one.sha256, one.bytes) != (other.sha256, other.bytes)
            });
            clashes.extend(clashing.map(|(second, _)| Clash {
                file: one.file.clone(),
                first: (*first).clone(),
                second: (*second).clone(),
            }));
        }
        clashes
    }
}
