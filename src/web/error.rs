//! Why a request is not answered; `table.rs` has what a visitor is told, and with which status.
//!
//! Causes are logged, once, and never shown. A browser gets a page, the API `application/problem+json`
//! (RFC 9457).

mod answer;
mod table;

use std::error::Error as StdError;

use actix_web::{
    HttpResponse, ResponseError,
    http::StatusCode,
    web::{FormConfig, PathConfig},
};

pub use self::answer::render;
use crate::{feedback::FeedbackError, ingest::upload::Refusal, jobs::JobError, objects::ObjectError};

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// A parameter is wrong; the sentence says which and how.
    #[error("{0}")]
    Parameter(String),
    /// What was asked does not fit how things stand; the sentence says why.
    #[error("{0}")]
    NotTaken(String),
    /// No token, or none that is known.
    #[error("no valid token")]
    Token,
    /// The token's role does not reach so far.
    #[error("the token's role does not allow it")]
    Role,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignIn,
    /// A token asks for what belongs to a person.
    #[error("a token is no person")]
    Person,
    /// A one-time link that was used, withdrawn, or is too old.
    #[error("the link is not good any more")]
    SpentLink,
    /// Too many tries at a password.
    #[error("too many tries")]
    TooMany,
    /// A form that was not sent by a page of ours.
    #[error("the form was sent by another site")]
    CrossSite,
    /// A list of a generation that is not kept any more.
    #[error("the cursor's generation is retired")]
    StaleCursor,
    /// A file that is sent cannot be taken.
    #[error("{reason}")]
    Refused {
        /// What kind of mistake it is.
        kind: Refusal,
        /// Why, in words.
        reason: String,
        /// The row in the ledger.
        ledger: i64,
    },
    /// A request with this idempotency key is being worked on.
    #[error("the request is being worked on")]
    InHand,
    /// The idempotency key belongs to another request.
    #[error("the idempotency key was used for another request")]
    OtherRequest,
    /// An upload cannot be written down.
    #[error("the spool of uploads failed")]
    Spool(#[source] std::io::Error),
    /// The original's bytes are gone.
    #[error("the original file is gone")]
    OriginalGone,
    /// The database did not answer.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The image store did not answer.
    #[error("the image store failed")]
    Objects(#[from] ObjectError),
    /// A mistake of ours.
    #[error("{0}")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl WebError {
    /// A mistake of ours, with its cause.
    pub fn internal(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

impl From<JobError> for WebError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Rows(error) => Self::Database(error),
            queue @ JobError::Queue(_) => Self::internal(queue),
        }
    }
}

impl From<FeedbackError> for WebError {
    fn from(error: FeedbackError) -> Self {
        match error {
            FeedbackError::Database(error) => Self::Database(error),
            FeedbackError::NoRound | FeedbackError::NoImage => Self::NotFound,
            refused => Self::NotTaken(refused.to_string()),
        }
    }
}

impl From<askama::Error> for WebError {
    fn from(error: askama::Error) -> Self {
        Self::internal(error)
    }
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        self.row().0
    }

    /// The status alone: [`render`] knows who asked, and gives it a body.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// A wrong field of a form is said in words.
pub fn form_config() -> FormConfig {
    FormConfig::default().error_handler(|error, _request| WebError::Parameter(error.to_string()).into())
}

/// What is no identifier names nothing.
pub fn path_config() -> PathConfig {
    PathConfig::default().error_handler(|_error, _request| WebError::NotFound.into())
}
