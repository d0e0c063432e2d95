//! A folder of pictures with their labels, as trainers of classifiers read it.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    pin::pin,
};

use anyhow::{Context as _, ensure};
use futures_util::TryStreamExt;
use serde::Deserialize;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    cli::{Context, score::progress_bar},
    domain::ImageId,
    export::{Export, Table, stream},
    ingest::original,
    objects::Objects,
    store::rankings::Ranking,
};

/// What the folder needs of an image's row.
#[derive(Deserialize)]
struct Row {
    image_id: Uuid,
    sha256: String,
    number: u64,
    format: String,
    watch: Option<bool>,
    verdict: Option<bool>,
    audit: bool,
    quality_mean: Option<f64>,
    human_mean: Option<f64>,
    votes: u32,
}

/// Writes `watch/` and `other/` with the pictures that have a label, and `labels.csv`. An existing folder must be empty.
pub(super) async fn write(
    context: &Context,
    pool: &PgPool,
    list: &Ranking,
    folder: &Path,
) -> anyhow::Result<()> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => true,
    };
    ensure!(is_empty, "{} is not empty: name another folder", folder.display());
    for class in ["watch", "other"] {
        fs::create_dir_all(folder.join(class))
            .with_context(|| format!("cannot write into {}", folder.display()))?;
    }
    let objects = Objects::local(&context.settings.store_dir())?;
    let mut table = csv::Writer::from_writer(BufWriter::new(File::create(folder.join("labels.csv"))?));
    table.write_record([
        "file",
        "sha256",
        "watch",
        "verdict",
        "audit",
        "quality_mean",
        "human_mean",
        "votes",
    ])?;
    let (mut copied, mut missing) = (0_u64, 0_u64);
    let bar = progress_bar(0);
    let mut text = pin!(stream(pool, list.clone(), Export::JsonLines(Table::Images)).await?);
    while let Some(piece) = text.try_next().await? {
        for line in std::str::from_utf8(&piece)?.lines() {
            let row: Row = serde_json::from_str(line)?;
            // Only people's word: the model's would come back as theirs.
            let Some(watch) = row.verdict else { continue };
            let Ok(original) = original::read(pool, &objects, ImageId(row.image_id)).await else {
                missing += 1;
                continue;
            };
            let class = if watch { "watch" } else { "other" };
            let file = format!("{class}/{}.{}", row.number, extension(&row.format));
            fs::write(folder.join(&file), original.bytes).with_context(|| format!("cannot write {file}"))?;
            table.write_record(record(&file, &row))?;
            copied += 1;
            bar.inc(1);
        }
    }
    table.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?.flush()?;
    bar.finish_and_clear();
    say(&format!("{copied} pictures in {}; {missing} could not be read\n", folder.display()))
}

fn record(file: &str, row: &Row) -> [String; 8] {
    let verdict =
        |verdict: Option<bool>| verdict.map(|watch| u8::from(watch).to_string()).unwrap_or_default();
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    [
        file.to_owned(),
        row.sha256.clone(),
        verdict(row.watch),
        verdict(row.verdict),
        row.audit.to_string(),
        number(row.quality_mean),
        number(row.human_mean),
        row.votes.to_string(),
    ]
}

fn extension(format: &str) -> &str {
    match format {
        "jpeg" => "jpg",
        other => other,
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stderr().write_all(text.as_bytes())?)
}
