//! `chronograde models list`.

use std::{io::Write, process::ExitCode};

use indicatif::DecimalBytes;
use serde_json::{Value, json};

use crate::{
    cli::{
        Context,
        text::{aligned, cells},
    },
    domain::Task,
    score::{Catalogue, Kind, Manifest},
};

/// Prints every model of the folder.
pub(super) fn run(context: &Context, catalogue: &Catalogue) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if context.json {
        for manifest in catalogue.manifests() {
            writeln!(out, "{}", line(manifest))?;
        }
    } else {
        let mut rows = vec![cells(["model", "task", "default", "weights", "size", "threshold"])];
        rows.extend(catalogue.manifests().iter().map(row));
        out.write_all(aligned(&rows).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(manifest: &Manifest) -> Value {
    let threshold = (manifest.task == Task::Watch).then(|| manifest.threshold.value.get());
    json!({
        "name": manifest.name,
        "title": manifest.title,
        "task": manifest.task.as_str(),
        "default": manifest.default,
        "here": manifest.is_downloaded(),
        "can_be_pulled": manifest.network().is_some_and(|network| !network.urls.is_empty()),
        "file": manifest.network().map(|network| &network.file),
        "bytes": manifest.network().map(|network| network.bytes),
        "license": manifest.license,
        "threshold": threshold,
        "threshold_measured_on": manifest.threshold.measured_on,
    })
}

fn row(manifest: &Manifest) -> Vec<String> {
    let here = match (manifest.is_downloaded(), manifest.network()) {
        (true, _) => "here",
        (false, Some(network)) if !network.urls.is_empty() => "to be pulled",
        (false, _) => "missing",
    };
    let size = match &manifest.kind {
        Kind::Network(network) => DecimalBytes(network.bytes).to_string(),
        Kind::Head { base, .. } => format!("on {base}"),
        Kind::Ensemble(members) => format!("{} models", members.len()),
    };
    let threshold = match (manifest.task, &manifest.threshold.measured_on) {
        (Task::Quality, _) => "–".to_owned(),
        (Task::Watch, Some(_)) => manifest.threshold.value.to_string(),
        (Task::Watch, None) => format!("{}, not measured", manifest.threshold.value),
    };
    let default = if manifest.default { "yes" } else { "" };
    cells([&manifest.name, manifest.task.as_str(), default, here, &size, &threshold])
}
