//! `chronograde backup FILE`: the catalog in one file.

use std::{path::PathBuf, process::ExitCode};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Context, analyse::print, telemetry};
use crate::{
    backup::{self, Plan},
    clock::Clock,
    cluster::Database,
    config::Secret,
    shutdown,
};

/// Write the catalog into one file, also while the service runs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file; one that is there already is left as it is
    file: PathBuf,
    /// Also the originals: stored ones, and those that lie in the upload directory
    #[arg(long)]
    originals: bool,
}

/// Writes the backup and says what is in it.
///
/// # Errors
/// Something cannot be read or written; no file is left then.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    context.ensure_catalog()?;
    let stop = shutdown::on_signal()?;
    let settings = &context.settings;
    let url = settings.database_url.as_ref().map(Secret::reveal);
    let database = Database::open(url, &settings.data_dir).await?;
    let plan = Plan { file: &args.file, originals: args.originals, settings, clock: &Clock::System };
    let bar = bar()?;
    let created = tokio::select! {
        created = backup::create(plan, &database, &bar) => created.map_err(anyhow::Error::from),
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped by a signal; no backup was written")),
    };
    bar.finish_and_clear();
    database.close().await?;
    let created = created?;
    let (count, bytes) = created.left_out;
    let header = &created.header;
    let images = header.rows.get("public.images").copied().unwrap_or_default();
    let mut text = format!(
        "{}: {} images, {} files, {}\n",
        args.file.display(),
        HumanCount(images.unsigned_abs()),
        HumanCount(created.files as u64),
        HumanBytes(created.bytes)
    );
    if count > 0 {
        text += &format!(
            "not in it: {count} stored originals ({}); add --originals, or copy {} yourself\n",
            HumanBytes(bytes),
            settings.store_dir().join("originals").display()
        );
    }
    print(context, &text, || {
        Ok(json!({ "file": args.file, "bytes": created.bytes, "files": created.files, "rows": header.rows,
                   "originals": header.originals, "originals_left_out": count }))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A bar of bytes, on stderr.
pub(super) fn bar() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg:10} {wide_bar} {bytes}/{total_bytes}, {eta} left")?;
    Ok(telemetry::below_the_log(ProgressBar::new(0)).with_style(style))
}
