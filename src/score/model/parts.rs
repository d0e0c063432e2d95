//! What a model is made of: one network, or those of an ensemble's members.

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
    let Kind::Ensemble(members) = &manifest.kind else { return Ok(Vec::new()) };
    let unsupported = |problem: String| LoadError::Unsupported { model: manifest.name.clone(), problem };
    let resolve = |member: &manifest::Member| {
        let part = catalogue
            .get(&member.name)
            .map_err(|error| unsupported(format!("its member {} cannot be used: {error}", member.name)))?;
        if part.task != manifest.task {
            let (ours, theirs) = (manifest.task, part.task);
            return Err(unsupported(format!(
                "it is a {ours} model, and its member {} a {theirs} model: average only models of one task",
                member.name
            )));
        }
        if part.network().is_none() {
            let problem = format!("its member {} is made of others: name networks", member.name);
            return Err(unsupported(problem));
        }
        // The mean of answers to two questions answers neither.
        if part.question != manifest.question {
            return Err(unsupported(format!(
                "it asks \"{}\", and its member {} answers \"{}\": average only models of one question, and give `question` in the \
                 ensemble's manifest, too",
                manifest.question.as_str(),
                member.name,
                part.question.as_str()
            )));
        }
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
pub(super) fn networks(
    manifest: &Manifest,
    members: &[(f64, Manifest)],
) -> Result<Vec<(f64, Network)>, LoadError> {
    match &manifest.kind {
        Kind::Network(network) => Ok(vec![(1.0, Network::clone(network))]),
        Kind::Head { base, .. } => Err(LoadError::Unsupported {
            model: manifest.name.clone(),
            problem: format!(
                "heads on the features of another model ({base}) are read, but not run by this version"
            ),
        }),
        Kind::Ensemble(_) => {
            let network = |(weight, member): &(f64, Manifest)| Some((*weight, member.network()?.clone()));
            Ok(members.iter().filter_map(network).collect())
        }
    }
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
