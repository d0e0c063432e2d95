//! Upload directories, and whether what is found there is believed.

use sqlx::PgConnection;

/// Whether a root's listing is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RootState {
    /// It is.
    #[default]
    Ok,
    /// It has no file, though files were seen there: a dropped mount rather than a mass deletion.
    Empty,
    /// It lies on another device, and nothing that was seen there is in it.
    Foreign,
    /// It cannot be read.
    Unreachable,
}

impl RootState {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Empty => "empty",
            Self::Foreign => "foreign",
            Self::Unreachable => "unreachable",
        }
    }
}

/// The device that a root was last believed on.
///
/// # Errors
/// When the database refuses.
pub async fn device(conn: &mut PgConnection, root: &str) -> sqlx::Result<Option<i64>> {
    let device =
        sqlx::query_scalar!("SELECT device FROM roots WHERE root = $1", root).fetch_optional(conn).await?;
    Ok(device.flatten())
}

/// Records a sweep of a root: whether it is believed, on which device, and how much CPU time it took.
///
/// # Errors
/// When the database refuses.
pub async fn swept(
    conn: &mut PgConnection,
    root: &str,
    state: RootState,
    device: Option<i64>,
    cpu_ms: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO roots (root, device, state, last_sweep_at, last_sweep_cpu_ms) VALUES ($1, $2, $3, now(), $4)
         ON CONFLICT (root) DO UPDATE
         SET device = coalesce(excluded.device, roots.device), state = excluded.state,
             last_sweep_at = excluded.last_sweep_at, last_sweep_cpu_ms = excluded.last_sweep_cpu_ms",
        root,
        device,
        state.as_str(),
        cpu_ms
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Records which of the two, events or the sweep, found the last new file.
///
/// # Errors
/// When the database refuses.
pub async fn found_by(conn: &mut PgConnection, root: &str, by: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO roots (root, last_found_by) VALUES ($1, $2)
         ON CONFLICT (root) DO UPDATE SET last_found_by = excluded.last_found_by",
        root,
        by
    )
    .execute(conn)
    .await
    .map(drop)
}
