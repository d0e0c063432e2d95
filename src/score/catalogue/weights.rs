//! What lies where the weights of a model belong.

use std::fs;

use super::{Catalogue, CatalogueError};
use crate::score::{
    fetch,
    manifest::{Kind, Manifest, Network},
};

/// What a glance at the folder tells of a model's weights; whether the bytes are the right ones, loading tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// They are here.
    Here,
    /// There is no such file.
    Absent,
    /// There is no such file yet: a pull brought some of its bytes.
    Partial {
        /// Bytes that arrived.
        there: u64,
        /// Bytes of the file.
        of: u64,
    },
    /// There is another file, of so many bytes.
    OtherSize(u64),
    /// The members of an ensemble that are not here.
    MembersAbsent(Vec<String>),
    /// The model cannot be run whatever is here: why.
    Unfit(String),
}

impl Weights {
    /// How much of a file arrived: `41.2 of 102.6 MB here`.
    #[expect(clippy::cast_precision_loss, reason = "a tenth of a MB is shown")]
    pub fn so_far(there: u64, of: u64) -> String {
        if of < MB {
            format!("{there} of {of} bytes here")
        } else {
            format!("{:.1} of {:.1} MB here", there as f64 / MB as f64, of as f64 / MB as f64)
        }
    }
}

/// Bytes, as powers of ten.
const MB: u64 = 1_000_000;

impl Catalogue {
    /// What is here of the weights of one of these models.
    pub fn weights_of(&self, manifest: &Manifest) -> Weights {
        if let Some(why) = self.unfit(manifest) {
            return Weights::Unfit(why);
        }
        let members = match &manifest.kind {
            Kind::Network(network) => return of_network(network),
            Kind::Head { .. } => &[][..],
            Kind::Ensemble(members) => members,
        };
        let names = members.iter().map(|member| &member.name);
        let absent: Vec<String> = names.filter(|name| !self.is_member_here(name)).cloned().collect();
        if absent.is_empty() { Weights::Here } else { Weights::MembersAbsent(absent) }
    }

    /// What has to be done for the weights of these models to come to this machine: a pull, or by hand where a manifest names no address.
    pub fn way_to_bring(&self, names: &[String]) -> String {
        let (mut pulled, mut by_hand, mut unread, mut unwritten) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for name in names {
            match self.get(name).map(Manifest::network) {
                Ok(Some(network)) if network.urls.is_empty() => by_hand.push(network.in_words()),
                Ok(_) => pulled.push(name.as_str()),
                Err(CatalogueError::Unknown { .. }) => unwritten.push(format!("{name}.toml")),
                Err(_) => unread.push(format!("{name}.toml")),
            }
        }
        let steps = [
            (!pulled.is_empty()).then(|| {
                format!("fetch what is missing with `chronograde models pull {}`", pulled.join(" "))
            }),
            (!by_hand.is_empty())
                .then(|| format!("bring {} with `chronograde models add FILE`", by_hand.join(" and "))),
            (!unread.is_empty()).then(|| format!("put {} right, which cannot be read", unread.join(" and "))),
            (!unwritten.is_empty())
                .then(|| format!("write {}, or leave out what has no manifest", unwritten.join(" and "))),
        ];
        steps.into_iter().flatten().collect::<Vec<_>>().join(", and ")
    }

    fn is_member_here(&self, name: &str) -> bool {
        let network = self.get(name).ok().and_then(Manifest::network);
        network.is_some_and(|network| of_network(network) == Weights::Here)
    }
}

fn of_network(network: &Network) -> Weights {
    match fs::metadata(&network.file) {
        Err(_) => match fetch::arrived(&network.file) {
            // Of more than there should be nothing is gone on from.
            there if (1..=network.bytes).contains(&there) => Weights::Partial { there, of: network.bytes },
            _ => Weights::Absent,
        },
        Ok(file) if file.is_file() && file.len() == network.bytes => Weights::Here,
        Ok(file) => Weights::OtherSize(file.len()),
    }
}
