//! `chronograde models activate`: another model serves, once it has scored every image.

use std::process::ExitCode;

use serde_json::json;
use sqlx::PgPool;

use super::{exit, say};
use crate::{cli::Context, serving::Workshop};

/// Serves the model `name` in place of the one of its task: at once where it has scored every image, else as soon as it has.
pub(super) async fn run(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let workshop = Workshop::new(&context.settings);
    let work = async |pool: &PgPool| Ok(workshop.bring_in(pool, name, None).await?);
    let brought = context.with_database(work).await?;
    let line = json!({ "name": name, "serves": brought.serves, "waiting": brought.waiting });
    say(context, &line, &brought.in_words(name));
    Ok(exit(true))
}
