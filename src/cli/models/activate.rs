//! `chronograde models activate`: another model serves, once it has scored every image.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;
use sqlx::PgPool;

use super::{exit, say};
use crate::{
    cli::Context,
    domain::Task,
    score::{Catalogue, Model, Runtime},
    serving,
    store::generations,
};

/// Serves the model `name` in place of the one of its task: at once where it has scored every image, else as soon as it has.
pub(super) async fn run(context: &Context, catalogue: &Catalogue, name: &str) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::load(&context.settings.libraries())?;
    let model = Model::load(catalogue, name, runtime, context.settings.engine()).await?;
    let task = model.manifest().task;
    let work = async |pool: &PgPool| {
        let mut tx = pool.begin().await?;
        let Some(latest) = generations::latest(&mut tx).await? else {
            bail!("no model has served yet: start `chronograde serve` once; it serves the default models");
        };
        let id = serving::record(&mut tx, model).await?.id;
        let (watch, quality) = match task {
            Task::Watch => (id, latest.quality_model),
            Task::Quality => (latest.watch_model, id),
        };
        let generation = generations::make(&mut tx, watch, quality).await?;
        let waiting = generations::waiting(&mut tx, generation).await?;
        let serves = generations::activate(&mut tx, generation, None).await?;
        tx.commit().await?;
        Ok((serves, waiting))
    };
    let (serves, waiting) = context.with_database(work).await?;
    let line = json!({ "name": name, "serves": serves, "waiting": waiting });
    let text = if serves {
        format!(
            "{name} serves: the pages show it from now on. The former model is kept up, so that one can go back at once."
        )
    } else {
        format!(
            "{name} scores {waiting} images in the background, new arrivals first; the pages go on with the present model, and switch when \
             the last is scored. Jobs says how far it is."
        )
    };
    say(context, &line, &text);
    Ok(exit(true))
}
