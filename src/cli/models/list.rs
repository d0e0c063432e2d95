//! `chronograde models list`.

use std::{collections::HashMap, io::Write, process::ExitCode};

use indicatif::DecimalBytes;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    cli::{
        Context,
        text::{aligned, cells},
    },
    cluster,
    domain::Task,
    score::{Catalogue, Kind, Manifest},
    store::models::{self, Standing},
};

/// Where models stand with the catalog, by name.
type Standings = HashMap<String, Standing>;

/// Prints every model of the folder.
pub(super) async fn run(context: &Context, catalogue: &Catalogue) -> anyhow::Result<ExitCode> {
    let standings = standings(context).await;
    let mut out = std::io::stdout().lock();
    if context.json {
        for manifest in catalogue.manifests() {
            writeln!(out, "{}", line(manifest, &standings))?;
        }
    } else {
        let mut rows = vec![cells(["model", "task", "default", "weights", "size", "threshold", "catalog"])];
        rows.extend(catalogue.manifests().iter().map(|manifest| row(manifest, &standings)));
        out.write_all(aligned(&rows).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the catalog says of its models. The folder is listed with or without one.
async fn standings(context: &Context) -> Standings {
    let settings = &context.settings;
    if settings.database_url.is_none() && !cluster::is_made(&settings.data_dir) {
        return Standings::new();
    }
    let work = async |pool: &PgPool| Ok(models::standings(&mut *pool.acquire().await?).await?);
    let answer = context.with_database(work).await;
    answer.map(|found| found.into_iter().collect()).unwrap_or_else(|error| {
        tracing::warn!("the catalog does not say which models serve: {error:#}");
        Standings::new()
    })
}

fn line(manifest: &Manifest, standings: &Standings) -> Value {
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
        "catalog": standings.get(&manifest.name).map(Standing::as_str),
    })
}

fn row(manifest: &Manifest, standings: &Standings) -> Vec<String> {
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
    let standing = standings.get(&manifest.name).map_or("", Standing::as_str);
    cells([&manifest.name, manifest.task.as_str(), default, here, &size, &threshold, standing])
}
