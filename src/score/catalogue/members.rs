//! Whether a model can be run at all, as the manifests say: the members of an ensemble must fit together.

use super::Catalogue;
use crate::score::manifest::{Kind, Manifest};

impl Catalogue {
    /// Why one of these models cannot be run, whatever weights come; none if it can. A member that is not there does not count: it may
    /// come, too.
    pub fn unfit(&self, manifest: &Manifest) -> Option<String> {
        match &manifest.kind {
            Kind::Network(_) => None,
            Kind::Head { base, .. } => Some(format!(
                "heads on the features of another model ({base}) are read, but not run by this version"
            )),
            Kind::Ensemble(members) => {
                members.iter().find_map(|member| misfit(manifest, self.get(&member.name).ok()?))
            }
        }
    }
}

/// Why a model cannot be a member of an ensemble.
fn misfit(ensemble: &Manifest, member: &Manifest) -> Option<String> {
    let name = &member.name;
    if member.task != ensemble.task {
        return Some(format!(
            "it is a {} model, and its member {name} a {} model: average only models of one task",
            ensemble.task, member.task
        ));
    }
    if member.network().is_none() {
        return Some(format!("its member {name} is made of others: name networks"));
    }
    // The mean of answers to two questions answers neither.
    (member.question != ensemble.question).then(|| {
        format!(
            "it asks \"{}\", and its member {name} answers \"{}\": average only models of one question, and give `question` in the \
             ensemble's manifest, too",
            ensemble.question.as_str(),
            member.question.as_str()
        )
    })
}
