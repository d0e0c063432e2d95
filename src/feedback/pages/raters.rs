//! Raters: how people judge, for managers. Nobody is ranked; nothing is deleted.

use actix_web::{
    HttpResponse,
    web::{Data, Form, Path},
};
use askama::Template;
use serde::Deserialize;

use super::habits::{self, Habits};
use crate::{
    domain::{AnnotatorId, Question},
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        events, evidence,
        raters::{self, Rater},
        viewpoint,
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
    together: Habits,
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
    let view = viewpoint::active(&mut conn).await?;
    let question = view.as_ref().map_or(Question::Watch.as_str(), |view| &view.question);
    let said = raters::counted_answers(&mut conn, question).await?;
    let together = habits::of(&site, &mut conn, view.as_ref(), &raters, (votes, said)).await?;
    let line = |rater: Rater| Line {
        pace: rater.median_seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1} s")),
        spread: spread(&rater),
        bias: rater.bias.map_or_else(|| "–".to_owned(), words::signed),
        distance: rater.distance.map_or_else(|| "–".to_owned(), |distance| format!("{distance:.2}")),
        repeats: repeats(&rater),
        answers: answers(&rater),
        is_thin: rater.compared > 0 && rater.compared < ENOUGH,
        last: rater.last_at.map(|at| words::ago(now, at)).unwrap_or_default(),
        rater,
    };
    html(&Page {
        frame: Frame::of(&site, &account, Place::Raters, view.as_ref()),
        lines: raters.into_iter().map(line).collect(),
        together,
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
    Ok(site.see_other("/raters"))
}
