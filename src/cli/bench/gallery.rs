//! `chronograde bench gallery`: how fast ranked pages come, idle and while images are scored.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use crate::{
    bench::gallery::{self, GalleryPlan},
    cli::Context,
    shutdown,
};

/// Arguments of `chronograde bench gallery`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sizes of the catalog, in synthetic images
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    images: Vec<u32>,
    /// Requests per second
    #[arg(long, value_name = "N", default_value_t = 200)]
    rate: u32,
    /// Seconds for which each list is asked for
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
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

/// Runs `chronograde bench gallery`.
///
/// # Errors
/// There is no PostgreSQL, or a page was not answered.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let plan = GalleryPlan {
        images: args.images,
        rate: args.rate.max(1),
        time: Duration::from_secs(args.seconds.max(1)),
        writes: args.writes,
        pictures: args.pictures,
        scratch: args.scratch.unwrap_or_else(std::env::temp_dir),
    };
    let stop = shutdown::on_signal()?;
    let report = gallery::run(&plan, &context.settings, stop).await?;
    let mut out = io::stdout().lock();
    if context.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(ExitCode::SUCCESS)
}
