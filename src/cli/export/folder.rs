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
    verdict: Option<bool>,
    audit: bool,
    quality_mean: Option<f64>,
    human_mean: Option<f64>,
    votes: u32,
}

impl Row {
    /// Where its picture goes. A trainer that reads `watch/` and `other/` never sees the audit set, which is to judge it.
    fn file(&self, is_watch: bool) -> String {
        let set = if self.audit { "audit/" } else { "" };
        let class = if is_watch { "watch" } else { "other" };
        format!("{set}{class}/{}.{}", self.number, extension(&self.format))
    }
}

/// The folders that pictures are written into.
const FOLDERS: [&str; 4] = ["watch", "other", "audit/watch", "audit/other"];
const LABELS: &str = "labels.csv";
/// Of that table.
const COLUMNS: [&str; 7] = ["file", "sha256", "verdict", "audit", "quality_mean", "human_mean", "votes"];

/// Writes the pictures that have a label by people into `watch/` and `other/`, those of the audit set below `audit/`, and
/// `labels.csv`. An existing folder must be empty; after an error it is so again.
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
    let objects = Objects::local(&context.settings.store_dir())?;
    let filled = fill(pool, &objects, list, folder).await;
    if filled.is_err() {
        clear(folder);
    }
    let Filled { copied, missing } = filled?;
    say(&format!("{copied} pictures in {}; {missing} could not be read\n", folder.display()))
}

/// How many pictures were copied, and how many could not be.
#[derive(Default)]
struct Filled {
    copied: u64,
    missing: u64,
}

async fn fill(pool: &PgPool, objects: &Objects, list: &Ranking, folder: &Path) -> anyhow::Result<Filled> {
    for class in FOLDERS {
        fs::create_dir_all(folder.join(class))
            .with_context(|| format!("cannot write into {}", folder.display()))?;
    }
    let mut table = csv::Writer::from_writer(BufWriter::new(File::create(folder.join(LABELS))?));
    table.write_record(COLUMNS)?;
    let mut filled = Filled::default();
    let bar = progress_bar(0);
    let mut text = pin!(stream(pool, list.clone(), Export::JsonLines(Table::Images)).await?);
    while let Some(piece) = text.try_next().await? {
        for line in std::str::from_utf8(&piece)?.lines() {
            let row: Row = serde_json::from_str(line)?;
            // Only people's word: the model's would come back as theirs.
            let Some(is_watch) = row.verdict else { continue };
            let Ok(original) = original::read(pool, objects, ImageId(row.image_id)).await else {
                filled.missing += 1;
                continue;
            };
            let file = row.file(is_watch);
            fs::write(folder.join(&file), original.bytes).with_context(|| format!("cannot write {file}"))?;
            table.write_record(record(file, is_watch, &row))?;
            filled.copied += 1;
            bar.inc(1);
        }
    }
    table.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?.flush()?;
    bar.finish_and_clear();
    Ok(filled)
}

/// Takes away what [`fill`] wrote into a folder that was empty, as far as that can be done.
fn clear(folder: &Path) {
    for class in ["watch", "other", "audit"] {
        drop(fs::remove_dir_all(folder.join(class)));
    }
    drop(fs::remove_file(folder.join(LABELS)));
}

fn record(file: String, is_watch: bool, row: &Row) -> [String; COLUMNS.len()] {
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    [
        file,
        row.sha256.clone(),
        u8::from(is_watch).to_string(),
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
