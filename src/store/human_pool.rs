//! How the votes of all images scatter: what says how sure a mean of few votes is, and how far it is drawn towards the
//! catalog's.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::comparison::{Pool, VoteCounts};

/// Ranks are moved when they differ by more than this: less cannot be seen.
const VISIBLE: f64 = 0.001;

/// The pool of a minute ago at most; before the first vote what is known of other catalogs.
///
/// # Errors
/// When the database refuses.
pub async fn read(conn: &mut PgConnection) -> sqlx::Result<Pool> {
    let pool = sqlx::query_as!(Pool, "SELECT mean, within_variance, between_variance FROM human_pool");
    Ok(pool.fetch_optional(conn).await?.unwrap_or_else(|| Pool::of([])))
}

/// Pools the votes anew if there are new ones, and draws every image's mean towards the new mean. Whether there were.
///
/// # Errors
/// When the database refuses.
pub async fn recount(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let newest = sqlx::query_scalar!(r#"SELECT coalesce(max(id), 0) AS "newest!" FROM votes"#);
    let newest = newest.fetch_one(&mut *conn).await?;
    let known = sqlx::query_scalar!("SELECT newest_vote FROM human_pool").fetch_optional(&mut *conn).await?;
    if newest == 0 || known == Some(newest) {
        return Ok(false);
    }
    let pool = Pool::of(&counts(conn).await?);
    sqlx::query!(
        "INSERT INTO human_pool (mean, within_variance, between_variance, newest_vote) VALUES ($1, $2, $3, $4)
         ON CONFLICT (one) DO UPDATE
         SET mean = excluded.mean, within_variance = excluded.within_variance,
             between_variance = excluded.between_variance, newest_vote = excluded.newest_vote",
        pool.mean,
        pool.within_variance,
        pool.between_variance,
        newest
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE catalog c SET human_rank = r.rank
         FROM catalog o CROSS JOIN human_pool p
         CROSS JOIN LATERAL (SELECT p.mean + (o.human_mean - p.mean) * o.votes * p.between_variance
                                    / (o.votes * p.between_variance + p.within_variance) AS rank) r
         WHERE o.human_rank IS NOT NULL AND c.generation_id = o.generation_id AND c.image_id = o.image_id
           AND EXISTS (SELECT FROM generations g WHERE g.id = c.generation_id AND g.state <> 'retired')
           AND abs(o.human_rank - r.rank) > $1",
        VISIBLE
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// The votes that count, image by image.
async fn counts(conn: &mut PgConnection) -> sqlx::Result<Vec<VoteCounts>> {
    let votes = sqlx::query!(
        r#"SELECT image_id AS "image!: Uuid", score AS "score!", count(*) AS "count!" FROM human_votes GROUP BY 1, 2"#
    );
    let mut images: HashMap<Uuid, [u32; 10]> = HashMap::new();
    for row in votes.fetch_all(conn).await? {
        let bin = usize::try_from(row.score - 1).unwrap_or_default().min(9);
        images.entry(row.image).or_default()[bin] += u32::try_from(row.count).unwrap_or_default();
    }
    Ok(images.into_values().filter_map(|counts| VoteCounts::new(counts).ok()).collect())
}
