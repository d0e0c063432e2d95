//! Lists of listings, by keyset over the one table `listings`.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{COUNTED, Order, Total, sql};
use crate::store::viewpoint::Viewpoint;

/// What listings are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The mean of its best photo. Only listings with a scored photo are in the list.
    #[default]
    Best,
    /// Its key.
    Key,
    /// How many photos it has.
    Images,
}

/// Which listings are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Which {
    /// All.
    #[default]
    All,
    /// Those whose best photo has a mean below this.
    Below(f64),
    /// Those in which no photo shows a watch, by people or by the model; those not scored yet are not told of.
    WithoutWatch,
    /// Those none of whose photos is scored.
    Unscored,
}

/// A list of listings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listings {
    /// Which.
    pub which: Which,
    /// Ordered by what.
    pub by: By,
    /// Which end comes first.
    pub order: Order,
    /// Part of the key, without regard to case.
    pub text: Option<String>,
}

/// A listing with its best photo.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Listing {
    /// Its key.
    pub key: String,
    /// Photos that are not hidden.
    pub images: i32,
    /// The mean of the best; none while none is scored.
    pub best_mean: Option<f64>,
    /// Whether any photo shows a watch; none while none is scored.
    pub has_watch: Option<bool>,
    /// The best photo.
    pub image: Option<Uuid>,
    /// SHA-256 of its bytes.
    pub sha256: Option<Vec<u8>>,
    /// Its width in pixels, upright.
    pub width: Option<i32>,
    /// Its height in pixels, upright.
    pub height: Option<i32>,
    /// Its label.
    pub watch: Option<bool>,
    /// Whether people said so, not the model.
    pub by_people: bool,
    /// Watch confidence of the best photo.
    pub watch_confidence: Option<f64>,
    /// Standard deviation of its quality distribution.
    pub quality_std: Option<f64>,
    /// Its signals, as [`crate::decode::Signals`] writes them.
    pub signals: Option<serde_json::Value>,
}

/// Up to `limit` listings behind the one with the key `after`, and whether there are more.
///
/// # Errors
/// When the database refuses.
pub async fn listings(
    conn: &mut PgConnection,
    view: &Viewpoint,
    list: &Listings,
    after: Option<&str>,
    limit: u16,
) -> sqlx::Result<(Vec<Listing>, bool)> {
    let after = match after {
        Some(key) => place_of(conn, view, key).await?,
        None => None,
    };
    let mut sql = select(view, list, after.as_ref(), i64::from(limit) + 1);
    let mut rows: Vec<Listing> =
        sql.build_query_as().persistent(sql::keeps_plan(list.text.as_ref())).fetch_all(conn).await?;
    let more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    Ok((rows, more))
}

/// A place in any list of listings.
pub(super) struct Place {
    pub(super) key: String,
    pub(super) best_mean: Option<f64>,
    pub(super) images: i32,
}

/// Where a listing stands now: one that moved meanwhile leads on from there. None when it is gone.
async fn place_of(conn: &mut PgConnection, view: &Viewpoint, key: &str) -> sqlx::Result<Option<Place>> {
    sqlx::query_as!(
        Place,
        "SELECT key, best_mean, images FROM listings WHERE generation_id = $1 AND key = $2",
        view.generation.0,
        key
    )
    .fetch_optional(conn)
    .await
}

/// How many listings the list has, counted up to [`COUNTED`].
///
/// # Errors
/// When the database refuses.
pub async fn total_listings(
    conn: &mut PgConnection,
    view: &Viewpoint,
    list: &Listings,
) -> sqlx::Result<Total> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT FROM listings l WHERE ");
    conditions(&mut sql, view, list);
    sql.push(" LIMIT ").push_bind(COUNTED + 1).push(") counted");
    sql.build_query_scalar()
        .persistent(sql::keeps_plan(list.text.as_ref()))
        .fetch_one(conn)
        .await
        .map(Total::counted)
}

pub(super) fn select(
    view: &Viewpoint,
    list: &Listings,
    after: Option<&Place>,
    limit: i64,
) -> QueryBuilder<Postgres> {
    let threshold = view.threshold.map(f64::from);
    let mut sql = QueryBuilder::new("SELECT l.key, l.images, l.best_mean, l.watch_evidence > ");
    sql.push_bind(threshold);
    sql.push(
        " AS has_watch, c.image_id AS image, i.sha256, c.width, c.height, c.watch_confidence, c.quality_std, i.signals,
          watch_label(c.verdict, c.watch_confidence, ",
    );
    sql.push_bind(threshold)
        .push(") AS watch, c.verdict IS NOT NULL AS by_people FROM (SELECT l.* FROM listings l WHERE ");
    conditions(&mut sql, view, list);
    if let Some(after) = after {
        beyond(&mut sql, list, after);
    }
    in_order(&mut sql, list);
    sql.push(" LIMIT ").push_bind(limit);
    sql.push(
        ") l LEFT JOIN catalog c ON c.generation_id = l.generation_id AND c.image_id = coalesce(l.best_image, (
              SELECT f.image_id FROM catalog f
              WHERE f.generation_id = l.generation_id AND f.listing_key = l.key AND NOT f.hidden
              ORDER BY f.quality_mean DESC, f.image_id DESC LIMIT 1))
          LEFT JOIN images i ON i.id = c.image_id",
    );
    in_order(&mut sql, list);
    sql
}

fn beyond(sql: &mut QueryBuilder<Postgres>, list: &Listings, after: &Place) {
    let (sign, column) = (list.order.further(), list.by.column());
    match list.by {
        By::Key => sql.push(format_args!(" AND l.key {sign} ")),
        By::Best => {
            sql.push(format_args!(" AND (l.{column}, l.key) {sign} (")).push_bind(after.best_mean).push(", ")
        }
        By::Images => {
            sql.push(format_args!(" AND (l.{column}, l.key) {sign} (")).push_bind(after.images).push(", ")
        }
    };
    sql.push_bind(after.key.clone()).push(if list.by == By::Key { "" } else { ")" });
}

fn in_order(sql: &mut QueryBuilder<Postgres>, list: &Listings) {
    let (direction, column) = (list.order.direction(), list.by.column());
    match list.by {
        By::Key => sql.push(format_args!(" ORDER BY l.key {direction}")),
        By::Best | By::Images => {
            sql.push(format_args!(" ORDER BY l.{column} {direction}, l.key {direction}"))
        }
    };
}

fn conditions(sql: &mut QueryBuilder<Postgres>, view: &Viewpoint, list: &Listings) {
    sql.push("l.generation_id = ").push_bind(view.generation.0);
    if list.by == By::Best && list.which != Which::Unscored {
        sql.push(" AND l.best_mean IS NOT NULL");
    }
    match list.which {
        Which::All => {}
        Which::Below(mean) => {
            sql.push(" AND l.best_mean < ").push_bind(mean);
        }
        Which::WithoutWatch => {
            sql.push(" AND l.watch_evidence <= ").push_bind(view.threshold.map(f64::from));
        }
        Which::Unscored => {
            sql.push(" AND l.best_mean IS NULL");
        }
    }
    if let Some(text) = &list.text {
        sql.push(" AND l.key ILIKE ").push_bind(sql::contains(text));
    }
}

impl By {
    const fn column(self) -> &'static str {
        match self {
            Self::Best => "best_mean",
            Self::Key => "key",
            Self::Images => "images",
        }
    }
}
