//! What lies where the weights of a model belong.

use std::fs;

use super::Catalogue;
use crate::score::manifest::{Kind, Manifest, Network};

/// What a glance at the folder tells of a model's weights; whether the bytes are the right ones, loading tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// They are here.
    Here,
    /// There is no such file.
    Absent,
    /// There is another file, of so many bytes.
    OtherSize(u64),
    /// The members of an ensemble that are not here.
    MembersAbsent(Vec<String>),
    /// The model cannot be run whatever is here: why.
    Unfit(String),
}

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

    fn is_member_here(&self, name: &str) -> bool {
        let network = self.get(name).ok().and_then(Manifest::network);
        network.is_some_and(|network| of_network(network) == Weights::Here)
    }
}

fn of_network(network: &Network) -> Weights {
    match fs::metadata(&network.file) {
        Err(_) => Weights::Absent,
        Ok(file) if file.is_file() && file.len() == network.bytes => Weights::Here,
        Ok(file) => Weights::OtherSize(file.len()),
    }
}
