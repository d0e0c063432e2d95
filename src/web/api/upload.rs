//! `POST /api/v1/images`: a picture comes in.

use std::time::Duration;

use actix_multipart::{Field, Multipart};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{description::Problem, image};
use crate::{
    domain::{ImageId, SightingId},
    ingest::{
        import::Told,
        upload::{Incoming, Outcome, Refusal, Taken, UploadError},
    },
    store::{
        idempotency::{self, Known},
        scorings,
    },
    web::{Site, account::Caller, error::WebError, query::Query},
};

/// Longest text of a field besides the file, in bytes.
const FIELD_BYTES: usize = 16 * 1024;
/// Longest wait for the scores, in seconds.
const LONGEST_WAIT_S: f64 = 60.0;
/// Between two looks whether the scores are there.
const LOOK: Duration = Duration::from_millis(50);

/// The parameters of `POST /api/v1/images`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// Seconds to wait for the scores.
    #[param(minimum = 0, maximum = 60)]
    wait: Option<f64>,
}

/// The form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the form, which is read part by part")]
pub struct Form {
    /// The picture, with its file name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The listing that it belongs to; without, the file name decides.
    listing: Option<String>,
    /// What another system calls it.
    external_id: Option<String>,
    /// Whatever else is to be kept with it: a JSON object.
    attributes: Option<String>,
}

/// What became of a picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    /// The image.
    pub id: Uuid,
    /// `new`, `known` (the catalog had these bytes), or `queued` (new, and not scored within the time to wait).
    pub outcome: String,
    /// Its row in the ledger.
    pub ledger: i64,
    /// Where its page is.
    pub page: String,
    /// All that is known of it, if one waited for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<image::Whole>,
}

/// `POST /api/v1/images`.
///
/// # Errors
/// See [`WebError`].
#[utoipa::path(
    post, path = "/api/v1/images", operation_id = "upload", tag = "catalog",
    summary = "Adds a picture",
    params(
        Parameters,
        ("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key gets the same answer"),
    ),
    request_body(content = Form, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "A new image", body = Received),
        (status = 200, description = "The catalog has these bytes", body = Received),
        (status = 202, description = "A new image that was not scored within the time to wait", body = Received),
        (status = 413, description = "Too many bytes or pixels", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "No image, or of a kind that is not read", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Empty, cut off or damaged; or the key was used for another request", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "What is wrong, in words", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service cannot answer now", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []), ("session" = [])),
)]
pub async fn upload(
    site: Data<Site>,
    caller: Caller,
    request: HttpRequest,
    parameters: Query<Parameters>,
    form: Multipart,
) -> Result<HttpResponse, WebError> {
    let wait = parameters.wait.unwrap_or(0.0);
    if !(0.0..=LONGEST_WAIT_S).contains(&wait) {
        return Err(WebError::Parameter(format!("wait must lie between 0 and {LONGEST_WAIT_S} seconds")));
    }
    let parts = Parts::read(&site, form).await?;
    let Some(key) = key(&request)? else {
        let (status, body) = take(&site, parts, wait).await?;
        return Ok(HttpResponse::build(status).json(body));
    };
    let (actor, digest) = (caller.actor(), parts.digest());
    match idempotency::take(&mut *site.pool.acquire().await?, &actor, &key, &digest).await? {
        Known::Answered { status, body } => repeated(status, body),
        Known::InHand => Err(WebError::InHand),
        Known::Other => Err(WebError::OtherRequest),
        Known::New => {
            let taken = take(&site, parts, wait).await;
            let mut conn = site.pool.acquire().await?;
            match &taken {
                Ok((status, body)) => {
                    idempotency::answered(&mut conn, (&actor, &key), status.as_u16(), body).await?;
                }
                // A file that is refused has its answer, too; only what failed on our side is tried again.
                Err(WebError::Refused { kind, reason, ledger }) => {
                    let body = serde_json::json!(Refused { reason: reason.clone(), ledger: *ledger });
                    let status = kind.status().as_u16();
                    idempotency::answered(&mut conn, (&actor, &key), status, &body).await?;
                }
                Err(_) => idempotency::free(&mut conn, &actor, &key).await?,
            }
            taken.map(|(status, body)| HttpResponse::build(status).json(body))
        }
    }
}

/// A refusal, as it is kept for retries.
#[derive(Serialize, Deserialize)]
struct Refused {
    reason: String,
    ledger: i64,
}

/// The answer that a request got, once more.
fn repeated(status: u16, body: Value) -> Result<HttpResponse, WebError> {
    let status = StatusCode::from_u16(status).map_err(WebError::internal)?;
    let Some(kind) = Refusal::with(status) else { return Ok(HttpResponse::build(status).json(body)) };
    let Refused { reason, ledger } = serde_json::from_value(body).map_err(WebError::internal)?;
    Err(WebError::Refused { kind, reason, ledger })
}

fn key(request: &HttpRequest) -> Result<Option<String>, WebError> {
    let wrong = || WebError::Parameter("Idempotency-Key must be 1 to 255 visible characters".to_owned());
    let Some(key) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().map_err(|_| wrong())?;
    if (1..=255).contains(&key.len()) { Ok(Some(key.to_owned())) } else { Err(wrong()) }
}

