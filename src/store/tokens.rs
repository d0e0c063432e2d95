//! API tokens: whoever bears one may read, and the database keeps its hash only.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use rand::Rng;

/// A secret of 256 random bits, shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A fresh one.
    pub fn generate(rng: &mut impl Rng) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self(format!("cg_{}", hex::encode(secret)))
    }

    /// What a request claims to be one.
    pub fn presented(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text that the bearer shows.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the database keeps. One round of SHA-256 is enough for 256 random bits.
    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// Records a token. `false` when the name is taken.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut PgConnection, name: &str, role: &str, token: &Token) -> sqlx::Result<bool> {
    let added = sqlx::query!(
        "INSERT INTO api_tokens (name, sha256, role) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        name,
        &token.digest()[..],
        role
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// The role of a token's bearer, noting the use to the minute; none for a token that is unknown or revoked.
///
/// The look-up is by the SHA-256 of what was presented: how long it takes says nothing about a token that
/// somebody guesses at, as its hash cannot be chosen.
///
/// # Errors
/// When the database refuses.
pub async fn role_of(conn: &mut PgConnection, token: &Token) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"WITH known AS (
               SELECT id, role, last_used_at FROM api_tokens WHERE sha256 = $1 AND revoked_at IS NULL
           ), noted AS (
               UPDATE api_tokens t SET last_used_at = date_trunc('minute', now()) FROM known
               WHERE t.id = known.id AND known.last_used_at IS DISTINCT FROM date_trunc('minute', now())
           )
           SELECT role FROM known"#,
        &token.digest()[..]
    )
    .fetch_optional(conn)
    .await
}
