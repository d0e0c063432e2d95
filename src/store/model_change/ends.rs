//! Who enters and who leaves the ends of the ranking with another pair of models.

use sqlx::PgConnection;

use super::Mover;
use crate::store::viewpoint::Viewpoint;

/// An image's places among the watches of either generation, from 1; none where that generation says it is no watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// With the first generation and with the second, from the best on.
    pub from_top: (Option<i64>, Option<i64>),
    /// The same from the worst on.
    pub from_bottom: (Option<i64>, Option<i64>),
}

/// The images that are among the `length` best or worst watches of one generation and not of the other, with their places. Both
/// lists are of what both have scored and nobody hid: while the second is being filled, nothing leaves for want of a score.
///
/// # Errors
/// When the database refuses.
pub async fn enter_or_leave(
    conn: &mut PgConnection,
    (of, with): (&Viewpoint, &Viewpoint),
    length: i64,
) -> sqlx::Result<Vec<(Mover, Places)>> {
    let rows = sqlx::query!(
        r#"WITH both_scored AS (
               SELECT a.image_id, b.filename, a.quality_mean AS quality_a, b.quality_mean AS quality_b,
                      a.watch_confidence AS watch_a, b.watch_confidence AS watch_b,
                      coalesce(watch_label(a.verdict, a.watch_confidence, $3), false) AS label_a,
                      coalesce(watch_label(b.verdict, b.watch_confidence, $4), false) AS label_b
               FROM catalog a JOIN catalog b ON b.generation_id = $2 AND b.image_id = a.image_id
               WHERE a.generation_id = $1 AND NOT b.hidden
                 AND a.quality_mean IS NOT NULL AND b.quality_mean IS NOT NULL
                 AND a.watch_confidence IS NOT NULL AND b.watch_confidence IS NOT NULL
           ), placed AS (
               SELECT *,
                      CASE WHEN label_a THEN row_number() OVER (PARTITION BY label_a ORDER BY quality_a DESC, image_id DESC) END AS top_a,
                      CASE WHEN label_b THEN row_number() OVER (PARTITION BY label_b ORDER BY quality_b DESC, image_id DESC) END AS top_b,
                      CASE WHEN label_a THEN row_number() OVER (PARTITION BY label_a ORDER BY quality_a, image_id) END AS bottom_a,
                      CASE WHEN label_b THEN row_number() OVER (PARTITION BY label_b ORDER BY quality_b, image_id) END AS bottom_b
               FROM both_scored
           )
           SELECT p.image_id AS "id!", i.sha256, p.filename AS "filename!", quality_a AS "quality_a!", quality_b AS "quality_b!",
                  watch_a AS "watch_a!", watch_b AS "watch_b!", top_a, top_b, bottom_a, bottom_b
           FROM placed p JOIN images i ON i.id = p.image_id
           WHERE (coalesce(top_a, $5::bigint + 1) <= $5::bigint) <> (coalesce(top_b, $5::bigint + 1) <= $5::bigint)
              OR (coalesce(bottom_a, $5::bigint + 1) <= $5::bigint) <> (coalesce(bottom_b, $5::bigint + 1) <= $5::bigint)"#,
        of.generation.0,
        with.generation.0,
        of.threshold.map(f64::from),
        with.threshold.map(f64::from),
        length
    );
    let rows = rows.fetch_all(conn).await?.into_iter().map(|row| {
        let mover = Mover {
            image: row.id,
            sha256: row.sha256,
            filename: row.filename,
            quality: (row.quality_a, row.quality_b),
            confidence: (row.watch_a, row.watch_b),
        };
        let places = Places { from_top: (row.top_a, row.top_b), from_bottom: (row.bottom_a, row.bottom_b) };
        (mover, places)
    });
    Ok(rows.collect())
}
