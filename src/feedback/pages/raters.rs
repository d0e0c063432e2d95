//! Raters: how people judge, for managers. Nobody is ranked; nothing is deleted.

use std::collections::HashMap;

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Form, Path},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    comparison::{Coincidences, Level, Rating, Ratings},
    domain::AnnotatorId,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        events, evidence,
        raters::{self, Counted, Rater},
    },
    web::{Site, account::Account, error::WebError},
};

/// Fewer comparisons than these say little about somebody.
const ENOUGH: i64 = 20;

/// Why somebody is excluded.
#[derive(Debug, Deserialize)]
pub struct Why {
    #[serde(default)]
    why: String,
}

struct Line {
    rater: Rater,
    pace: String,
    spread: String,
    bias: String,
    distance: String,
    repeats: String,
    answers: String,
    is_thin: bool,
    last: String,
}

#[derive(Template)]
#[template(path = "raters.html")]
struct Page {
    frame: Frame,
    lines: Vec<Line>,
    agreement: String,
}

/// `GET /raters`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let now = site.clock.now();
    let raters = raters::list(&mut conn).await?;
    let votes = raters::counted_votes(&mut conn).await?;
    let line = |rater: Rater| Line {
        pace: rater.median_seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1} s")),
        spread: spread(&rater),
        bias: rater.bias.map_or_else(|| "–".to_owned(), |bias| format!("{bias:+.2}").replace('-', "−")),
        distance: rater.distance.map_or_else(|| "–".to_owned(), |distance| format!("{distance:.2}")),
        repeats: repeats(&rater),
        answers: answers(&rater),
        is_thin: rater.compared > 0 && rater.compared < ENOUGH,
        last: rater.last_at.map(|at| words::ago(now, at)).unwrap_or_default(),
        rater,
    };
    html(&Page {
        frame: Frame::of(&site, &account, Place::Raters, None),
        lines: raters.into_iter().map(line).collect(),
        agreement: agreement(&votes),
    })
}

fn spread(rater: &Rater) -> String {
    match (rater.mean, rater.std) {
        (Some(mean), Some(std)) => format!("{mean:.2} ± {std:.2}"),
        (Some(mean), None) => format!("{mean:.2}"),
        _ => "–".to_owned(),
    }
}

fn repeats(rater: &Rater) -> String {
    let count = words::count(rater.repeats);
    match (rater.repeat_distance, rater.repeat_same) {
        (Some(distance), _) => format!("{distance:.2} apart ({count})"),
        (None, Some(same)) => format!("{} the same ({count})", words::percent(same)),
        _ => "none yet".to_owned(),
    }
}

fn answers(rater: &Rater) -> String {
    let count = words::count(rater.corrections);
    match rater.against_verdict {
        Some(against) => format!("{count}, {} against the verdict", words::percent(against)),
        None => count,
    }
}

/// Krippendorff's alpha of the votes that count, in a sentence.
fn agreement(votes: &[Counted]) -> String {
    let alpha = ratings(votes).and_then(|ratings| {
        let coincidences = Coincidences::of(&ratings);
        coincidences.alpha(Level::Ordinal)
    });
    let images: HashMap<Uuid, usize> = votes.iter().fold(HashMap::new(), |mut images, vote| {
        *images.entry(vote.image).or_default() += 1;
        images
    });
    let pairable = words::len(&images.values().filter(|votes| **votes > 1).collect::<Vec<_>>());
    match alpha {
        Some(alpha) => format!(
            "Krippendorff’s alpha (ordinal) is {alpha:.2} over {} with two votes or more: 1 is agreement, 0 is chance.",
            words::counted(pairable, "image", "images")
        ),
        None => "No image has two votes yet that differ: nothing can be said about agreement.".to_owned(),
    }
}

fn ratings(votes: &[Counted]) -> Option<Ratings> {
    fn number(known: &mut HashMap<Uuid, u32>, id: Uuid) -> u32 {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(id).or_insert(next)
    }
    let (mut images, mut people) = (HashMap::new(), HashMap::new());
    let rating = |vote: &Counted| Rating {
        image: number(&mut images, vote.image),
        annotator: number(&mut people, vote.annotator),
        score: f64::from(vote.score),
    };
    Ratings::new(votes.iter().map(rating).collect()).ok()
}

/// `POST /raters/{id}/exclude`: what they said counts nowhere from now on; the rows stay.
///
/// # Errors
/// See [`WebError`].
pub async fn exclude(
    site: Data<Site>,
    account: Account,
    id: Path<AnnotatorId>,
    why: Form<Why>,
) -> Result<HttpResponse, WebError> {
    let why = Some(why.why.trim()).filter(|why| !why.is_empty());
    set(&site, &account, *id, Some((site.clock.now(), why)), "annotator.exclude").await
}

/// `POST /raters/{id}/include`: it counts again.
///
/// # Errors
/// See [`WebError`].
pub async fn include(
    site: Data<Site>,
    account: Account,
    id: Path<AnnotatorId>,
) -> Result<HttpResponse, WebError> {
    set(&site, &account, *id, None, "annotator.include").await
}

async fn set(
    site: &Site,
    account: &Account,
    id: AnnotatorId,
    excluded: Option<(chrono::DateTime<chrono::Utc>, Option<&str>)>,
    kind: &str,
) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if !evidence::set_excluded(&mut tx, id, excluded).await? {
        return Err(WebError::NotFound);
    }
    events::record(&mut tx, Some(account.id), kind, Some(&format!("annotator:{id}"))).await?;
    tx.commit().await?;
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, site.url("/raters"))).finish())
}
