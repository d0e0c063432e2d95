//! `chronograde models accept`: numbers that moved become another version of the model.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;
use sqlx::PgPool;

use super::{exit, say};
use crate::{
    cli::Context,
    store::{generations, model_versions},
};

/// Accepts what the model `name` said at the last start.
pub(super) async fn run(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let work = async |pool: &PgPool| {
        let mut tx = pool.begin().await?;
        let moved = model_versions::moved(&mut tx).await?.into_iter().find(|moved| moved.name == name);
        let Some(moved) = moved else {
            bail!("the numbers of {name} have not moved since it served last: there is nothing to accept");
        };
        let Some(generation) = model_versions::accept(&mut tx, moved.model, None).await? else {
            bail!("somebody else accepted the numbers of {name} just now");
        };
        let waiting = generations::waiting(&mut tx, generation).await?;
        tx.commit().await?;
        Ok((moved, waiting))
    };
    let (moved, waiting) = context.with_database(work).await?;
    let line = json!({ "name": name, "was": moved.expected, "is": moved.observed, "waiting": waiting });
    let text = format!(
        "{name} said {:.4} for {}, and says {:.4} now. That is another version of it from now on, which scores {waiting} images in the \
         background; the pages go on with the former scores, and switch when the last is scored.",
        moved.expected, moved.image, moved.observed
    );
    say(context, &line, &text);
    Ok(exit(true))
}
