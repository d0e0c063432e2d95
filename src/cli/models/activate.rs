//! `chronograde models activate`: another model serves, once it has scored every image.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{exit, say};
use crate::{
    cli::Context,
    domain::{GenerationId, ModelId, Task},
    score::{Catalogue, Model, Runtime},
    serving::{self, ServingError},
    store::{
        events,
        generations::{self, Activation, Coverage},
        model_versions,
    },
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
pub(super) async fn run(context: &Context, catalogue: &Catalogue, args: Args) -> anyhow::Result<ExitCode> {
    let name = args.name;
    let runtime = Runtime::load(&context.settings.libraries())?;
    let model = Model::load(catalogue, &name, runtime, context.settings.engine()).await?;
    let task = model.manifest().task;
    let work = async |pool: &PgPool| {
        let mut conn = pool.acquire().await?;
        if generations::latest(&mut conn).await?.is_none() {
            bail!("no model has served yet: start `chronograde serve` once; it serves the default models");
        }
        // By itself: that its numbers moved is to be known also where it is refused for it.
        let recorded = serving::record(&mut conn, model).await;
        let mut tx = pool.begin().await?;
        let id = match recorded {
            Err(ServingError::Moved { model, .. }) if args.accept_moved => {
                generations::keep_out(&mut tx).await?;
                model_versions::next_version(&mut tx, model, None).await?
            }
            recorded => recorded?.id,
        };
        let (generation, activation) = bring_in(&mut tx, id, task).await?;
        if activation == Activation::Moved {
            let moved = model_versions::moved_in(&mut tx, generation).await?.join(" and ");
            bail!("one cannot go back to {name} with {moved}, whose numbers moved since that pair served");
        }
        let open = generations::coverage(&mut tx, generation).await?;
        tx.commit().await?;
        Ok((activation == Activation::Shown, open))
    };
    let (serves, open) = context.with_database(work).await?;
    let line = json!({ "name": name, "serves": serves, "waiting": open.waiting, "failed": open.failed });
    say(context, &line, &in_words(&name, serves, open));
    Ok(exit(true))
}

/// Gives a model the place of the one of its task in the latest pair, which is shown at once where no image waits for it.
async fn bring_in(
    conn: &mut PgConnection,
    id: ModelId,
    task: Task,
) -> anyhow::Result<(GenerationId, Activation)> {
    generations::keep_out(&mut *conn).await?;
    let Some(latest) = generations::latest(&mut *conn).await? else { bail!("no model serves any more") };
    let (watch, quality) = match task {
        Task::Watch => (id, latest.quality_model),
        Task::Quality => (latest.watch_model, id),
    };
    let generation = generations::make(&mut *conn, watch, quality).await?;
    let activation = generations::activate(&mut *conn, generation, None).await?;
    let what = if activation == Activation::Shown { "models.activate" } else { "models.bring_in" };
    events::record(conn, None, what, Some(&generation.to_string())).await?;
    Ok((generation, activation))
}

fn in_words(name: &str, serves: bool, open: Coverage) -> String {
    if serves {
        return format!(
            "{name} serves: the pages show it from now on. The former model is kept up, so that one can go back at once."
        );
    }
    format!(
        "{name} scores {} images in the background, new arrivals first; the pages go on with the present model, and switch when \
         the last is scored. Jobs says how far it is.",
        open.waiting
    )
}
