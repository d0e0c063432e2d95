//! `chronograde bench`: how fast this machine takes pictures from dropped files to ranked rows, and what the feedback loop brings.

mod gallery;
mod rehearse;
mod votes;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;

use super::Context;
use crate::{
    bench::{self, Plan},
    shutdown,
};

/// Arguments of `chronograde bench`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Folder of pictures to measure with
    #[arg(long, value_name = "DIR", required = true)]
    images: Option<PathBuf>,
    /// Pictures to drop in each round; copies with other bytes fill up what the folder lacks
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    files: usize,
    /// Rounds; the medians count
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: usize,
    /// Unchanged files to sweep over
    #[arg(long, value_name = "N", default_value_t = 300_000)]
    sweep_files: usize,
    /// Seconds for which each network runs alone, before and after each run of the service
    #[arg(long, value_name = "N", default_value_t = 5)]
    bare_seconds: u64,
    /// Where a scratch folder is made, with a database of its own; it is removed afterwards [default: the folder
    /// for temporary files]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Draw corrections from labelled images, recalibrate with the gate, and print the gain on the rest
    Loop(rehearse::Args),
    /// Measure how fast ranked pages come, idle and while images are scored
    Gallery(gallery::Args),
    /// Measure how fast votes are taken from many annotators at once, and whether each is kept once
    Votes(votes::Args),
}

/// Runs `chronograde bench`. No database of the settings is touched.
///
/// # Errors
/// There are no pictures, no models, or no PostgreSQL, or the service failed.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        Some(What::Loop(args)) => return rehearse::run(context, &args),
        Some(What::Gallery(args)) => return Box::pin(gallery::run(context, args)).await,
        Some(What::Votes(args)) => return Box::pin(votes::run(context, args)).await,
        None => {}
    }
    let plan = Plan {
        images: args.images.context("give a folder of pictures with --images DIR")?,
        files: args.files.max(1),
        repeat: args.repeat.max(1),
        sweep_files: args.sweep_files,
        bare: Duration::from_secs(args.bare_seconds),
        scratch: args.scratch.unwrap_or_else(std::env::temp_dir),
    };
    let stop = shutdown::on_signal()?;
    let report = bench::run(&plan, &context.settings, stop).await?;
    let mut out = io::stdout().lock();
    if context.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(ExitCode::SUCCESS)
}
