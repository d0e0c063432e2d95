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
    score::{Catalogue, Kind, Manifest, ManifestError, Weights},
    serving,
    store::{
        model_change::{self, Kept},
        models::{self, Standing},
        thresholds::{self, InUse},
    },
};

/// What the catalog says of models.
#[derive(Default)]
struct Standings {
    /// Where they stand, by name.
    of: HashMap<String, Standing>,
    /// The pair that is being filled.
    filling: Option<Kept>,
    /// The thresholds that hold, by name.
    thresholds: HashMap<String, InUse>,
}

/// Prints every model of the folder.
pub(super) async fn run(context: &Context, catalogue: &Catalogue) -> anyhow::Result<ExitCode> {
    let standings = standings(context).await;
    let mut out = std::io::stdout().lock();
    if context.json {
        for manifest in catalogue.manifests() {
            writeln!(out, "{}", line(catalogue, manifest, &standings))?;
        }
        for refused in catalogue.refused() {
            writeln!(out, "{}", refused_line(refused, &standings))?;
        }
    } else {
        let mut rows = vec![cells(["model", "task", "default", "weights", "size", "threshold", "catalog"])];
        let manifests = catalogue.manifests().iter();
        rows.extend(manifests.map(|manifest| row(manifest, &catalogue.weights_of(manifest), &standings)));
        rows.extend(catalogue.refused().iter().map(|refused| refused_row(refused, &standings)));
        out.write_all(aligned(&rows).as_bytes())?;
        for refused in catalogue.refused() {
            writeln!(out, "{refused}")?;
        }
        for manifest in catalogue.manifests() {
            if let Some(problem) = catalogue.unfit(manifest) {
                writeln!(out, "{} cannot be run: {problem}", manifest.name)?;
            }
        }
        for clash in catalogue.clashes() {
            writeln!(out, "{clash}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the catalog says of its models. The folder is listed with or without one.
async fn standings(context: &Context) -> Standings {
    let settings = &context.settings;
    if settings.database_url.is_none() && !cluster::is_made(&settings.data_dir) {
        return Standings::default();
    }
    // As it is: who looks brings no table up to date.
    context.with_database_as_it_is(read).await.unwrap_or_else(|error| {
        tracing::warn!("the catalog does not say which models serve: {error:#}");
        Standings::default()
    })
}

async fn read(pool: &PgPool) -> anyhow::Result<Standings> {
    let mut conn = pool.acquire().await?;
    let of = models::standings(&mut conn).await?.into_iter().collect();
    let filling = model_change::kept(&mut conn).await?.into_iter().find(Kept::is_filling);
    let thresholds = thresholds::in_use(&mut conn).await?;
    Ok(Standings { of, filling, thresholds })
}

impl Standings {
    /// How far the model is, if it is being brought in.
    fn filling(&self, name: &str) -> Option<&Kept> {
        let is_filled = matches!(self.of.get(name), Some(Standing::Scoring | Standing::Held));
        self.filling.as_ref().filter(|_| is_filled)
    }

    /// Where the model stands, in words; nothing where the catalog does not know it.
    fn in_words(&self, name: &str) -> String {
        let standing = self.of.get(name).map_or("", Standing::as_str);
        match self.filling(name) {
            Some(Kept { scored, images, .. }) => format!("{standing}, {scored} of {images}"),
            None => standing.to_owned(),
        }
    }
}

/// A manifest that cannot be read: a model that serves may be that of one.
fn refused_line(refused: &ManifestError, standings: &Standings) -> Value {
    let name = refused.name();
    let standing = standings.of.get(&name).map(Standing::as_str);
    json!({ "name": name, "catalog": standing, "problem": refused.to_string() })
}

fn refused_row(refused: &ManifestError, standings: &Standings) -> Vec<String> {
    let name = refused.name();
    cells([&name, "", "", "manifest not read", "", "", &standings.in_words(&name)])
}

fn line(catalogue: &Catalogue, manifest: &Manifest, standings: &Standings) -> Value {
    let weights = catalogue.weights_of(manifest);
    let threshold = serving::threshold(manifest, &standings.thresholds);
    let measured_on =
        threshold.as_ref().filter(|in_use| !in_use.is_set).and_then(|in_use| in_use.measured_on.as_ref());
    json!({
        "name": manifest.name,
        "title": manifest.title,
        "task": manifest.task.as_str(),
        "default": manifest.default,
        "here": weights == Weights::Here,
        "arrived_bytes": if let Weights::Partial { there, .. } = weights { Some(there) } else { None },
        "can_be_pulled": manifest.network().is_some_and(|network| !network.urls.is_empty()),
        "file": manifest.network().map(|network| &network.file),
        "bytes": manifest.network().map(|network| network.bytes),
        "license": manifest.license,
        "threshold": threshold.as_ref().map(|in_use| in_use.value),
        "threshold_is_set": threshold.as_ref().map(|in_use| in_use.is_set),
        "threshold_measured_on": measured_on,
        "catalog": standings.of.get(&manifest.name).map(Standing::as_str),
        "filling": standings.filling(&manifest.name).map(|Kept { scored, images, is_paused, .. }| {
            json!({ "done": scored, "all": images, "held": is_paused })
        }),
        "problem": catalogue.unfit(manifest).or_else(|| Some(catalogue.clash_of(&manifest.name)?.to_string())),
    })
}

fn row(manifest: &Manifest, weights: &Weights, standings: &Standings) -> Vec<String> {
    let has_address = manifest.network().is_some_and(|network| !network.urls.is_empty());
    let here = match weights {
        Weights::Here => "here",
        Weights::Partial { there, of } => &Weights::so_far(*there, *of),
        Weights::Absent if has_address => "to be pulled",
        Weights::Absent => "missing",
        Weights::OtherSize(_) => "another file",
        Weights::MembersAbsent(_) => "members missing",
        Weights::Unfit(_) => "cannot be run",
    };
    let size = match &manifest.kind {
        Kind::Network(network) => DecimalBytes(network.bytes).to_string(),
        Kind::Head { base, .. } => format!("on {base}"),
        Kind::Ensemble(members) => format!("{} models", members.len()),
    };
    let threshold = match serving::threshold(manifest, &standings.thresholds) {
        None => "–".to_owned(),
        Some(in_use) if in_use.is_measured() => in_use.value.to_string(),
        Some(in_use) => format!("{}, not measured", in_use.value),
    };
    let default = if manifest.default { "yes" } else { "" };
    let standing = standings.in_words(&manifest.name);
    cells([&manifest.name, manifest.task.as_str(), default, here, &size, &threshold, &standing])
}
