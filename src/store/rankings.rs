//! Every ranked list, by keyset over the one table `catalog`.
//!
//! This is the only file that puts SQL together at run time: sort, order and filters vary together, and each
//! combination is to be answered from the index of its sort key. A test explains every one.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

pub use super::ranking::{Cursor, CursorError, Key, Order, Ranking, Sort, Watch};
use super::viewpoint::Viewpoint;

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
    /// How many those are.
    pub votes: i32,
    /// Variance of the Laplacian.
    pub sharpness: Option<f64>,
    /// When it first came in.
    pub ingested_at: DateTime<Utc>,
}

/// A page of a ranked list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The images, in order.
    pub images: Vec<Ranked>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

/// A count that stops at [`COUNTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The number, at most [`COUNTED`].
    pub count: i64,
    /// Whether that is all of them.
    pub is_exact: bool,
}

/// Up to `limit` images of `ranking`, after the cursor if there is one. No page repeats or skips an image that
/// stays as it is, equal keys being ordered by identifier.
///
/// # Errors
/// When the database refuses.
pub async fn page(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    after: Option<&Cursor>,
    limit: u16,
) -> sqlx::Result<Page> {
    let mut sql = select(view, ranking, after, i64::from(limit) + 1);
    let mut images: Vec<Ranked> = sql.build_query_as().fetch_all(conn).await?;
    let more = images.len() > usize::from(limit);
    images.truncate(usize::from(limit));
    let last = images.last().filter(|_| more);
    let next = last.and_then(|last| {
        let (sort, order) = (ranking.sort, ranking.order);
        Some(Cursor { generation: view.generation, sort, order, key: last.key(sort)?, image: last.id })
    });
    Ok(Page { images, next })
}

/// How many images `ranking` has, counted up to [`COUNTED`].
///
/// # Errors
/// When the database refuses.
pub async fn total(conn: &mut PgConnection, view: &Viewpoint, ranking: &Ranking) -> sqlx::Result<Total> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT FROM catalog c WHERE ");
    conditions(&mut sql, view, ranking);
    sql.push(" LIMIT ").push_bind(COUNTED + 1).push(") counted");
    sql.build_query_scalar().fetch_one(conn).await.map(Total::counted)
}

/// How many images of the generation that are not hidden lack a score of one of its models.
///
/// # Errors
/// When the database refuses.
pub async fn unscored(conn: &mut PgConnection, view: &Viewpoint) -> sqlx::Result<Total> {
    let counted = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
               SELECT FROM catalog
               WHERE generation_id = $1 AND NOT hidden AND (quality_mean IS NULL OR watch_confidence IS NULL)
               LIMIT $2) counted"#,
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

/// For each of `means`: the share of the generation's images whose quality mean is lower, 0 to 1. Nothing while
/// there are more than [`COUNTED`] images, where counting them would make the page slow.
///
/// # Errors
/// When the database refuses.
pub async fn shares_below(
    conn: &mut PgConnection,
    view: &Viewpoint,
    means: &[f64],
) -> sqlx::Result<Option<Vec<f64>>> {
    let all = sqlx::query_scalar!(
        r#"SELECT quality_mean AS "mean!" FROM catalog
           WHERE generation_id = $1 AND NOT hidden AND quality_mean IS NOT NULL
             AND (SELECT count(*) FROM (
                      SELECT FROM catalog WHERE generation_id = $1 AND quality_mean IS NOT NULL LIMIT $2) counted) < $2
           ORDER BY quality_mean"#,
        view.generation.0,
        COUNTED + 1
    )
    .fetch_all(conn)
    .await?;
    Ok((!all.is_empty()).then(|| means.iter().map(|mean| share_below(&all, *mean)).collect()))
}

/// The share of `sorted` that is lower than `value`.
#[expect(clippy::cast_precision_loss, reason = "at most 10,000 values")]
fn share_below(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|other| *other < value);
    below as f64 / sorted.len().max(1) as f64
}

impl Total {
    fn counted(count: i64) -> Self {
        Self { count: count.min(COUNTED), is_exact: count <= COUNTED }
    }
}

impl Ranked {
    fn key(&self, sort: Sort) -> Option<Key> {
        match sort {
            Sort::Quality => self.quality_mean.map(Key::Number),
            Sort::Watch => self.watch_confidence.map(Key::Number),
            Sort::Human => self.human_mean.map(Key::Number),
            Sort::Sharpness => self.sharpness.map(Key::Number),
            Sort::Newest => Some(Key::Time(self.ingested_at)),
        }
    }
}

