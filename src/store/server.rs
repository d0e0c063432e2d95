//! The database server itself.

use sqlx::PgConnection;

/// What people ask about a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The server's version, such as `15.7`.
    pub version: String,
    /// What the database takes on disk, with its indexes, in bytes.
    pub bytes: i64,
}

/// The facts of this moment.
///
/// # Errors
/// When the database refuses.
pub async fn facts(conn: &mut PgConnection) -> sqlx::Result<Facts> {
    sqlx::query_as!(
        Facts,
        r#"SELECT split_part(current_setting('server_version'), ' ', 1) AS "version!",
                  pg_database_size(current_database()) AS "bytes!""#
    )
    .fetch_one(conn)
    .await
}
