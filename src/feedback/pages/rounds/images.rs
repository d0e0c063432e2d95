//! The images of a round, with what was said about each.

use sqlx::PgConnection;

use crate::{
    decode::GRID_PX,
    gallery::words,
    store::{
        round_images::{self, Said},
        rounds::Round,
    },
    web::{Site, error::WebError},
};

/// Images on a page.
const ON_A_PAGE: i32 = 60;

/// An image of a round.
pub struct Picture {
    pub page: String,
    pub picture: String,
    pub name: String,
    pub said: Vec<String>,
}

/// A part of a round's list.
pub struct Listed {
    pub pictures: Vec<Picture>,
    pub first: i32,
    pub last: i32,
    pub previous: Option<String>,
    pub next: Option<String>,
}

/// The images of `round` from a place on its list on.
pub async fn listed(
    site: &Site,
    conn: &mut PgConnection,
    round: &Round,
    from: i32,
) -> Result<Listed, WebError> {
    let images = round_images::said(conn, round.id, from..from.saturating_add(ON_A_PAGE)).await?;
    let page = |from: i32| site.url(&format!("/rounds/{}?from={from}#images", round.id));
    let last = from.saturating_add(ON_A_PAGE).min(round.images);
    Ok(Listed {
        first: from + 1,
        last,
        previous: (from > 0).then(|| page((from - ON_A_PAGE).max(0))),
        next: (last < round.images).then(|| page(last)),
        pictures: images.into_iter().map(|image| picture(site, round, image)).collect(),
    })
}

fn picture(site: &Site, round: &Round, image: Said) -> Picture {
    Picture {
        page: site.url(&format!("/images/{}", image.image)),
        picture: site.picture(GRID_PX, image.hash),
        name: image.filename.rsplit('/').next().unwrap_or_default().to_owned(),
        said: in_words(round, &image),
    }
}

/// What was said about an image. Of one that still lacks judgements only how many there are: whoever judges it next is to
/// be as unaware of the others as they were.
fn in_words(round: &Round, image: &Said) -> Vec<String> {
    let needed = round.plan.judgements;
    if round.closed_at.is_none() && image.judged < i32::from(needed) {
        return vec![format!("{} of {needed}", image.judged)];
    }
    let mut said = vec![];
    if let Some(mean) = image.mean {
        said.push(format!("{mean:.1} of {}", words::counted(image.votes, "vote", "votes")));
    }
    match (image.yes, image.no) {
        (0, 0) => {}
        (yes, 0) => said.push(format!("watch: {yes} yes")),
        (0, no) => said.push(format!("watch: {no} no")),
        (yes, no) => said.push(format!("watch: {yes} yes, {no} no")),
    }
    if said.is_empty() {
        said.push("nobody judged it".to_owned());
    }
    said
}
