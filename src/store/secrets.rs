//! Random keys that all web processes share.

use rand::Rng;
use sqlx::PgConnection;

/// The key of 64 random bytes that is called `name`, made if there is none yet. Whoever comes first decides.
///
/// # Errors
/// When the database refuses.
pub async fn shared(conn: &mut PgConnection, name: &str) -> sqlx::Result<Vec<u8>> {
    let mut fresh = [0; 64];
    rand::rng().fill_bytes(&mut fresh);
    sqlx::query!(
        "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        name,
        &fresh[..]
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!("SELECT value FROM secrets WHERE name = $1", name).fetch_one(conn).await
}
