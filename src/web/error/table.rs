//! What a visitor is told of each error, and with which status.

use actix_web::http::StatusCode;

use super::WebError;

/// What is shown: status, title, text.
pub(super) type Row = (StatusCode, &'static str, &'static str);

pub(super) const NOT_FOUND: Row = (
    StatusCode::NOT_FOUND,
    "There is nothing here",
    "The address is wrong, or what was here is not in the catalog any more.",
);
pub(super) const METHOD: Row = (
    StatusCode::METHOD_NOT_ALLOWED,
    "That cannot be done here",
    "This address does not answer requests of that kind.",
);
pub(super) const PARAMETER: Row =
    (StatusCode::BAD_REQUEST, "The address has a mistake", "One of its parameters cannot be understood.");
const NOT_TAKEN: Row =
    (StatusCode::CONFLICT, "That was not taken", "It does not fit how things stand by now. Reload the page.");
const TOKEN: Row = (
    StatusCode::UNAUTHORIZED,
    "A token is needed",
    "Send “Authorization: Bearer TOKEN”. `chronograde tokens add NAME` makes a token.",
);
pub(super) const ROLE: Row = (
    StatusCode::FORBIDDEN,
    "That is not for your role",
    "Annotators judge, managers see the catalog, admins look after people and models. Ask an admin of this catalog to change your role.",
);
pub(super) const TOKEN_ROLE: &str =
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
pub(super) const AWAY: Row = (
    StatusCode::SERVICE_UNAVAILABLE,
    "The database does not answer",
    "Nothing is lost: files wait where they are. Try again in a moment; the log says what is wrong.",
);
const STORE: Row = (
    StatusCode::SERVICE_UNAVAILABLE,
    "The image store does not answer",
    "Nothing is lost. Try again in a moment; the log says what is wrong.",
);
pub(super) const INTERNAL: Row = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "Something went wrong",
    "It is our mistake, and the log has the cause.",
);

impl WebError {
    pub(super) fn row(&self) -> Row {
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
    pub(super) fn text(&self) -> &str {
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
