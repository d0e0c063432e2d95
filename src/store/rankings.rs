//! Every ranked list, by keyset over the one table `catalog`. The only module that puts SQL together (`rankings/sql.rs`) at run time.

mod absent;
mod listings;
mod sql;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use self::sql::Walk;
pub use self::{
    absent::{Reason, absent},
    listings::{By, Listing, Listings, Which, listings, total_listings},
};
pub use super::ranking::{
    AddressError, Cursor, CursorError, Key, Order, Ranking, SAMPLE, Sort, Spread, Watch,
};
use super::{summary, viewpoint::Viewpoint};
use crate::domain::ImageId;

/// Totals are counted up to here; beyond, "more than" is all that is said.
pub const COUNTED: i64 = 10_000;

/// An image in a ranked list.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Ranked {
    /// The image.
    #[sqlx(rename = "image_id")]
    pub id: Uuid,
    /// SHA-256 of its bytes: what its renditions are named by.
    pub sha256: Vec<u8>,
    /// Path of its newest current sighting.
    pub filename: String,
    /// The offer that it belongs to.
    pub listing_key: Option<String>,
    /// Width in pixels, upright.
    pub width: i32,
    /// Height in pixels, upright.
    pub height: i32,
    /// The label: people's verdict, else the model's confidence above the threshold.
    pub watch: Option<bool>,
    /// What people say, if they have said enough.
    pub verdict: Option<bool>,
    /// Watch confidence, 0 to 1; none while not scored.
    pub watch_confidence: Option<f64>,
    /// Mean of the quality distribution, 1 to 10; none while not scored.
    pub quality_mean: Option<f64>,
    /// Its standard deviation.
    pub quality_std: Option<f64>,
    /// Mean of the votes that count.
    pub human_mean: Option<f64>,
    /// Their standard deviation (population).
    pub human_std: Option<f64>,
    /// Their mean, drawn towards the catalog's: what people's ranking goes by.
    pub human_rank: Option<f64>,
    /// How many those are.
    pub votes: i32,
    /// Variance of the Laplacian.
    pub sharpness: Option<f64>,
    /// When it first came in.
    pub ingested_at: DateTime<Utc>,
    /// Whether galleries leave it out.
    pub hidden: bool,
}

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

/// A count that stops at [`COUNTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The number, at most [`COUNTED`].
    pub count: i64,
    /// Whether that is all of them.
    pub is_exact: bool,
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
    let mut sql = sql::select(view, ranking, walk, i64::from(limit) + 1);
    let mut images: Vec<Ranked> = sql.build_query_as().fetch_all(conn).await?;
    let more = images.len() > most;
    images.truncate(most);
    let (mut has_previous, mut has_next) = (*place != Place::Start, more);
    if let Place::Before(_) = place {
        images.reverse();
        (has_previous, has_next) = (more, true);
    }
    let at = |image: Option<&Ranked>, wanted: bool| image.filter(|_| wanted)?.cursor(view, ranking);
    let (next, previous) = (at(images.last(), has_next), at(images.first(), has_previous));
    Ok(Page { images, next, previous })
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
        let mut sql = sql::select(view, ranking, walk, 1);
        let image: Option<Ranked> = sql.build_query_as().fetch_optional(&mut *conn).await?;
        *found = image.map(|image| ImageId(image.id));
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

/// How many images of the list rank before a place in it; none where that is more than [`COUNTED`].
///
/// # Errors
/// When the database refuses.
pub async fn ahead(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    place: &Cursor,
) -> sqlx::Result<Option<i64>> {
    let mut sql = sql::count(view, ranking, Walk::back(ranking, place), COUNTED + 1);
    let count: i64 = sql.build_query_scalar().fetch_one(conn).await?;
    Ok((count <= COUNTED).then_some(count))
}

/// How many images `ranking` has, counted up to [`COUNTED`].
///
/// # Errors
/// When the database refuses.
pub async fn total(conn: &mut PgConnection, view: &Viewpoint, ranking: &Ranking) -> sqlx::Result<Total> {
    if is_surely_long(conn, view, ranking).await? {
        return Ok(Total { count: COUNTED, is_exact: false });
    }
    let mut sql = sql::count(view, ranking, Walk::onwards(ranking, None), COUNTED + 1);
    sql.build_query_scalar().fetch_one(conn).await.map(Total::counted)
}

/// How many images would be in the list if it were of those labelled `is_watch`. Where the list of both labels has more
/// than [`COUNTED`], those among so many of them are a lower bound, in two significant digits.
///
/// # Errors
/// When the database refuses.
pub async fn labelled(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    is_watch: bool,
) -> sqlx::Result<Total> {
    let watch = if is_watch { Watch::Yes } else { Watch::No };
    if is_surely_long(conn, view, &Ranking { watch, ..ranking.clone() }).await? {
        return Ok(Total { count: COUNTED, is_exact: false });
    }
    Ok(both(conn, view, ranking, is_watch).await?.1)
}

