//! The one table of errors: what a visitor is told, and with which status.
//!
//! Causes are logged, once, and never shown. A browser gets a page, the API `application/problem+json`
//! (RFC 9457).

use std::error::Error as StdError;

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{StatusCode, header},
    middleware::Next,
    web::{Data, FormConfig, PathConfig, QueryConfig},
};
use askama::Template;
use serde_json::json;

use super::{Site, account::Caller, api::description::Problem};
use crate::{
    domain::Role, feedback::FeedbackError, gallery::frame::Frame, ingest::upload::Refusal, jobs::JobError,
    objects::ObjectError,
};

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

/// What is shown: status, title, text.
type Row = (StatusCode, &'static str, &'static str);

const NOT_FOUND: Row = (
    StatusCode::NOT_FOUND,
    "There is nothing here",
    "The address is wrong, or what was here is not in the catalog any more.",
);
const METHOD: Row = (
    StatusCode::METHOD_NOT_ALLOWED,
    "That cannot be done here",
    "This address does not answer requests of that kind.",
);
const PARAMETER: Row =
    (StatusCode::BAD_REQUEST, "The address has a mistake", "One of its parameters cannot be understood.");
const NOT_TAKEN: Row =
    (StatusCode::CONFLICT, "That was not taken", "It does not fit how things stand by now. Reload the page.");
const TOKEN: Row = (
    StatusCode::UNAUTHORIZED,
    "A token is needed",
    "Send “Authorization: Bearer TOKEN”. `chronograde tokens add NAME` makes a token.",
);
const ROLE: Row = (
    StatusCode::FORBIDDEN,
    "That is not for your role",
    "Annotators judge, managers see the catalog, admins look after people and models. Ask an admin of this catalog to change your role.",
);
const TOKEN_ROLE: &str =
    "The token's role does not reach so far: `chronograde tokens add NAME --role ROLE` makes another.";
const SIGN_IN: Row = (
    StatusCode::UNAUTHORIZED,
    "You are signed out",
    "Nothing was changed. Sign in, then press the button again.",
);
const PERSON: Row =
    (StatusCode::FORBIDDEN, "That is for people", "A token cannot do that: sign in with name and password.");
const SPENT_LINK: Row = (
    StatusCode::GONE,
    "This link is not good any more",
    "It was used already, has been replaced by a newer one, or is older than seven days. Ask an admin for another one.",
);
const TOO_MANY: Row =
    (StatusCode::TOO_MANY_REQUESTS, "Too many tries", "Please wait a minute, then try again.");
const CROSS_SITE: Row = (
    StatusCode::FORBIDDEN,
    "That form was not ours",
    "Nothing was changed. Open the page here and press the button again.",
);
const STALE: Row = (
    StatusCode::GONE,
    "The list has changed",
    "The models that this list was ranked by are retired. Start the list again from its first page.",
);
const ORIGINAL_GONE: Row = (
    StatusCode::GONE,
    "The original is gone",
    "The file was removed or changed where it lay. The catalog keeps what is known of it; put the file back to download it.",
);
const REFUSED: Row = (
    StatusCode::UNPROCESSABLE_ENTITY,
    "The file was not taken",
    "It is listed under Arrivals with the reason.",
);
const IN_HAND: Row = (
    StatusCode::CONFLICT,
    "That is being worked on",
    "A request with this Idempotency-Key is not answered yet. Ask again in a moment.",
);
const OTHER_REQUEST: Row = (
    StatusCode::UNPROCESSABLE_ENTITY,
    "This key belongs to another request",
    "An Idempotency-Key is for one request and its retries. Send the file with a new key.",
);
const SPOOL: Row = (
    StatusCode::INSUFFICIENT_STORAGE,
    "There is no room for the file",
    "The disk may be full; the log says what is wrong. Nothing else is lost: send the file again later.",
);
const AWAY: Row = (
    StatusCode::SERVICE_UNAVAILABLE,
    "The database does not answer",
    "Nothing is lost: files wait where they are. Try again in a moment; the log says what is wrong.",
);
const STORE: Row = (
    StatusCode::SERVICE_UNAVAILABLE,
    "The image store does not answer",
    "Nothing is lost. Try again in a moment; the log says what is wrong.",
);
const INTERNAL: Row = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "Something went wrong",
    "It is our mistake, and the log has the cause.",
);

impl WebError {
    /// A mistake of ours, with its cause.
    pub fn internal(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    fn row(&self) -> Row {
        match self {
            Self::NotFound => NOT_FOUND,
            Self::Parameter(_) => PARAMETER,
            Self::NotTaken(_) => NOT_TAKEN,
            Self::Token => TOKEN,
            Self::Role => ROLE,
            Self::SignIn => SIGN_IN,
            Self::Person => PERSON,
            Self::SpentLink => SPENT_LINK,
            Self::TooMany => TOO_MANY,
            Self::CrossSite => CROSS_SITE,
            Self::StaleCursor => STALE,
            Self::OriginalGone => ORIGINAL_GONE,
            Self::Refused { kind, .. } => (kind.status(), REFUSED.1, REFUSED.2),
            Self::InHand => IN_HAND,
            Self::OtherRequest => OTHER_REQUEST,
            Self::Spool(_) => SPOOL,
            Self::Database(error) if is_away(error) => AWAY,
            Self::Database(error) if is_no_text(error) => PARAMETER,
            Self::Database(_) => INTERNAL,
            Self::Objects(_) => STORE,
            Self::Internal(_) => INTERNAL,
        }
    }

    /// The text for the visitor: the table's, or the sentence about the parameter.
    fn text(&self) -> &str {
        match self {
            Self::Parameter(sentence) | Self::NotTaken(sentence) | Self::Refused { reason: sentence, .. } => {
                sentence
            }
            other => other.row().2,
        }
    }
}

/// Whether the database is not there, rather than having been asked for something that it refuses.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // 53: no resources; 57P: shut down, crashed, or starting.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("53") || code.starts_with("57P"))
        }
        _ => false,
    }
}

