//! Deletes what the catalog holds of generations that are kept up no more, in pieces, so that it does not grow with every model
//! that ever served. What the models said stays: another generation of the same pair takes it over.

use sqlx::{PgConnection, PgPool};

use super::summary;
use crate::domain::GenerationId;

/// Rows in one piece: about a tenth of a second.
const PIECE: i64 = 1_000;

/// Deletes up to about `most` rows; answers how many. The last to be retired was shown until a moment ago, and somebody may be
/// reading it: nothing is deleted within ten minutes of the pages going to another one.
///
/// # Errors
/// When the database refuses; what was deleted until then is.
pub async fn clear(pool: &PgPool, most: i64) -> sqlx::Result<i64> {
    let mut conn = pool.acquire().await?;
    let mut all = 0;
    for generation in retired(&mut conn).await? {
        while all < most {
            let deleted =
                delete_images(&mut conn, generation).await? + delete_listings(&mut conn, generation).await?;
            if deleted == 0 {
                summary::forget(&mut conn, generation).await?;
                break;
            }
            all += deleted;
        }
    }
    Ok(all)
}

/// Retired generations that have rows, once nobody reads them any more.
async fn retired(conn: &mut PgConnection) -> sqlx::Result<Vec<GenerationId>> {
    sqlx::query_scalar!(
        r#"SELECT g.id AS "id: GenerationId" FROM generations g
           WHERE g.state = 'retired'
             AND EXISTS (SELECT FROM active_generation WHERE since < now() - interval '10 minutes')
             AND (EXISTS (SELECT FROM catalog c WHERE c.generation_id = g.id)
                  OR EXISTS (SELECT FROM listings l WHERE l.generation_id = g.id)
                  OR EXISTS (SELECT FROM catalog_summary s WHERE s.generation_id = g.id))
           ORDER BY g.id"#
    )
    .fetch_all(conn)
    .await
}

/// A piece; rows that somebody else has in hand are left for the next time. An array, for it is made once: a subquery that a plan looks
/// into again locks other rows each time, and deletes them too.
async fn delete_images(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<i64> {
    let deleted = sqlx::query!(
        "DELETE FROM catalog WHERE generation_id = $1 AND image_id = ANY (ARRAY(
             SELECT image_id FROM catalog WHERE generation_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        generation.0,
        PIECE
    );
    Ok(deleted.execute(conn).await?.rows_affected().cast_signed())
}

async fn delete_listings(conn: &mut PgConnection, generation: GenerationId) -> sqlx::Result<i64> {
    let deleted = sqlx::query!(
        "DELETE FROM listings WHERE generation_id = $1 AND key = ANY (ARRAY(
             SELECT key FROM listings WHERE generation_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        generation.0,
        PIECE
    );
    Ok(deleted.execute(conn).await?.rows_affected().cast_signed())
}