/// How many images `ranking` has without its watch filter, and how many of them are labelled `is_watch`: one scan for both.
///
/// # Errors
/// When the database refuses.
pub async fn both(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    is_watch: bool,
) -> sqlx::Result<(Total, Total)> {
    let mut sql = sql::count_labelled(view, ranking, is_watch, COUNTED + 1);
    let (all, labelled): (i64, i64) = sql.build_query_as().fetch_one(conn).await?;
    let all = Total::counted(all);
    let labelled = match all.is_exact {
        true => Total { count: labelled, is_exact: true },
        false => Total::at_least(labelled),
    };
    Ok((all, labelled))
}

/// Whether the summaries alone tell that a list of one of the usual kinds has more than [`COUNTED`] images, so that
/// nobody need count so far. What they do not tell is counted.
async fn is_surely_long(conn: &mut PgConnection, view: &Viewpoint, ranking: &Ranking) -> sqlx::Result<bool> {
    let usual = Ranking {
        sort: ranking.sort,
        order: ranking.order,
        watch: ranking.watch,
        one_per_listing: ranking.one_per_listing,
        ..Ranking::default()
    };
    if *ranking != usual || !matches!(ranking.sort, Sort::Quality | Sort::Watch | Sort::Newest) {
        return Ok(false);
    }
    let least = match (ranking.watch, ranking.one_per_listing) {
        (Watch::Yes | Watch::No, false) => summary::labelled(conn, view, ranking.watch == Watch::Yes).await?,
        (Watch::Any, true) if ranking.sort == Sort::Quality => {
            let ranked = Listings { by: By::Best, ..Listings::default() };
            let listings = total_listings(conn, view, &ranked).await?;
            listings.count + i64::from(!listings.is_exact)
        }
        _ => 0,
    };
    Ok(least > COUNTED)
}

/// How many images of the generation that are not hidden lack a score of one of its models.
///
/// # Errors
/// When the database refuses.
pub async fn unscored(conn: &mut PgConnection, view: &Viewpoint) -> sqlx::Result<Total> {
    let counted = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
               (SELECT image_id FROM catalog WHERE generation_id = $1 AND NOT hidden AND quality_mean IS NULL LIMIT $2)
               UNION
               (SELECT image_id FROM catalog WHERE generation_id = $1 AND NOT hidden AND watch_confidence IS NULL LIMIT $2)
           ) counted"#,
        view.generation.0,
        COUNTED + 1
    );
    counted.fetch_one(conn).await.map(Total::counted)
}

/// What no ranked list shows, each counted up to [`COUNTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Images that somebody hid.
    pub hidden: Total,
    /// Images that a model gave up on.
    pub unscorable: Total,
    /// Files that could not be taken.
    pub failed: Total,
}

/// Counts what no ranked list shows, besides the images that wait to be scored.
///
/// # Errors
/// When the database refuses.
pub async fn left_out(conn: &mut PgConnection, view: &Viewpoint) -> sqlx::Result<LeftOut> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM (
                       SELECT FROM catalog WHERE generation_id = $1 AND hidden LIMIT $4) h) AS "hidden!",
                  (SELECT count(*) FROM (
                       SELECT DISTINCT s.image_id
                       FROM scorings s JOIN catalog c ON c.generation_id = $1 AND c.image_id = s.image_id
                       WHERE s.state = 'failed' AND s.model_id IN ($2, $3)
                         AND (c.quality_mean IS NULL OR c.watch_confidence IS NULL) LIMIT $4) u) AS "unscorable!",
                  (SELECT count(*) FROM (
                       SELECT FROM sightings WHERE state = 'failed' AND superseded_at IS NULL LIMIT $4) f) AS "failed!""#,
        view.generation.0,
        view.watch_model.0,
        view.quality_model.0,
        COUNTED + 1
    )
    .fetch_one(conn)
    .await?;
    Ok(LeftOut {
        hidden: Total::counted(row.hidden),
        unscorable: Total::counted(row.unscorable),
        failed: Total::counted(row.failed),
    })
}

impl Total {
    fn counted(count: i64) -> Self {
        Self { count: count.min(COUNTED), is_exact: count <= COUNTED }
    }

    /// More than `count`, which is rounded down to two significant digits.
    fn at_least(count: i64) -> Self {
        let mut step = 1;
        while count / step >= 100 {
            step *= 10;
        }
        Self { count: count / step * step, is_exact: false }
    }
}

impl Ranked {
    /// Its place in a list.
    pub fn cursor(&self, view: &Viewpoint, ranking: &Ranking) -> Option<Cursor> {
        let (sort, order) = (ranking.sort, ranking.order);
        Some(Cursor { generation: view.generation, sort, order, key: self.key(sort)?, image: self.id })
    }

    fn key(&self, sort: Sort) -> Option<Key> {
        match sort {
            Sort::Quality | Sort::Random => self.quality_mean.map(Key::Number),
            Sort::Watch => self.watch_confidence.map(Key::Number),
            Sort::Human => self.human_rank.map(Key::Number),
            Sort::Sharpness => self.sharpness.map(Key::Number),
            Sort::Newest => Some(Key::Time(self.ingested_at)),
        }
    }
}

#[cfg(test)]
mod tests;
