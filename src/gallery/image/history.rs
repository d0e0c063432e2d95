//! What people did with an image.

use sqlx::PgConnection;

use crate::{
    domain::ImageId,
    gallery::words,
    store::events::{self, Event},
};

/// Something that was done, in words.
pub struct Deed {
    /// When.
    pub when: String,
    /// By whom.
    pub who: String,
    /// What.
    pub what: String,
}

/// What was done, the latest first.
///
/// # Errors
/// When the database refuses.
pub async fn of(conn: &mut PgConnection, image: ImageId) -> sqlx::Result<Vec<Deed>> {
    let events = events::of(conn, &format!("image:{image}")).await?;
    Ok(events.into_iter().map(deed).collect())
}

fn deed(event: Event) -> Deed {
    let what = match &*event.kind {
        "image.hide" => format!("hid it: {}", event.detail["why"].as_str().unwrap_or_default()),
        "image.restore" => "showed it again".to_owned(),
        "image.rescore" => "had it scored again".to_owned(),
        "image.verdict" => match event.detail["is_watch"].as_bool() {
            Some(true) => "said that there is a watch".to_owned(),
            Some(false) => "said that there is no watch".to_owned(),
            None => "judged it".to_owned(),
        },
        "image.verdict-withdrawn" => "took back what they had said of it".to_owned(),
        other => other.to_owned(),
    };
    Deed { when: words::moment(event.at), who: event.actor.unwrap_or_else(|| "the service".to_owned()), what }
}
