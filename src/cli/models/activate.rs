//! `chronograde models activate`: another model serves, once it has scored every image.

use std::process::ExitCode;

use serde_json::json;
use sqlx::PgPool;

use super::{exit, say, spinning};
use crate::{
    cli::Context,
    serving::{Ask, Workshop},
};

/// Serve a model in place of the one of its task, once it has scored every image; or go back to one at once
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The model
    name: String,
    /// Where its numbers moved since it served last: accept them as another version of it, by which every image is scored
    #[arg(long)]
    accept_moved: bool,
}

/// Serves a model in place of the one of its task: at once where it has scored every image, else as soon as it has.
pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let workshop = Workshop::new(&context.settings).in_the_foreground();
    let ask = Ask { name: &args.name, by: None, accepts_moved: args.accept_moved };
    let work = async |pool: &PgPool| Ok(workshop.bring_in(pool, ask).await?);
    let what = format!("{} is loaded and checked", args.name);
    let brought = spinning(context, what, context.with_database(work)).await?;
    let (waiting, failed) = (brought.open.waiting, brought.open.failed);
    let line = json!({
        "name": args.name, "serves": brought.serves, "waiting": waiting, "failed": failed, "gave_up": brought.gave_up,
    });
    say(context, &line, &brought.in_words(&args.name));
    Ok(exit(true))
}
