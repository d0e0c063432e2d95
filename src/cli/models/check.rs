//! `chronograde models check`: each model is loaded as the service would load it.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::{exit, say};
use crate::{
    cli::Context,
    score::Catalogue,
    serving::{Checked, Workshop},
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
        all_well &= one(context, &name).await;
    }
    Ok(exit(all_well))
}

/// Loads one model and says how that went; whether it can be served.
pub(super) async fn one(context: &Context, name: &str) -> bool {
    match Workshop::new(&context.settings).check(name).await {
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
