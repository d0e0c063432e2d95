//! The pair of models that is being filled, as Home tells of it: how far it is, and who can let it go on.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{pace, words};
use crate::{
    domain::Role,
    store::{
        generations,
        ledger::{self, Pace},
        model_change::{self, Kept},
        viewpoint::Viewpoint,
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

/// How far the pair is that is being filled; none where there is none, and where the pages switch to it or Home says why they do not.
///
/// # Errors
/// When the database refuses.
pub(super) async fn progress(
    site: &Site,
    conn: &mut PgConnection,
    (role, view): (Role, Option<&Viewpoint>),
    now: DateTime<Utc>,
) -> Result<Option<Progress>, WebError> {
    // Most of the time there is none, and Home is asked for each second: the figures of all pairs are for when there is one.
    let latest = generations::latest(&mut *conn).await?;
    if latest.map(|latest| latest.id) == view.map(|view| view.generation) {
        return Ok(None);
    }
    let kept = model_change::kept(&mut *conn).await?;
    let Some(filling) = kept.iter().find(|kept| kept.is_filling()) else { return Ok(None) };
    let pace = match filling.is_paused || filling.is_filled() {
        true => None,
        false => ledger::pace(conn, &filling.models, now - pace::OVER).await?,
    };
    Ok(in_words(filling, pace).map(|text| Progress {
        text,
        done: filling.scored + filling.failed,
        images: filling.images,
        link: (role == Role::Admin).then(|| site.url("/models")),
    }))
}

fn in_words(filling: &Kept, pace: Option<Pace>) -> Option<String> {
    let pair = filling.name();
    if !filling.is_open {
        return Some(format!(
            "Other models are brought in: {pair} are being prepared. The pages go on with the present ones."
        ));
    }
    let so_far = format!(
        "Other models are brought in: {pair} have scored {} of {}",
        words::count(filling.scored),
        words::counted(filling.images, "image", "images")
    );
    match (filling.is_paused, filling.is_filled()) {
        _ if !filling.moved.is_empty() => Some(format!(
            "{so_far}. The numbers of {} moved, so that the pages cannot show them: an admin can decide about that.",
            filling.moved.join(" and ")
        )),
        (true, false) => Some(format!("{so_far}, and are held: an admin can let them go on.")),
        (true, true) => Some(format!("{so_far}, and are held: an admin can have the pages show them.")),
        (false, false) => Some(match pace.and_then(|pace| pace::left(pace, filling.waiting)) {
            Some(left) => format!("{so_far}: {left}. The pages go on with the present ones until then."),
            None => format!(
                "{so_far}. None was scored within the last minute. The pages switch when the last is scored."
            ),
        }),
        (false, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filling(scored: i64) -> Kept {
        Kept::being_filled(3_000, scored)
    }

    #[test]
    fn the_sentence_says_how_far_it_is_and_how_long_it_takes() {
        let pace = Some(Pace { scored: 100, busy_ms: 40_000 });
        assert_eq!(
            in_words(&filling(2_000), pace).unwrap(),
            "Other models are brought in: W and Q have scored 2,000 of 3,000 images: about 7 minutes left. The pages go on with the present \
             ones until then."
        );
        assert_eq!(
            in_words(&filling(2_000), None).unwrap(),
            "Other models are brought in: W and Q have scored 2,000 of 3,000 images. None was scored within the last minute. The pages \
             switch when the last is scored."
        );
        assert_eq!(in_words(&filling(3_000), None), None, "the pages switch, or Home says why they do not");
    }

    #[test]
    fn the_sentence_says_who_can_let_it_go_on_and_what_stands_in_the_way() {
        let held = |scored| Kept { is_paused: true, ..filling(scored) };
        let ends = |kept: Kept, end: &str| {
            let said = in_words(&kept, None).unwrap();
            assert!(said.ends_with(end), "{said}");
        };
        ends(held(2_000), "2,000 of 3,000 images, and are held: an admin can let them go on.");
        ends(held(3_000), "an admin can have the pages show them.");
        let end =
            "The numbers of W moved, so that the pages cannot show them: an admin can decide about that.";
        for kept in [filling(3_000), held(3_000), filling(2_000)] {
            ends(Kept { moved: vec!["W".to_owned()], ..kept }, end);
        }
        ends(
            Kept { is_open: false, ..filling(0) },
            "W and Q are being prepared. The pages go on with the present ones.",
        );
    }
}
