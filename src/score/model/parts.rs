//! What a model is made of: one network, or those of an ensemble's members.

use std::iter;

use serde_json::json;

use super::LoadError;
use crate::{
    domain::ContentHash,
    score::{
        catalogue::Catalogue,
        manifest::{self, Kind, Manifest, Network},
    },
};

/// The manifests of an ensemble's members with their weights; nothing for another model.
pub(super) fn members(catalogue: &Catalogue, manifest: &Manifest) -> Result<Vec<(f64, Manifest)>, LoadError> {
    if let Some(problem) = catalogue.unfit(manifest) {
        return Err(LoadError::Unsupported { model: manifest.name.clone(), problem });
    }
    let Kind::Ensemble(members) = &manifest.kind else { return Ok(Vec::new()) };
    let resolve = |member: &manifest::Member| {
        let part = catalogue.get(&member.name).map_err(|error| LoadError::Unsupported {
            model: manifest.name.clone(),
            problem: format!("its member {} cannot be used: {error}", member.name),
        })?;
        Ok((member.weight, part.clone()))
    };
    members.iter().map(resolve).collect()
}

/// Whether all weights of a model are on this machine.
pub(super) fn are_here(
    catalogue: &Catalogue,
    manifest: &Manifest,
    members: &[(f64, Manifest)],
) -> Result<(), LoadError> {
    let parts = [manifest].into_iter().chain(members.iter().map(|(_, member)| member));
    let is_absent = |network: &Network| matches!(network.file.try_exists(), Ok(false));
    let absent = parts.filter(|part| part.network().is_some_and(is_absent));
    let absent: Vec<String> = absent.map(|part| part.name.clone()).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let way_out = catalogue.way_to_bring(&absent);
    Err(LoadError::Absent { model: manifest.name.clone(), absent, way_out })
}

/// The networks of a model with their weights in its mean.
pub(super) fn networks(manifest: &Manifest, members: &[(f64, Manifest)]) -> Vec<(f64, Network)> {
    let network = |(weight, manifest): (f64, &Manifest)| Some((weight, manifest.network()?.clone()));
    let members = members.iter().map(|(weight, member)| (*weight, member));
    iter::once((1.0, manifest)).chain(members).filter_map(network).collect()
}

/// A single network's own fingerprint; an ensemble's follows from its members' and their weights.
pub(super) fn fingerprint(networks: &[(f64, Network)]) -> ContentHash {
    match networks {
        [(_, network)] => network.fingerprint(),
        members => {
            let members: Vec<_> =
                members.iter().map(|(weight, network)| json!([network.fingerprint(), weight])).collect();
            manifest::fingerprint(&json!({ "members": members }))
        }
    }
}
