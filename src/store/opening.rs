//! Gives generations their rows: what the galleries read and what is to be scored, in pieces between which everything else goes on.
//!
//! While a piece is written, whoever changes what a row shows waits ([`generations::hold`]): otherwise a change that is not
//! committed yet would be missing from the new row, and nothing would ever mend it.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{catalog, evidence, generations, scorings};
use crate::domain::{GenerationId, ImageId};

/// Images in one piece: about a tenth of a second.
const PIECE: i64 = 1_000;

/// Opens the generations that are new, and mends what a crash or a hand in the database left without its rows.
///
/// # Errors
/// When the database refuses; what was opened until then stays.
pub async fn open(pool: &PgPool) -> sqlx::Result<()> {
    while let Some(generation) = generations::unopened(&mut *pool.acquire().await?).await? {
        let mut last = Some(Uuid::nil());
        while let Some(after) = last {
            last = open_piece(pool, generation, after).await?;
        }
    }
    while mend(pool).await? {}
    Ok(())
}

/// Opens the images behind `after`, in the order of their ids; the last one of them, or none if that was all.
async fn open_piece(pool: &PgPool, generation: GenerationId, after: Uuid) -> sqlx::Result<Option<Uuid>> {
    let mut tx = pool.begin().await?;
    generations::keep_out(&mut tx).await?;
    let images = sqlx::query_scalar!(
        r#"SELECT id AS "id: ImageId" FROM images WHERE id > $1 ORDER BY id LIMIT $2"#,
        after,
        PIECE
    );
    let images = images.fetch_all(&mut *tx).await?;
    give_rows(&mut tx, &images).await?;
    if images.is_empty() {
        generations::opened(&mut tx, generation).await?;
    }
    tx.commit().await?;
    Ok(images.last().map(|image| image.0))
}

/// Gives a piece of the images that lack a row in a generation what they lack: none, unless something went wrong. Whether there may be
/// more.
async fn mend(pool: &PgPool) -> sqlx::Result<bool> {
    let lacking = sqlx::query_scalar!(
        r#"SELECT i.id AS "id!: ImageId" FROM images i CROSS JOIN generations g
           WHERE g.state <> 'retired'
             AND NOT EXISTS (SELECT FROM catalog c WHERE c.generation_id = g.id AND c.image_id = i.id)
           UNION
           SELECT i.id FROM images i CROSS JOIN generations g
           CROSS JOIN LATERAL (VALUES (g.watch_model), (g.quality_model)) AS served (model)
           WHERE g.state <> 'retired'
             AND NOT EXISTS (SELECT FROM scorings s WHERE s.image_id = i.id AND s.model_id = served.model)
           LIMIT $1"#,
        PIECE
    );
    let lacking: Vec<ImageId> = lacking.fetch_all(pool).await?;
    if lacking.is_empty() {
        return Ok(false);
    }
    let mut tx = pool.begin().await?;
    generations::keep_out(&mut tx).await?;
    give_rows(&mut tx, &lacking).await?;
    tx.commit().await?;
    Ok(i64::try_from(lacking.len()).is_ok_and(|given| given == PIECE))
}

async fn give_rows(conn: &mut PgConnection, images: &[ImageId]) -> sqlx::Result<()> {
    catalog::open(&mut *conn, images).await?;
    scorings::request_lacking(&mut *conn, images).await?;
    evidence::refresh_judged(&mut *conn, images).await?;
    let ids: Vec<Uuid> = images.iter().map(|image| image.0).collect();
    let listings = sqlx::query_scalar!(
        r#"SELECT DISTINCT listing_key AS "key!" FROM images WHERE id = ANY ($1) AND listing_key IS NOT NULL"#,
        &ids
    );
    let listings = listings.fetch_all(&mut *conn).await?;
    catalog::refresh_listings(conn, &listings).await
}
