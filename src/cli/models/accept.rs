//! `chronograde models accept`: numbers that moved become another version of the model.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;
use sqlx::PgPool;

use super::{exit, say};
use crate::{
    cli::Context,
    store::{
        events, generations,
        model_versions::{self, Moved},
    },
};

/// Accepts what the model `name` said at the last start.
pub(super) async fn run(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let work = async |pool: &PgPool| {
        let mut tx = pool.begin().await?;
        let moved = model_versions::moved(&mut tx).await?.into_iter().find(|moved| moved.name == name);
        let Some(moved) = moved else {
            bail!("{}", nothing(name, model_versions::has_moved(&mut tx, name).await?));
        };
        let Some(accepted) = model_versions::accept(&mut tx, moved.model, None).await? else {
            bail!("somebody else accepted the numbers of {name} just now");
        };
        events::record(&mut tx, None, "models.accept", Some(&moved.model.0.to_string())).await?;
        let waiting = generations::coverage(&mut tx, accepted.generation).await?.waiting;
        tx.commit().await?;
        Ok((moved, waiting, accepted.given_up.is_some()))
    };
    let (moved, waiting, gave_up) = context.with_database(work).await?;
    let line = json!({
        "name": name, "was": moved.expected, "is": moved.observed, "version": moved.number, "waiting": waiting,
        "gave_up": gave_up,
    });
    let others = if gave_up {
        " The models that were being brought in were given up for it: activate them again when it is done."
    } else {
        ""
    };
    say(context, &line, &(in_words(name, &moved, waiting) + others));
    Ok(exit(true))
}

fn nothing(name: &str, has_moved: bool) -> String {
    if has_moved {
        format!(
            "{name} moved, but it neither serves nor is being brought in, or another version of it is: there is nothing to accept. \
             `chronograde models activate {name} --accept-moved` has it score every image as another version"
        )
    } else {
        format!("the numbers of {name} have not moved since it served last: there is nothing to accept")
    }
}

fn in_words(name: &str, moved: &Moved, waiting: i64) -> String {
    let said =
        format!("{name} said {:.4} for {}, and says {:.4} now.", moved.expected, moved.image, moved.observed);
    match moved.number {
        Some(number) => format!(
            "{said} So does its version {number}, which goes on from here: the pages show it as soon as it has scored what it lacks."
        ),
        None => format!(
            "{said} That is another version of it from now on, which scores {waiting} images in the background; the pages go \
             on with the former scores, and switch when the last is scored."
        ),
    }
}
