//! Every ranked list, by keyset over the one table `catalog`. The only module that puts SQL together (`rankings/sql.rs`) at run time.

mod absent;
mod listings;
mod ranked;
mod sql;
mod totals;

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use self::sql::Walk;
pub use self::{
    absent::{Reason, absent},
    listings::{By, Listing, Listings, Which, listings, total_listings},
    ranked::Ranked,
    totals::{COUNTED, LeftOut, Total, ahead, both, labelled, left_out, total, unscored},
};
pub use super::ranking::{
    AddressError, Cursor, CursorError, Key, Order, Ranking, SAMPLE, Sort, Spread, Watch,
};
use super::viewpoint::Viewpoint;
use crate::domain::ImageId;

/// A page of a ranked list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The images, in order.
    pub images: Vec<Ranked>,
    /// Where the next page begins: behind this; none on the last one.
    pub next: Option<Cursor>,
    /// Where the previous page ends: before this; none on the first one.
    pub previous: Option<Cursor>,
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Place {
    /// Its beginning.
    #[default]
    Start,
    /// What follows this place.
    After(Cursor),
    /// What leads up to this place.
    Before(Cursor),
}

/// Up to `limit` images of `ranking` at a place. No page repeats or skips an image that stays as it is, equal keys
/// being ordered by identifier.
///
/// # Errors
/// When the database refuses.
pub async fn page(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    place: &Place,
    limit: u16,
) -> sqlx::Result<Page> {
    let walk = match place {
        Place::Start => Walk::onwards(ranking, None),
        Place::After(cursor) => Walk::onwards(ranking, Some(cursor)),
        Place::Before(cursor) => Walk::back(ranking, cursor),
    };
    let most = usize::from(limit);
    let mut found = found(&mut *conn, view, ranking, walk, i64::from(limit) + 1).await?;
    let more = found.len() > most;
    found.truncate(most);
    let (mut has_previous, mut has_next) = (*place != Place::Start, more);
    if let Place::Before(_) = place {
        found.reverse();
        (has_previous, has_next) = (more, true);
    }
    let images: Vec<Uuid> = found.iter().map(|cursor| cursor.image).collect();
    Ok(Page {
        images: ranked::rows(conn, view, &images).await?,
        next: found.last().filter(|_| has_next).cloned(),
        previous: found.first().filter(|_| has_previous).cloned(),
    })
}

/// The identifiers of up to `limit` images of `ranking` from a place on, and where to go on.
///
/// # Errors
/// When the database refuses.
pub async fn ids(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    place: &Place,
    limit: u16,
) -> sqlx::Result<(Vec<Uuid>, Option<Cursor>)> {
    let beyond = match place {
        Place::After(cursor) => Some(cursor),
        Place::Start | Place::Before(_) => None,
    };
    let mut found = found(conn, view, ranking, Walk::onwards(ranking, beyond), i64::from(limit) + 1).await?;
    let more = found.len() > usize::from(limit);
    found.truncate(limit.into());
    let images = found.iter().map(|cursor| cursor.image).collect();
    Ok((images, found.pop().filter(|_| more)))
}

/// The places of the first `limit` images of a walk through a list. They are read before the images' rows: this is all that
/// is planned anew for each list, and the places hold even if an image moves meanwhile.
async fn found(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    walk: Walk<'_>,
    limit: i64,
) -> sqlx::Result<Vec<Cursor>> {
    let (sort, order) = (ranking.sort, ranking.order);
    let place = |row: &PgRow| {
        let key = match sort {
            Sort::Newest => Key::Time(row.try_get(1)?),
            _ => Key::Number(row.try_get(1)?),
        };
        Ok(Cursor { generation: view.generation, sort, order, key, image: row.try_get(0)? })
    };
    let rows = sql::select(view, ranking, walk, limit)
        .build()
        .persistent(sql::keeps_plan(ranking.text.as_ref()))
        .fetch_all(conn)
        .await?;
    rows.iter().map(place).collect()
}

/// The images before and behind one in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The one that ranks before it.
    pub previous: Option<ImageId>,
    /// The one that ranks behind it.
    pub next: Option<ImageId>,
}

/// What stands beside `image` in the list; also beside the place where it would stand, so that whoever hides an image
/// can go on. Nothing when it lacks the sort key.
///
/// # Errors
/// When the database refuses.
pub async fn neighbours(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    image: ImageId,
) -> sqlx::Result<Neighbours> {
    let Some(here) = place_of(conn, view, ranking, image).await? else { return Ok(Neighbours::default()) };
    let mut beside = [None; 2];
    let walks = [Walk::back(ranking, &here), Walk::onwards(ranking, Some(&here))];
    for (found, walk) in beside.iter_mut().zip(walks) {
        let place = self::found(&mut *conn, view, ranking, walk, 1).await?;
        *found = place.first().map(|place| ImageId(place.image));
    }
    Ok(Neighbours { previous: beside[0], next: beside[1] })
}

/// The place of an image in a list, whether or not the filters let it in; none when it lacks the sort key.
///
/// # Errors
/// When the database refuses.
pub async fn place_of(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    image: ImageId,
) -> sqlx::Result<Option<Cursor>> {
    let (sort, order) = (ranking.sort, ranking.order);
    let key = absent::key_of(conn, view, sort, image).await?;
    Ok(key.map(|key| Cursor { generation: view.generation, sort, order, key, image: image.0 }))
}

#[cfg(test)]
mod tests;
