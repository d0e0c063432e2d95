//! The first start: while there is no admin, a link in the log makes one.

use sqlx::PgPool;

use crate::{
    clock::Clock,
    config::{Secret, Settings},
    domain::Token,
    store::{annotators, links},
};

/// Makes the link that makes the first admin; none when there is an admin. With `CHRONOGRADE_SETUP_TOKEN(_FILE)`
/// the link is the same at every start, and the log does not tell it.
///
/// # Errors
/// When the database refuses.
pub async fn link(pool: &PgPool, settings: &Settings, clock: &Clock) -> sqlx::Result<Option<SetUp>> {
    let mut conn = pool.acquire().await?;
    if annotators::is_set_up(&mut conn).await? {
        return Ok(None);
    }
    let given = settings.setup_token.as_ref().map(|token| Token::presented(Secret::reveal(token)));
    let token = given.clone().unwrap_or_else(|| Token::generate(&mut rand::rng()));
    links::add_setup(&mut conn, &token, clock.now()).await?;
    Ok(Some(if given.is_some() { SetUp::Given } else { SetUp::Fresh(token) }))
}

/// How the first admin is made.
pub enum SetUp {
    /// With the token that the settings name.
    Given,
    /// With this one.
    Fresh(Token),
}

impl SetUp {
    /// A sentence for the log. `address` is where the pages are.
    pub fn in_words(&self, address: &str) -> String {
        match self {
            Self::Given => format!(
                "there is no admin yet: open {address}/link/TOKEN with the token of CHRONOGRADE_SETUP_TOKEN to make one"
            ),
            Self::Fresh(token) => {
                format!("there is no admin yet: open {address}/link/{} to make one", token.reveal())
            }
        }
    }
}