/// The page's rows come from one index scan; only they are joined with what the catalog does not hold.
fn select(view: &Viewpoint, ranking: &Ranking, after: Option<&Cursor>, limit: i64) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(
        "SELECT c.image_id, i.sha256, c.filename, c.listing_key, c.width, c.height, c.verdict,
                c.watch_confidence, c.quality_mean, c.quality_std, c.human_mean, c.votes, c.sharpness,
                c.ingested_at, watch_label(c.verdict, c.watch_confidence, ",
    );
    sql.push_bind(view.threshold.map(f64::from)).push(") AS watch FROM (SELECT * FROM catalog c WHERE ");
    conditions(&mut sql, view, ranking);
    if let Some(cursor) = after {
        let (column, further) = (ranking.sort.column(), ranking.order.further());
        sql.push(format_args!(" AND (c.{column}, c.image_id) {further} ("));
        cursor.key.bind(&mut sql);
        sql.push(", ").push_bind(cursor.image).push(")");
    }
    in_order(&mut sql, ranking);
    sql.push(" LIMIT ").push_bind(limit).push(") c JOIN images i ON i.id = c.image_id");
    in_order(&mut sql, ranking);
    sql
}

fn in_order(sql: &mut QueryBuilder<Postgres>, ranking: &Ranking) {
    let (column, direction) = (ranking.sort.column(), ranking.order.direction());
    sql.push(format_args!(" ORDER BY c.{column} {direction}, c.image_id {direction}"));
}

/// What an image `c` must fulfil to be listed.
fn conditions(sql: &mut QueryBuilder<Postgres>, view: &Viewpoint, ranking: &Ranking) {
    filter(sql, "c", view, ranking);
    if ranking.one_per_listing {
        let (column, further) = (ranking.sort.column(), ranking.order.further());
        sql.push(
            " AND (c.listing_key IS NULL OR NOT EXISTS (
                  SELECT FROM catalog b WHERE b.listing_key = c.listing_key AND ",
        );
        filter(sql, "b", view, ranking);
        sql.push(format_args!(" AND (c.{column}, c.image_id) {further} (b.{column}, b.image_id)))"));
    }
}

/// The filters, on the catalog row that is called `row`.
fn filter(sql: &mut QueryBuilder<Postgres>, row: &str, view: &Viewpoint, ranking: &Ranking) {
    let column = ranking.sort.column();
    sql.push(format_args!("{row}.generation_id = ")).push_bind(view.generation.0);
    sql.push(format_args!(" AND NOT {row}.hidden AND {row}.{column} IS NOT NULL"));
    for (bound, sign) in [(&ranking.min, ">="), (&ranking.max, "<=")] {
        if let Some(bound) = bound {
            sql.push(format_args!(" AND {row}.{column} {sign} "));
            bound.bind(sql);
        }
    }
    filter_watch(sql, row, view, ranking.watch);
    if let Some(listing) = &ranking.listing {
        sql.push(format_args!(" AND {row}.listing_key = ")).push_bind(listing.clone());
    }
    if let Some(text) = &ranking.text {
        let pattern = contains(text);
        sql.push(format_args!(" AND ({row}.filename ILIKE ")).push_bind(pattern.clone());
        sql.push(format_args!(" OR {row}.listing_key ILIKE ")).push_bind(pattern).push(")");
    }
}

fn filter_watch(sql: &mut QueryBuilder<Postgres>, row: &str, view: &Viewpoint, watch: Watch) {
    let threshold = view.threshold.map(f64::from);
    match watch {
        Watch::Any => {}
        Watch::Yes | Watch::No => {
            let not = if watch == Watch::No { "NOT " } else { "" };
            sql.push(format_args!(" AND {not}watch_label({row}.verdict, {row}.watch_confidence, "));
            sql.push_bind(threshold).push(")");
        }
        Watch::Doubtful => {
            let (low, high) = threshold.map(Watch::doubtful_band).unzip();
            sql.push(format_args!(" AND {row}.verdict IS NULL AND {row}.watch_confidence BETWEEN "));
            sql.push_bind(low).push(" AND ").push_bind(high);
        }
    }
}

/// A pattern for what contains `text`, taken literally.
fn contains(text: &str) -> String {
    let literal = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{literal}%")
}

impl Key {
    fn bind(&self, sql: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Number(number) => sql.push_bind(*number),
            Self::Time(time) => sql.push_bind(*time),
        };
    }
}

#[cfg(test)]
mod tests;