async fn take(site: &Site, parts: Parts, wait: f64) -> Result<(StatusCode, Value), WebError> {
    let Parts { name, file, told } = parts;
    let Taken { ledger, outcome } = site.uploads.take(&name, file, told).await?;
    let (id, mut status, mut word) = match outcome {
        Outcome::New(id) => (id, StatusCode::CREATED, "new"),
        Outcome::Known(id) => (id, StatusCode::OK, "known"),
        Outcome::Refused { kind, reason } => {
            return Err(WebError::Refused { kind, reason, ledger: ledger.0 });
        }
    };
    let mut image = None;
    if wait > 0.0 {
        if !is_scored(site, id, wait).await? && status == StatusCode::CREATED {
            (status, word) = (StatusCode::ACCEPTED, "queued");
        }
        image = match image::whole(&mut *site.pool.acquire().await?, id).await {
            Err(WebError::NotFound) => return Err(turned_away(site, ledger).await?),
            whole => Some(whole?),
        };
    }
    let page = site.url(&format!("/images/{id}"));
    let received = Received { id: id.0, outcome: word.to_owned(), ledger: ledger.0, page, image };
    Ok((status, serde_json::to_value(received).map_err(WebError::internal)?))
}

/// What the sender hears of a picture that was taken, and turned out to be none when it was scored.
async fn turned_away(site: &Site, ledger: SightingId) -> Result<WebError, WebError> {
    let reason = site.uploads.refusal(ledger).await?;
    Ok(reason.map_or(WebError::NotFound, |reason| WebError::Refused {
        kind: Refusal::Damaged,
        reason,
        ledger: ledger.0,
    }))
}

/// Whether the image has its scores, or is gone, waiting for them for at most `wait` seconds.
async fn is_scored(site: &Site, image: ImageId, wait: f64) -> Result<bool, WebError> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs_f64(wait);
    loop {
        let is_scored = scorings::is_settled(&mut *site.pool.acquire().await?, image).await?;
        if is_scored || tokio::time::Instant::now() >= deadline {
            return Ok(is_scored);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The parts of the form.
struct Parts {
    name: String,
    file: Incoming,
    told: Told,
}

impl Parts {
    /// Reads the form; the file goes to the spool as it comes in.
    async fn read(site: &Site, mut form: Multipart) -> Result<Self, WebError> {
        let (mut received, mut told) = (None, Told::default());
        while let Some(mut field) = form.try_next().await.map_err(broken)? {
            match field.name().unwrap_or_default() {
                "file" if received.is_none() => received = Some(receive(site, &mut field).await?),
                "file" => {
                    return Err(WebError::Parameter(
                        "one file a request: send the others by themselves".to_owned(),
                    ));
                }
                "listing" => told.listing = text("listing", &mut field, 1000).await?,
                "external_id" => told.external_id = text("external_id", &mut field, 1000).await?,
                "attributes" => told.attributes = attributes(&mut field).await?,
                other => return Err(WebError::Parameter(format!("there is no field {other:?}"))),
            }
        }
        let words = || WebError::Parameter("the field “file” is missing".to_owned());
        let (name, file) = received.ok_or_else(words)?;
        Ok(Self { name, file, told })
    }

    /// What tells this request from others.
    fn digest(&self) -> [u8; 32] {
        let Told { listing, external_id, attributes } = &self.told;
        let told = serde_json::json!([self.name, listing, external_id, attributes]).to_string();
        Sha256::new().chain_update(self.file.digest()).chain_update(told).finalize().into()
    }
}

/// The file of a field, and the name that it was given; written to the spool as it comes in.
///
/// # Errors
/// When the form is broken, or the spool cannot be written.
pub async fn receive(site: &Site, field: &mut Field) -> Result<(String, Incoming), WebError> {
    let name =
        field.content_disposition().and_then(|said| said.get_filename()).unwrap_or_default().to_owned();
    let mut file = site.uploads.begin().await?;
    let mut is_allowed = true;
    while let Some(part) = field.try_next().await.map_err(broken)? {
        // What is too large is read to its end, so that its sender hears the answer, and is written nowhere.
        is_allowed = is_allowed && file.write(&part).await?;
    }
    Ok((name, file))
}

async fn text(name: &str, field: &mut Field, most_bytes: usize) -> Result<Option<String>, WebError> {
    let wrong = || WebError::Parameter(format!("{name} must be UTF-8 text of at most {most_bytes} bytes"));
    let bytes = field.bytes(most_bytes).await.map_err(|_| wrong())?.map_err(broken)?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| wrong())?;
    let text = text.trim();
    if text.contains('\0') { Err(wrong()) } else { Ok((!text.is_empty()).then(|| text.to_owned())) }
}

async fn attributes(field: &mut Field) -> Result<Map<String, Value>, WebError> {
    let text = text("attributes", field, FIELD_BYTES).await?.unwrap_or_else(|| "{}".to_owned());
    let has_nul = text.contains("\\u0000");
    let object = serde_json::from_str(&text).ok().filter(|_| !has_nul);
    object.ok_or_else(|| WebError::Parameter("attributes must be a JSON object".to_owned()))
}

/// What the sender is told of a form that cannot be read.
pub fn broken(error: actix_multipart::MultipartError) -> WebError {
    WebError::Parameter(format!("the form cannot be read: {error}"))
}

impl From<UploadError> for WebError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Spool(error) => Self::Spool(error),
            UploadError::Import(error) => Self::internal(error),
        }
    }
}

impl Refusal {
    /// The status that says so.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Damaged => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// The one that a status says.
    fn with(status: StatusCode) -> Option<Self> {
        [Self::TooLarge, Self::Unsupported, Self::Damaged].into_iter().find(|kind| kind.status() == status)
    }
}
