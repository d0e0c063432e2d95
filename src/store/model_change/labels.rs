//! How many images get another label with another pair of models.

use sqlx::PgConnection;

use crate::store::viewpoint::Viewpoint;

/// Images that both generations have scored and nobody hid, by how their watch label changes: people's verdict stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relabelled {
    /// All of them.
    pub images: i64,
    /// Those that are watches with the second generation only.
    pub become_watches: i64,
    /// Those that are watches with the first generation only.
    pub stop_being_watches: i64,
}

/// How the labels change, by the threshold that holds for each generation's watch model. Without one an image has no label but
/// people's, and is not counted as one that changes.
///
/// # Errors
/// When the database refuses.
pub async fn relabelled(
    conn: &mut PgConnection,
    (of, with): (&Viewpoint, &Viewpoint),
) -> sqlx::Result<Relabelled> {
    sqlx::query_as!(
        Relabelled,
        r#"SELECT count(*) AS "images!",
                  count(*) FILTER (WHERE label_b AND NOT label_a) AS "become_watches!",
                  count(*) FILTER (WHERE label_a AND NOT label_b) AS "stop_being_watches!"
           FROM (SELECT watch_label(a.verdict, a.watch_confidence, $3) AS label_a,
                        watch_label(b.verdict, b.watch_confidence, $4) AS label_b
                 FROM catalog a JOIN catalog b ON b.generation_id = $2 AND b.image_id = a.image_id
                 WHERE a.generation_id = $1 AND NOT b.hidden
                   AND a.quality_mean IS NOT NULL AND b.quality_mean IS NOT NULL
                   AND a.watch_confidence IS NOT NULL AND b.watch_confidence IS NOT NULL) both_scored"#,
        of.generation.0,
        with.generation.0,
        of.threshold.map(f64::from),
        with.threshold.map(f64::from),
    )
    .fetch_one(conn)
    .await
}
