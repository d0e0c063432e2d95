//! `chronograde models check`: each model is loaded as the service would load it.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::{exit, say, spinning, tell_of_refused};
use crate::{
    cli::Context,
    score::{Catalogue, CatalogueError, Weights},
    serving::{Checked, Workshop},
};

/// Checks the models of these names, or all whose weights are here and the manifests that cannot be read.
pub(super) async fn run(
    context: &Context,
    catalogue: &Catalogue,
    names: &[String],
) -> anyhow::Result<ExitCode> {
    for name in names {
        // One that cannot be read is told of in its turn.
        if let Err(unknown @ CatalogueError::Unknown { .. }) = catalogue.get(name) {
            return Err(unknown.into());
        }
    }
    let mut chosen = names.to_vec();
    let mut all_well = true;
    if chosen.is_empty() {
        all_well = tell_of_refused(context, catalogue);
        // A file of another size is told of too, and what cannot be run.
        let here = catalogue.manifests().iter().filter(|manifest| {
            matches!(
                catalogue.weights_of(manifest),
                Weights::Here | Weights::OtherSize(_) | Weights::Unfit(_)
            )
        });
        chosen.extend(here.map(|manifest| manifest.name.clone()));
    }
    for clash in catalogue.clashes() {
        if names.is_empty() || names.iter().any(|name| clash.is_of(name)) {
            let line = json!({ "name": clash.first, "outcome": "clash", "with": clash.second, "problem": clash.to_string() });
            say(context, &line, &format!("{}: {clash}", clash.first));
            all_well = false;
        }
    }
    if chosen.is_empty() && all_well {
        bail!("no model's weights are on this machine: fetch some with `chronograde models pull`");
    }
    for name in chosen {
        all_well &= one(context, &name).await;
    }
    Ok(exit(all_well))
}

/// Loads one model and says how that went; whether it can be served.
pub(super) async fn one(context: &Context, name: &str) -> bool {
    let workshop = Workshop::new(&context.settings).in_the_foreground();
    match spinning(context, format!("{name} is loaded and checked"), workshop.check(name)).await {
        Ok(checked) => {
            let Checked { golden, fingerprint, warnings } = &checked;
            let line = json!({
                "name": name, "outcome": "fits", "golden_image": golden.image, "golden": golden.observed,
                "fingerprint": fingerprint.to_string(), "warnings": warnings,
            });
            say(context, &line, &format!("{name}: {checked}"));
            true
        }
        Err(error) => {
            let problem = format!("{:#}", anyhow::Error::from(error));
            say(
                context,
                &json!({ "name": name, "outcome": "refused", "problem": problem }),
                &format!("{name}: {problem}"),
            );
            false
        }
    }
}
