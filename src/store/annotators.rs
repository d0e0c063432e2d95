//! People who sign in.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::{AnnotatorId, Role};

/// Somebody, as the list of people shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotator {
    /// Who.
    pub id: AnnotatorId,
    /// Name to sign in with and to show.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// Since when they may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when what they say counts nowhere.
    pub excluded_at: Option<DateTime<Utc>>,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// Until when the link is good with which they choose a password; none without such a link.
    pub link_until: Option<DateTime<Utc>>,
    /// When one of their sessions was last used.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Browsers in which they are signed in.
    pub sessions: i64,
}

/// What it takes to check a password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub id: AnnotatorId,
    /// Argon2 hash in PHC form; none until an invitation is used.
    pub password_hash: Option<String>,
    /// Whether they may sign in at all.
    pub is_disabled: bool,
}

/// Adds somebody. `false` when the name is taken (without regard to case).
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut PgConnection,
    id: AnnotatorId,
    name: &str,
    role: Role,
    password_hash: Option<&str>,
) -> sqlx::Result<bool> {
    let added = sqlx::query!(
        "INSERT INTO annotators (id, name, role, password_hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (lower(name)) DO NOTHING",
        id.0,
        name,
        role.as_str(),
        password_hash
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Whether somebody has the right and a password to administer the service.
///
/// # Errors
/// When the database refuses.
pub async fn is_set_up(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM annotators
                          WHERE role = 'admin' AND password_hash IS NOT NULL AND disabled_at IS NULL) AS "is!""#
    )
    .fetch_one(conn)
    .await
}

/// The credentials of whoever has this name, without regard to case.
///
/// # Errors
/// When the database refuses.
pub async fn credentials(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<Credentials>> {
    sqlx::query!(
        r#"SELECT id, password_hash, disabled_at IS NOT NULL AS "is_disabled!" FROM annotators WHERE lower(name) = lower($1)"#,
        name
    )
    .map(|row| Credentials {
        id: AnnotatorId(row.id),
        password_hash: row.password_hash,
        is_disabled: row.is_disabled,
    })
    .fetch_optional(conn)
    .await
}

/// Everybody, admins first, then by name.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<Annotator>> {
    sqlx::query!(
        r#"SELECT a.id, a.name, a.role, a.created_at, a.disabled_at, a.excluded_at,
                  a.password_hash IS NOT NULL AS "has_password!",
                  (SELECT max(expires_at) FROM one_time_links
                   WHERE annotator_id = a.id AND used_at IS NULL AND expires_at > now()) AS link_until,
                  greatest(a.last_seen_at, s.last_seen_at) AS last_seen_at, s.sessions AS "sessions!"
           FROM annotators a
           CROSS JOIN LATERAL (SELECT max(last_seen_at) AS last_seen_at, count(*) AS sessions
                               FROM sessions WHERE annotator_id = a.id AND expires_at > now()) s
           ORDER BY array_position(ARRAY['admin', 'manager', 'annotator'], a.role), lower(a.name)"#
    )
    .try_map(|row| {
        Ok(Annotator {
            id: AnnotatorId(row.id),
            name: row.name,
            role: row.role.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
            excluded_at: row.excluded_at,
            has_password: row.has_password,
            link_until: row.link_until,
            last_seen_at: row.last_seen_at,
            sessions: row.sessions,
        })
    })
    .fetch_all(conn)
    .await
}

/// Gives somebody a new password. `false` when there is nobody like that.
///
/// # Errors
/// When the database refuses.
pub async fn set_password(conn: &mut PgConnection, id: AnnotatorId, hash: &str) -> sqlx::Result<bool> {
    let set = sqlx::query!("UPDATE annotators SET password_hash = $2 WHERE id = $1", id.0, hash);
    Ok(set.execute(conn).await?.rows_affected() == 1)
}

/// Gives somebody another role. `false` when there is nobody like that.
///
/// # Errors
/// When the database refuses.
pub async fn set_role(conn: &mut PgConnection, id: AnnotatorId, role: Role) -> sqlx::Result<bool> {
    let set = sqlx::query!("UPDATE annotators SET role = $2 WHERE id = $1", id.0, role.as_str());
    Ok(set.execute(conn).await?.rows_affected() == 1)
}

/// Gives somebody another name. `false` when it is taken.
///
/// # Errors
/// When the database refuses.
pub async fn rename(conn: &mut PgConnection, id: AnnotatorId, name: &str) -> sqlx::Result<bool> {
    let renamed = sqlx::query!(
        "UPDATE annotators SET name = $2 WHERE id = $1
         AND NOT EXISTS (SELECT FROM annotators WHERE lower(name) = lower($2) AND id <> $1)",
        id.0,
        name
    );
    Ok(renamed.execute(conn).await?.rows_affected() == 1)
}

/// Lets somebody sign in, or not any more. What they said stays and counts. `false` when there is nobody like that.
///
/// # Errors
/// When the database refuses.
pub async fn set_disabled(
    conn: &mut PgConnection,
    id: AnnotatorId,
    since: Option<DateTime<Utc>>,
) -> sqlx::Result<bool> {
    let set = sqlx::query!("UPDATE annotators SET disabled_at = $2 WHERE id = $1", id.0, since);
    Ok(set.execute(conn).await?.rows_affected() == 1)
}

/// Whether `id` is the only admin who can sign in. While there is none, the set-up link makes one.
///
/// # Errors
/// When the database refuses.
pub async fn is_last_admin(conn: &mut PgConnection, id: AnnotatorId) -> sqlx::Result<bool> {
    // The rows are locked, so that two admins cannot put each other out at the same moment.
    let admins = sqlx::query_scalar!(
        "SELECT id FROM annotators WHERE role = 'admin' AND disabled_at IS NULL AND password_hash IS NOT NULL
         ORDER BY id FOR UPDATE"
    )
    .fetch_all(conn)
    .await?;
    Ok(admins == [id.0])
}
