//! The pair of models that is being filled, as Home tells of it: how far it is, and who can let it go on.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{pace, words};
use crate::{
    domain::Role,
    store::{
        generations,
        ledger::{self, Ledger, Pace},
        model_names, viewpoint,
    },
    web::{Site, error::WebError},
};

/// How far it is.
#[derive(Debug)]
pub(super) struct Progress {
    /// In a sentence.
    pub(super) text: String,
    /// Images that both models are done with.
    pub(super) done: i64,
    /// All images.
    pub(super) images: i64,
    /// Where something can be done about it, for who may.
    pub(super) link: Option<String>,
}

/// How far the pair is that is being filled; none where there is none, or where no image waits for it and it is not held.
///
/// # Errors
/// When the database refuses.
pub(super) async fn progress(
    site: &Site,
    conn: &mut PgConnection,
    role: Role,
    now: DateTime<Utc>,
) -> Result<Option<Progress>, WebError> {
    let Some(filling) = generations::filling(&mut *conn).await? else { return Ok(None) };
    let Some(view) = viewpoint::of(&mut *conn, filling.id).await? else { return Ok(None) };
    let ledger = ledger::totals(&mut *conn, Some(&view)).await?;
    let models = [view.watch_model, view.quality_model];
    let pace = match filling.is_paused || ledger.pending == 0 {
        true => None,
        false => ledger::pace(&mut *conn, &models, now - pace::OVER).await?,
    };
    let names = model_names::kept_up(conn).await?;
    let [watch, quality] = models.map(|model| names.get(&model).cloned().unwrap_or_default());
    let text = in_words(&format!("{watch} and {quality}"), filling.is_paused, &ledger, pace);
    Ok(text.map(|text| Progress {
        text,
        done: ledger.scored + ledger.unscorable,
        images: ledger.images,
        link: (role == Role::Admin).then(|| site.url("/models")),
    }))
}

fn in_words(pair: &str, is_paused: bool, ledger: &Ledger, pace: Option<Pace>) -> Option<String> {
    let so_far = format!(
        "Other models are brought in: {pair} have scored {} of {}",
        words::count(ledger.scored),
        words::counted(ledger.images, "image", "images")
    );
    match (is_paused, ledger.pending) {
        (true, 1..) => Some(format!("{so_far}, and are held: an admin can let them go on.")),
        (true, _) => Some(format!("{so_far}, and are held: an admin can have the pages show them.")),
        (false, 1..) => {
            let left = pace.and_then(|pace| pace::left(pace, ledger.pending));
            let left = left.unwrap_or_else(|| "none within the last minute".to_owned());
            Some(format!("{so_far}: {left}. The pages go on with the present ones until then."))
        }
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_how_far_it_is_how_long_it_takes_and_who_can_let_it_go_on() {
        let ledger = |scored| Ledger { images: 3_000, scored, pending: 3_000 - scored, ..Ledger::default() };
        let pace = Some(Pace { scored: 100, busy_ms: 40_000 });
        let told = |is_paused, scored, pace| in_words("W and Q", is_paused, &ledger(scored), pace);
        assert_eq!(
            told(false, 2_000, pace).unwrap(),
            "Other models are brought in: W and Q have scored 2,000 of 3,000 images: about 7 minutes left. The pages go on with the present \
             ones until then."
        );
        assert!(told(false, 2_000, None).unwrap().contains("images: none within the last minute."));
        assert!(told(true, 2_000, None).unwrap().ends_with("held: an admin can let them go on."));
        assert!(told(true, 3_000, None).unwrap().ends_with("an admin can have the pages show them."));
        assert_eq!(told(false, 3_000, None), None, "the pages switch, or Home says why they do not");
    }
}
