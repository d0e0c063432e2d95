//! `chronograde export`: the images of a list, and what people said about them, as files.

mod folder;

use std::{
    fs::Permissions,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
};

use anyhow::Context as _;
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;

use super::{Context, telemetry};
use crate::{
    export::{Export, stream},
    store::rankings::Ranking,
};

/// Write images, votes or corrections as CSV, JSON Lines, AVA.txt, NIMA's JSON, or a folder of pictures
///
/// docs/EXPORT.md says what the columns mean. Only images that have what the list is sorted by are in it; --list sort=newest has
/// them all.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["export", "folder"]))]
pub struct Args {
    /// images.csv, images.jsonl, votes.csv, votes.jsonl, corrections.csv, corrections.jsonl, AVA.txt or nima.json
    #[arg(value_name = "NAME")]
    export: Option<Export>,
    /// Copy the pictures that people labelled into DIR/watch and DIR/other, those of the audit set into the same folders of
    /// DIR/audit, with DIR/labels.csv
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Which images: what stands behind the question mark of a ranking's address
    #[arg(long, value_name = "QUERY", default_value = "sort=newest", value_parser = Ranking::strictly)]
    list: Ranking,
    /// Write to this file [default: standard output]
    #[arg(long, short, value_name = "FILE", conflicts_with = "folder")]
    out: Option<PathBuf>,
}

/// Runs `chronograde export`.
///
/// # Errors
/// The database refuses, or the file cannot be written; a file that was begun is not left.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let work = async |pool: &PgPool| match (args.export, &args.folder) {
        (_, Some(folder)) => folder::write(context, pool, &args.list, folder).await,
        (Some(export), None) => match &args.out {
            None => write(pool, &args.list, export, &mut io::stdout()).await,
            Some(path) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                // Whoever may read what this user writes may read an export, too.
                let mut file = tempfile::Builder::new()
                    .permissions(Permissions::from_mode(0o666))
                    .tempfile_in(folder.unwrap_or(Path::new(".")))
                    .with_context(|| format!("cannot write {}", path.display()))?;
                write(pool, &args.list, export, &mut file).await?;
                file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
                Ok(())
            }
        },
        (None, None) => anyhow::bail!("name what is to be exported, or a --folder"),
    };
    context.with_database(work).await?;
    Ok(ExitCode::SUCCESS)
}

async fn write(pool: &PgPool, list: &Ranking, export: Export, out: &mut impl Write) -> anyhow::Result<()> {
    let bar = telemetry::below_the_log(ProgressBar::no_length());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bytes} ({bytes_per_sec})") {
        bar.set_style(style);
    }
    let mut text = pin!(stream(pool, list.clone(), export).await?);
    while let Some(piece) = text.try_next().await? {
        match out.write_all(&piece) {
            // Whoever reads has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("the export cannot be written")?,
        }
        bar.inc(piece.len() as u64);
    }
    out.flush().context("the export cannot be written")?;
    bar.finish_and_clear();
    Ok(())
}
