//! `chronograde models check`: each model is loaded as the service would load it.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::{exit, say};
use crate::{
    cli::Context,
    score::{Catalogue, Model, Runtime},
};

/// Checks the models of these names, or all whose weights are here.
pub(super) async fn run(
    context: &Context,
    catalogue: &Catalogue,
    names: &[String],
) -> anyhow::Result<ExitCode> {
    for name in names {
        catalogue.get(name)?;
    }
    let mut chosen = names.to_vec();
    if chosen.is_empty() {
        let here = catalogue.manifests().iter().filter(|manifest| manifest.is_downloaded());
        chosen.extend(here.map(|manifest| manifest.name.clone()));
    }
    if chosen.is_empty() {
        bail!("no model's weights are on this machine: fetch some with `chronograde models pull`");
    }
    let mut all_well = true;
    for name in chosen {
        all_well &= one(context, catalogue, &name).await;
    }
    Ok(exit(all_well))
}

/// Loads one model and says how that went; whether it can be served.
pub(super) async fn one(context: &Context, catalogue: &Catalogue, name: &str) -> bool {
    match load(context, catalogue, name).await {
        Ok(model) => {
            let (golden, fingerprint) = (model.golden(), model.fingerprint());
            let against =
                if golden.expected.is_some() { "as the manifest says" } else { "no value to compare with" };
            let line = json!({
                "name": name, "outcome": "fits", "golden_image": golden.image, "golden": golden.observed,
                "fingerprint": fingerprint.to_string(), "warnings": model.manifest().warnings(),
            });
            let text = format!(
                "{name}: checksum, names, shapes and types are right; {:.4} for {} ({against}); fingerprint {fingerprint}",
                golden.observed, golden.image
            );
            say(context, &line, &text);
            true
        }
        Err(error) => {
            let problem = format!("{error:#}");
            say(
                context,
                &json!({ "name": name, "outcome": "refused", "problem": problem }),
                &format!("{name}: {problem}"),
            );
            false
        }
    }
}

async fn load(context: &Context, catalogue: &Catalogue, name: &str) -> anyhow::Result<Model> {
    let runtime = Runtime::load(&context.settings.libraries())?;
    Ok(Model::load(catalogue, name, runtime, context.settings.engine()).await?)
}
