//! How long lists are, and what no list shows: counted as far as people care to know.

use sqlx::PgConnection;

use super::{
    By, Cursor, Listings, Ranking, Sort, Watch,
    sql::{self, Walk},
    total_listings,
};
use crate::store::{summary, viewpoint::Viewpoint};

/// Totals are counted up to here; beyond, "more than" is all that is said.
pub const COUNTED: i64 = 10_000;

/// A count that stops at [`COUNTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The number, at most [`COUNTED`].
    pub count: i64,
    /// Whether that is all of them.
    pub is_exact: bool,
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
    let count: i64 =
        sql.build_query_scalar().persistent(sql::keeps_plan(ranking.text.as_ref())).fetch_one(conn).await?;
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
    sql.build_query_scalar()
        .persistent(sql::keeps_plan(ranking.text.as_ref()))
        .fetch_one(conn)
        .await
        .map(Total::counted)
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
    let (all, labelled): (i64, i64) =
        sql.build_query_as().persistent(sql::keeps_plan(ranking.text.as_ref())).fetch_one(conn).await?;
    let all = Total::counted(all);
    let labelled = match all.is_exact {
        true => Total { count: labelled, is_exact: true },
        false => Total::at_least(labelled),
    };
    Ok((all, labelled))
}

/// Whether the summaries alone tell that a list of one of the usual kinds has more than [`COUNTED`] images, so that
/// nobody need count so far. What they do not tell is counted.
pub(super) async fn is_surely_long(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
) -> sqlx::Result<bool> {
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
    pub(super) fn counted(count: i64) -> Self {
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
