//! `GET /api/v1/images/{id}`: one image with all that its models said.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::description::Problem;
use crate::{
    domain::ImageId,
    store::{image_page, viewpoint},
    web::{Site, error::WebError},
};

/// What one model said about the image.
#[derive(Debug, Serialize, ToSchema)]
struct Prediction {
    model: String,
    fingerprint: String,
    task: String,
    state: String,
    reason: Option<String>,
    watch_confidence: Option<f64>,
    #[schema(value_type = HashMap<String, f64>)]
    positives: serde_json::Map<String, Value>,
    quality_mean: Option<f64>,
    quality_std: Option<f64>,
    quality_distribution: Option<Vec<f64>>,
    at: DateTime<Utc>,
}

/// One image with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Whole {
    id: Uuid,
    sha256: String,
    filename: String,
    listing: Option<String>,
    external_id: Option<String>,
    #[schema(value_type = HashMap<String, Value>)]
    attributes: Value,
    bytes: i64,
    format: String,
    width: i32,
    height: i32,
    taken_at: Option<DateTime<Utc>>,
    ingested_at: DateTime<Utc>,
    hidden: bool,
    watch: Option<bool>,
    verdict: Option<bool>,
    watch_confidence: Option<f64>,
    quality_mean: Option<f64>,
    quality_std: Option<f64>,
    quality_distribution: Option<Vec<f64>>,
    human_mean: Option<f64>,
    votes: i32,
    signals: Option<Value>,
    predictions: Vec<Prediction>,
}

/// `GET /api/v1/images/{id}`.
///
/// # Errors
/// See [`WebError`].
#[utoipa::path(
    get, path = "/api/v1/images/{id}", operation_id = "image", tag = "catalog",
    summary = "One image with all that its models said",
    params(("id" = Uuid, Path, description = "The image")),
    responses(
        (status = 200, description = "The image", body = Whole),
        (status = "4XX", description = "What is wrong, in words", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service cannot answer now", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []), ("session" = [])),
)]
pub async fn image(site: Data<Site>, id: Path<Uuid>) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    Ok(HttpResponse::Ok().json(whole(&mut conn, ImageId(id.into_inner())).await?))
}

/// One image with all that is known of it.
///
/// # Errors
/// [`WebError::NotFound`] when there is no such image.
pub async fn whole(conn: &mut PgConnection, id: ImageId) -> Result<Whole, WebError> {
    let facts = image_page::facts(conn, id).await?.ok_or(WebError::NotFound)?;
    let view = viewpoint::active(conn).await?;
    let judgement = match &view {
        Some(view) => image_page::judgement(conn, view, id).await?.unwrap_or_default(),
        None => image_page::Judgement::default(),
    };
    let opinions = image_page::opinions(conn, id).await?;
    let of = |model| opinions.iter().find(|opinion| Some(opinion.model) == model);
    let watch = of(view.as_ref().map(|view| view.watch_model));
    let quality = of(view.as_ref().map(|view| view.quality_model));
    Ok(Whole {
        id: id.0,
        sha256: facts.hash.to_string(),
        filename: facts.filename,
        listing: facts.listing_key,
        external_id: facts.external_id,
        attributes: facts.attributes,
        bytes: facts.bytes,
        format: facts.format,
        width: facts.width,
        height: facts.height,
        taken_at: facts.taken_at,
        ingested_at: facts.ingested_at,
        hidden: facts.hidden_at.is_some(),
        watch: judgement.watch,
        verdict: judgement.verdict,
        watch_confidence: watch.and_then(|opinion| opinion.confidence),
        quality_mean: quality.and_then(|opinion| opinion.mean),
        quality_std: quality.and_then(|opinion| opinion.std),
        quality_distribution: quality.and_then(|opinion| bins(&opinion.bins)),
        human_mean: judgement.human_mean,
        votes: judgement.votes,
        signals: facts.signals,
        predictions: opinions.into_iter().map(Prediction::from).collect(),
    })
}

fn bins(bins: &[f64]) -> Option<Vec<f64>> {
    (!bins.is_empty()).then(|| bins.to_vec())
}

impl From<image_page::Opinion> for Prediction {
    fn from(opinion: image_page::Opinion) -> Self {
        let positives =
            opinion.labels.into_iter().zip(opinion.positives.iter().map(|value| Value::from(*value)));
        Self {
            model: opinion.title,
            fingerprint: opinion.fingerprint,
            task: opinion.task,
            state: opinion.state,
            reason: opinion.reason,
            watch_confidence: opinion.confidence,
            positives: positives.collect(),
            quality_mean: opinion.mean,
            quality_std: opinion.std,
            quality_distribution: bins(&opinion.bins),
            at: opinion.at,
        }
    }
}