/// Whether a text has what no text of PostgreSQL has: a NUL (22021), or a time has what no time is (22008).
fn is_no_text(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["22021", "22008"].contains(&&*code))
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

/// A wrong parameter is said in words.
pub fn query_config() -> QueryConfig {
    QueryConfig::default().error_handler(|error, _request| {
        let text = error.to_string();
        let words = text.strip_prefix("Query deserialize error: ").unwrap_or(&text);
        WebError::Parameter(words.to_owned()).into()
    })
}

/// The same for forms.
pub fn form_config() -> FormConfig {
    FormConfig::default().error_handler(|error, _request| WebError::Parameter(error.to_string()).into())
}

/// What is no identifier names nothing.
pub fn path_config() -> PathConfig {
    PathConfig::default().error_handler(|_error, _request| WebError::NotFound.into())
}

/// Gives every error its body, and logs those that are ours.
///
/// # Errors
/// None of its own.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (path, site) = (request.path().to_owned(), request.app_data::<Data<Site>>().cloned());
    let response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => return Err(without_session(&path, site.as_ref(), error)),
    };
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let has_body =
        response.headers().contains_key(header::CONTENT_TYPE) && response.response().error().is_none();
    if !is_error || has_body {
        return Ok(response);
    }
    let is_token =
        response.request().extensions().get::<Caller>().is_some_and(|caller| caller.token.is_some());
    let (title, text, ledger) = {
        let known = response.response().error().and_then(|error| error.as_error::<WebError>());
        if let Some(error) = known.filter(|_| status.is_server_error()) {
            tracing::error!(
                error = error as &dyn StdError,
                path = response.request().path(),
                "request failed"
            );
        }
        let ledger = match known {
            Some(WebError::Refused { ledger, .. }) => Some(*ledger),
            _ => None,
        };
        let (title, text) = match known {
            Some(WebError::Role) if is_token => (ROLE.1, TOKEN_ROLE.to_owned()),
            Some(error) => (error.row().1, error.text().to_owned()),
            None => of_status(status),
        };
        (title, text, ledger)
    };
    let account =
        response.request().extensions().get::<Caller>().map(|caller| (caller.name.clone(), caller.role));
    let asked = Asked { path: &path, site: site.as_ref().map(|site| site.as_ref()), account, ledger };
    let mut body = asked.body(status, title, &text);
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        body.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    Ok(response.into_response(body))
}

/// The only thing that fails before a handler is asked is the look-up of the session.
fn without_session(path: &str, site: Option<&Data<Site>>, error: Error) -> Error {
    tracing::error!(%error, path, "the session could not be read");
    let asked = Asked { path, site: site.map(|site| site.as_ref()), account: None, ledger: None };
    let body = asked.body(AWAY.0, AWAY.1, AWAY.2);
    InternalError::from_response(error, body).into()
}

/// What the framework itself refuses.
fn of_status(status: StatusCode) -> (&'static str, String) {
    let (_, title, text) = match status {
        StatusCode::NOT_FOUND => NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => METHOD,
        status if status.is_client_error() => PARAMETER,
        _ => INTERNAL,
    };
    (title, text.to_owned())
}

/// What a request was, as far as its answer depends on it.
struct Asked<'a> {
    path: &'a str,
    site: Option<&'a Site>,
    account: Option<(String, Role)>,
    ledger: Option<i64>,
}

impl Asked<'_> {
    fn body(self, status: StatusCode, title: &str, text: &str) -> HttpResponse {
        let base_path = self.site.map_or("", |site| &site.base_path);
        let is_api = self.path.strip_prefix(base_path).is_some_and(|path| path.starts_with("/api/"));
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED && is_api {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if is_api {
            let problem = Problem {
                r#type: "about:blank".to_owned(),
                title: title.to_owned(),
                status: status.as_u16(),
                detail: text.to_owned(),
                ledger: self.ledger,
            };
            return response.content_type("application/problem+json").body(json!(problem).to_string());
        }
        // An image's page is there also where its picture or its file is not.
        let image = self.path.strip_suffix("/original").or_else(|| self.path.strip_suffix("/full"));
        let image = image.filter(|_| status == StatusCode::GONE);
        let page = ErrorPage { frame: Frame::of_error(self.site, self.account), title, text, image };
        match page.render() {
            Ok(html) => response.content_type("text/html; charset=utf-8").body(html),
            Err(_) => response.content_type("text/plain; charset=utf-8").body(format!("{title}. {text}")),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    image: Option<&'a str>,
}
