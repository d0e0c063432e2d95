//! `chronograde demo`: the service on a data directory of its own, full of pictures that the program draws.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, serve, telemetry};
use crate::{config::Settings, demo};

/// The pictures are the same on every machine.
const SEED: u64 = 1;

/// Show the service with pictures that the program draws, in a data directory of its own
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of the pages and the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Draws the pictures that are not there yet, and serves.
///
/// # Errors
/// A picture cannot be written, or the service does not start.
pub async fn run(context: Context, args: Args) -> anyhow::Result<ExitCode> {
    let Context { json, mut settings } = context;
    if settings.data_dir == Settings::default().data_dir {
        settings.data_dir = PathBuf::from("data-demo");
    }
    settings.demo = true;
    let (upload_dir, done) = (settings.upload_dir(), settings.data_dir.join("drawn"));
    tokio::task::spawn_blocking(move || draw(&upload_dir, &done)).await??;
    serve::run(Context { json, settings }, serve::Args::at(args.listen)).await
}

/// Draws all pictures into `folder`, once: then there is a file `done`.
fn draw(folder: &Path, done: &Path) -> anyhow::Result<()> {
    if done.exists() {
        return Ok(());
    }
    let style = ProgressStyle::with_template("drawing pictures {wide_bar} {pos}/{len}")?;
    let bar = telemetry::below_the_log(ProgressBar::new(demo::count(SEED) as u64)).with_style(style);
    for photo in bar.wrap_iter(demo::photos(SEED)) {
        let photo = photo?;
        let file = folder.join(&photo.name);
        let parent = file.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        std::fs::write(&file, photo.bytes).with_context(|| format!("cannot write {}", file.display()))?;
    }
    std::fs::write(done, "").with_context(|| format!("cannot write {}", done.display()))
}
