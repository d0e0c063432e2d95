//! `chronograde ingest DIR`: imports a folder once.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sqlx::PgPool;

use super::{Context, telemetry};
use crate::{
    clock::Clock,
    domain::SightingState,
    ingest::Ingest,
    objects::Objects,
    store::{roots::RootState, sightings},
};

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// Looks after which files that still change are left to the next import.
const LOOKS: usize = 5;

/// Import a folder once; `serve` scores what it finds
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder
    dir: PathBuf,
}

/// Imports the folder and prints what became of its files, as numbers that add up.
///
/// # Errors
/// The folder cannot be read, or the service fails; what was taken until then stays.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let settings = &context.settings;
    let root = args.dir.canonicalize().with_context(|| format!("cannot read {}", args.dir.display()))?;
    ensure!(root.is_dir(), "{} is no folder: name the folder that the pictures are in", root.display());
    let watched = settings.upload_dir().canonicalize().is_ok_and(|upload| root.starts_with(upload));
    ensure!(
        !watched,
        "{} lies in the upload directory, which `chronograde serve` watches anyway",
        root.display()
    );
    context
        .with_new_database(async |pool| {
            let objects = Objects::local(&settings.store_dir())?;
            let mut ingest = Ingest::of(root, pool.clone(), objects, settings, Clock::System)?;
            import(&mut ingest).await?;
            report(context.json, &ingest, pool).await
        })
        .await
}

async fn import(ingest: &mut Ingest) -> anyhow::Result<()> {
    let pause = ingest.minimum_age();
    let root = ingest.sweep().await?.root;
    ensure!(
        root == RootState::Ok,
        "{} is {}, though files were taken from it before: nothing was taken, and nothing is marked as gone. Is its disk mounted?",
        ingest.root(),
        root.as_str()
    );
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} files, {per_sec}, {eta} left")?;
    let bar = telemetry::below_the_log(ProgressBar::new(ingest.waiting() as u64)).with_style(style);
    let done = Arc::clone(ingest.taken());
    let moving = bar.clone();
    let ticker = tokio::spawn(async move {
        loop {
            moving.set_position(done.load(Ordering::Relaxed));
            tokio::time::sleep(TICK).await;
        }
    });
    for _ in 0..LOOKS {
        tokio::time::sleep(pause).await;
        ingest.sweep().await?;
        if ingest.waiting() == 0 {
            break;
        }
    }
    ticker.abort();
    bar.finish_and_clear();
    if let Some(closed) = ingest.closed() {
        tracing::warn!("{closed}");
    }
    Ok(())
}

async fn report(json: bool, ingest: &Ingest, pool: &PgPool) -> anyhow::Result<ExitCode> {
    let mut conn = pool.acquire().await?;
    let counts = sightings::counts(&mut conn, Some(ingest.root())).await?;
    let total: i64 = counts.values().sum();
    let mut stdout = std::io::stdout().lock();
    if json {
        let states: BTreeMap<&str, i64> =
            counts.iter().map(|(state, count)| (state.as_str(), *count)).collect();
        writeln!(stdout, "{}", json!({ "root": ingest.root(), "total": total, "states": states }))?;
    } else {
        let parts: Vec<String> = counts
            .iter()
            .filter(|(state, count)| **count > 0 || **state == SightingState::Imported)
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        writeln!(stdout, "{total} seen = {}", parts.join(" + "))?;
    }
    let failed = counts.get(&SightingState::Failed).is_some_and(|count| *count > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
