//! What is said on the page Score: judgements, skips, and what is taken back. A form is led on, the script is told what comes next.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Form, Path},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    domain::{AnnotatorId, ImageId, RoundId, Score, SkipKind},
    feedback::{
        FeedbackError, Seat,
        judge::{self, Judgement, Skip},
        pages::answers::{self, End, Shown},
        queue,
    },
    web::{Site, account::Account, error::WebError},
};

/// What a form of the page says, or its script.
#[derive(Debug, Deserialize)]
pub struct Said {
    image: ImageId,
    #[serde(default)]
    occurrence: i16,
    key: Uuid,
    score: Option<i16>,
    watch: Option<String>,
    seconds: Option<f64>,
    pixels: Option<i32>,
    later: Option<String>,
    cannot: Option<String>,
    /// Who said it: an outbox is never sent in somebody else's session.
    annotator: Option<AnnotatorId>,
}

/// The key of a judgement that is undone.
#[derive(Debug, Deserialize)]
pub struct Undone {
    key: Uuid,
    annotator: Option<AnnotatorId>,
}

/// `POST /score/{round}`: a judgement or a skip. A form is led to the next picture, the script is told it.
///
/// # Errors
/// See [`WebError`].
pub async fn submit(
    site: Data<Site>,
    account: Account,
    round: Path<RoundId>,
    said: Form<Said>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let round = round.into_inner();
    let seat = Seat::new(&site.pool, &site.clock, round, account.id);
    if said.annotator.is_some_and(|annotator| annotator != account.id) {
        return Err(WebError::Role);
    }
    let taken = take(&seat, &said).await;
    answer(&site, &seat, taken, answers::wants_json(&request)).await
}

async fn take(seat: &Seat<'_>, said: &Said) -> Result<(), FeedbackError> {
    let (image, occurrence, key) = (said.image, said.occurrence, said.key);
    let kind = match (&said.later, &said.cannot) {
        (Some(_), _) => Some(SkipKind::Later),
        (None, Some(_)) => Some(SkipKind::Cannot),
        (None, None) => None,
    };
    if let Some(kind) = kind {
        let why = said.cannot.as_ref().map(|why| why.chars().take(200).collect());
        return judge::skip(seat, &Skip { image, occurrence, key, kind, why }).await;
    }
    let judgement = Judgement {
        image,
        occurrence,
        key,
        score: said.score.and_then(|score| Score::try_from(score).ok()),
        is_watch: said.watch.as_deref().map(|watch| watch == "yes"),
        seconds: said.seconds.filter(|seconds| (0.0..86_400.0).contains(seconds)),
        pixels_shown: said.pixels.filter(|pixels| *pixels > 0),
    };
    judge::submit(seat, &judgement).await.map(drop)
}

/// `POST /score/{round}/undo`: takes a judgement back and shows its picture again.
///
/// # Errors
/// See [`WebError`].
pub async fn undo(
    site: Data<Site>,
    account: Account,
    round: Path<RoundId>,
    undone: Form<Undone>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let seat = Seat::new(&site.pool, &site.clock, round.into_inner(), account.id);
    if undone.annotator.is_some_and(|annotator| annotator != account.id) {
        return Err(WebError::Role);
    }
    let taken = judge::undo(&seat, undone.key).await.map(drop);
    answer(&site, &seat, taken, answers::wants_json(&request)).await
}

/// `POST /score/{round}/next`: what somebody holds, for the script.
///
/// # Errors
/// See [`WebError`].
pub async fn next(
    site: Data<Site>,
    account: Account,
    round: Path<RoundId>,
) -> Result<HttpResponse, WebError> {
    let seat = Seat::new(&site.pool, &site.clock, round.into_inner(), account.id);
    answer(&site, &seat, Ok(()), true).await
}

async fn answer(
    site: &Site,
    seat: &Seat<'_>,
    taken: Result<(), FeedbackError>,
    is_script: bool,
) -> Result<HttpResponse, WebError> {
    if !is_script {
        taken?;
        return Ok(site.see_other(&format!("/score/{}", seat.whose.round)));
    }
    match taken {
        Err(FeedbackError::Database(error)) => return Err(error.into()),
        Err(refused) => return Ok(answers::refused(&refused.to_string())),
        Ok(()) => {}
    }
    let held = queue::fill(seat, &mut rand::rng()).await?;
    let shown = Shown::all(site, &mut *site.pool.acquire().await?, seat.whose.round, &held).await?;
    let end = match shown.is_empty() {
        true => Some(End::new(queue::waiting(seat).await?, seat.clock)),
        false => None,
    };
    Ok(answers::next(&shown, end.as_ref()))
}
