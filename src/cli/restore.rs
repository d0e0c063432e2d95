//! `chronograde restore FILE`: a catalog from one file, into an empty place.

use std::{path::PathBuf, process::ExitCode};

use indicatif::{HumanCount, ProgressBar};
use serde_json::json;

use super::{Context, analyse::print, backup::bar};
use crate::{
    backup::{Backup, Restored},
    cluster::Database,
    config::Secret,
    shutdown,
};

/// Restore a backup into an empty data directory and an empty database
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file that `chronograde backup` wrote
    file: PathBuf,
}

/// Checks all of the backup, restores it, and says what there is now.
///
/// # Errors
/// The backup is damaged, or there is a catalog already: nothing is changed then.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let stop = shutdown::on_signal()?;
    let bar = bar()?;
    let (checking, file) = (bar.clone(), args.file.clone());
    let check = tokio::task::spawn_blocking(move || Backup::check(&file, &checking));
    let backup = tokio::select! {
        checked = check => checked??,
        () = stop.cancelled() => anyhow::bail!("stopped by a signal; nothing was restored"),
    };
    let url = context.settings.database_url.as_ref().map(Secret::reveal);
    let database = Database::open(url, &context.settings.data_dir).await?;
    let restored = tokio::select! {
        restored = restore(context, backup, &database, &bar) => restored,
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped by a signal before the restore was finished; begin again in an empty place")),
    };
    database.close().await?;
    let restored = restored?;
    let header = &restored.header;
    let rows: i64 = header.rows.values().sum();
    let mut text = format!(
        "restored the catalog of {}: {} rows in {} tables, all counted again; {} files, all hashes compared\n",
        header.created_at.format("%Y-%m-%d %H:%M UTC"),
        HumanCount(rows.unsigned_abs()),
        header.rows.len(),
        HumanCount(restored.files as u64)
    );
    if !header.models.is_empty() {
        text += &format!(
            "it was scored by {}: these models must be in {}\n",
            header.models.join(" and "),
            context.settings.models.display()
        );
    }
    for difference in &restored.differences {
        text += &format!("another setting: {difference}\n");
    }
    print(context, &text, || {
        Ok(json!({ "created_at": header.created_at, "rows": header.rows, "files": restored.files,
                   "models": header.models, "differences": restored.differences }))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn restore(
    context: &Context,
    backup: Backup,
    database: &Database,
    bar: &ProgressBar,
) -> anyhow::Result<Restored> {
    let restored = backup.restore(&context.settings, database, bar).await;
    bar.finish_and_clear();
    Ok(restored?)
}
