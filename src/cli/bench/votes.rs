//! `chronograde bench votes`: how fast votes are taken, and whether each is kept once.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use crate::{
    bench::votes::{self, VotesPlan},
    cli::Context,
    shutdown,
};

/// Arguments of `chronograde bench votes`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Images in the catalog, synthetic ones
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    images: u32,
    /// People who vote, each once a second; at most 255
    #[arg(long, value_name = "N", default_value_t = 100)]
    annotators: u8,
    /// Seconds for which they vote before anything is measured
    #[arg(long, value_name = "N", default_value_t = 10)]
    warm_up: u64,
    /// Seconds for which they vote then
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Share of the votes that are sent twice, and share of those whose sending is cut off
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    faults: f64,
    /// Judgements that each image gets
    #[arg(long, value_name = "K", default_value_t = 10)]
    judgements: i16,
    /// Images per second that are written meanwhile, as import and scoring write them
    #[arg(long, value_name = "N", default_value_t = 50)]
    writes: u32,
    /// Folder of pictures that the networks are run on meanwhile, without a pause [default: none, rows are written only]
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Where a scratch folder is made, with a database of its own; it is removed afterwards [default: the folder
    /// for temporary files]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// Runs `chronograde bench votes`.
///
/// # Errors
/// There is no PostgreSQL, or the server did not answer.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let plan = VotesPlan {
        images: args.images.max(1),
        annotators: args.annotators.max(1),
        warm_up: Duration::from_secs(args.warm_up),
        time: Duration::from_secs(args.seconds.max(1)),
        faults: args.faults.clamp(0.0, 0.5),
        judgements: args.judgements.clamp(1, 1_000),
        writes: args.writes,
        pictures: args.pictures,
        scratch: args.scratch.unwrap_or_else(std::env::temp_dir),
    };
    let stop = shutdown::on_signal()?;
    let report = votes::run(&plan, &context.settings, stop).await?;
    let mut out = io::stdout().lock();
    if context.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(ExitCode::SUCCESS)
}
