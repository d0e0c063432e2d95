//! The database as a whole: for backups, which must hold every table, and for `doctor`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Rows of every table, ours and the queue's, by `schema.table`.
///
/// # Errors
/// When the database refuses.
pub async fn rows(conn: &mut PgConnection) -> sqlx::Result<BTreeMap<String, i64>> {
    let tables = sqlx::query!(
        r#"SELECT schemaname || '.' || tablename AS "name!",
                  format('SELECT count(*) FROM ONLY %I.%I', schemaname, tablename) AS "count!"
           FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker')"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        // The names come from the server, quoted by it.
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(table.count)).fetch_one(&mut *conn).await?;
        rows.insert(table.name, count);
    }
    Ok(rows)
}

/// Whether there is no table at all.
///
/// # Errors
/// When the database refuses.
pub async fn is_empty(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (SELECT FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker')) AS "empty!""#
    )
    .fetch_one(conn)
    .await
}

/// The server's major version.
///
/// # Errors
/// When the database refuses.
pub async fn server_major(conn: &mut PgConnection) -> sqlx::Result<u32> {
    let number =
        sqlx::query_scalar!(r#"SELECT current_setting('server_version_num')::int / 10000 AS "major!""#)
            .fetch_one(conn)
            .await?;
    Ok(u32::try_from(number).unwrap_or_default())
}

/// Hands this transaction's snapshot to other connections, for as long as the transaction is open.
///
/// # Errors
/// When the database refuses.
pub async fn export_snapshot(conn: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar!(r#"SELECT pg_export_snapshot() AS "snapshot!""#).fetch_one(conn).await
}

/// Names of the models that serve.
///
/// # Errors
/// When the database refuses.
pub async fn models(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT m.name FROM active_generation a
         JOIN generations g ON g.id = a.generation_id
         JOIN models m ON m.id IN (g.watch_model, g.quality_model) ORDER BY m.name"
    )
    .fetch_all(conn)
    .await
}

/// Paths below `root` of images whose bytes lie there and nowhere else.
///
/// # Errors
/// When the database refuses.
pub async fn referenced(conn: &mut PgConnection, root: &str) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT s.path FROM sightings s JOIN images i ON i.id = s.image_id
         WHERE s.root = $1 AND s.state = 'imported' AND s.superseded_at IS NULL AND i.stored_key IS NULL
         ORDER BY s.path",
        root
    )
    .fetch_all(conn)
    .await
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its version.
    pub version: String,
    /// Size of this database.
    pub bytes: i64,
    /// Connections that are open, to any of its databases.
    pub connections: i64,
    /// Connections that it allows.
    pub most_connections: i64,
}

/// What the server says of itself.
///
/// # Errors
/// When the database refuses.
pub async fn server(conn: &mut PgConnection) -> sqlx::Result<Server> {
    sqlx::query_as!(
        Server,
        r#"SELECT split_part(current_setting('server_version'), ' ', 1) AS "version!",
                  pg_database_size(current_database()) AS "bytes!",
                  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS "connections!",
                  current_setting('max_connections')::BIGINT AS "most_connections!""#
    )
    .fetch_one(conn)
    .await
}

/// The server's time.
///
/// # Errors
/// When the database refuses.
pub async fn now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(conn).await
}

/// Versions of the migrations that were applied. They are in a table of sqlx's, hence no query that the compiler checks.
///
/// # Errors
/// When the database refuses.
pub async fn migrations(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
        .fetch_all(conn)
        .await
}
