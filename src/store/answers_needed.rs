//! How many annotators' answers make a label: the latest setting holds, and a change recounts what people said.

use sqlx::{PgConnection, PgPool};

use super::evidence;

/// The name of the setting.
const NAME: &str = "corrections_needed";
/// Where nobody ever set it.
const USUAL: i32 = 2;

/// How many annotators' answers it takes to label an image.
///
/// # Errors
/// When the database refuses.
pub async fn now(conn: &mut PgConnection) -> sqlx::Result<i32> {
    let set = sqlx::query_scalar!(
        r#"SELECT (value #>> '{}')::int AS "value!" FROM settings WHERE name = $1 ORDER BY id DESC LIMIT 1"#,
        NAME
    );
    Ok(set.fetch_optional(conn).await?.unwrap_or(USUAL))
}

/// Makes `number` hold from now on, and labels the images that annotators answered about anew. Nothing happens where it
/// holds already.
///
/// # Errors
/// When the database refuses.
pub async fn keep(pool: &PgPool, number: u32) -> sqlx::Result<()> {
    let number = i32::try_from(number.max(1)).unwrap_or(i32::MAX);
    let mut tx = pool.begin().await?;
    // Processes that start together set it once.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('setting ' || $1, 0))", NAME)
        .execute(&mut *tx)
        .await?;
    if now(&mut tx).await? == number {
        return tx.commit().await;
    }
    sqlx::query!("INSERT INTO settings (name, value) VALUES ($1, to_jsonb($2::int))", NAME, number)
        .execute(&mut *tx)
        .await?;
    let answered = sqlx::query_scalar!(
        "SELECT DISTINCT image_id FROM corrections WHERE kind = 'answer' AND superseded_at IS NULL ORDER BY 1"
    );
    let answered = answered.fetch_all(&mut *tx).await?;
    evidence::refresh_answers(&mut tx, &answered).await?;
    tx.commit().await
}
