//! Rounds: what is being judged, how far it is, and a form to open the next one.

mod estimate;
mod fields;
mod images;
mod opening;

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

use self::images::Listed;
pub use self::opening::{open, plan};
use crate::{
    domain::{RoundId, RoundState, ServingOrder},
    feedback::pages::score::question_in_words,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        answers_needed, events,
        guides::{self, Guide},
        raters::{self, Share, Unjudged},
        rounds::{self, Progress, Round},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// A round in the list.
struct Line {
    round: Round,
    progress: Progress,
}

impl Line {
    fn asks(&self) -> &'static str {
        asks(&self.round)
    }

    fn state(&self) -> String {
        state(&self.round)
    }
}

fn asks(round: &Round) -> &'static str {
    match (round.plan.asks_quality, round.plan.question) {
        (true, None) => "quality",
        (true, Some(_)) => "quality and watch",
        (false, _) => "watch",
    }
}

fn state(round: &Round) -> String {
    match (round.state, round.closed_at, round.plan.deadline) {
        (RoundState::Closed, Some(at), _) => format!("closed {}", words::moment(at)),
        (_, _, Some(at)) => format!("open until {}", words::moment(at)),
        _ => "open".to_owned(),
    }
}

#[derive(Template)]
#[template(path = "rounds.html")]
struct ListPage {
    frame: Frame,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "round.html")]
struct RoundPage {
    frame: Frame,
    round: Round,
    progress: Progress,
    guide: Guide,
    shares: Vec<Share>,
    unjudged: Vec<Unjudged>,
    listed: Listed,
    /// Answers that it takes to label an image.
    needed: i32,
}

impl RoundPage {
    fn asks(&self) -> &'static str {
        asks(&self.round)
    }

    fn state(&self) -> String {
        state(&self.round)
    }

    fn repeats(&self) -> String {
        words::percent(self.round.plan.repeat_share)
    }

    /// Whether its answers are too few to label an image by themselves.
    fn labels_nothing(&self) -> bool {
        self.round.plan.question.is_some() && i32::from(self.round.plan.judgements) < self.needed
    }

    fn question(&self) -> Option<&'static str> {
        self.round.plan.question.map(question_in_words)
    }

    fn order(&self) -> &'static str {
        match self.round.plan.order {
            ServingOrder::Random => "random, each annotator their own",
            ServingOrder::Doubtful => "doubtful first, one in five at random",
        }
    }
}

/// `GET /rounds`.
///
/// # Errors
/// See [`WebError`].
pub async fn list(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let mut lines = vec![];
    for round in rounds::list(&mut conn).await? {
        let progress = rounds::progress(&mut conn, round.id).await?;
        lines.push(Line { round, progress });
    }
    let view = viewpoint::active(&mut conn).await?;
    html(&ListPage { frame: Frame::of(&site, &account, Place::Rounds, view.as_ref()), lines })
}

/// What the address of a round may say.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Parameters {
    /// The place on its list that the images are shown from.
    #[serde(default)]
    from: u16,
}

/// `GET /rounds/{id}`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    id: Path<RoundId>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let (id, now) = (id.into_inner(), site.clock.now());
    let mut conn = site.pool.acquire().await?;
    rounds::close_if_done(&mut conn, id, now).await?;
    let round = rounds::find(&mut conn, id).await?.ok_or(WebError::NotFound)?;
    html(&RoundPage {
        frame: Frame::of(&site, &account, Place::Rounds, viewpoint::active(&mut conn).await?.as_ref()),
        progress: rounds::progress(&mut conn, id).await?,
        guide: guides::find(&mut conn, round.plan.guide).await?.ok_or(WebError::NotFound)?,
        shares: raters::shares(&mut conn, id, now).await?,
        unjudged: raters::unjudged(&mut conn, id).await?,
        listed: images::listed(&site, &mut conn, &round, parameters.from.into()).await?,
        needed: answers_needed::now(&mut conn).await?,
        round,
    })
}

/// `POST /rounds/{id}/close`: nothing more is handed out; what was said stays.
///
/// # Errors
/// See [`WebError`].
pub async fn close(site: Data<Site>, account: Account, id: Path<RoundId>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if rounds::close(&mut tx, *id, site.clock.now()).await? {
        events::record(&mut tx, Some(account.id), "round.close", Some(&format!("round:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(to(&site, *id))
}

/// `POST /rounds/{id}/reopen`.
///
/// # Errors
/// See [`WebError`].
pub async fn reopen(site: Data<Site>, account: Account, id: Path<RoundId>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if rounds::reopen(&mut tx, *id, site.clock.now()).await? {
        events::record(&mut tx, Some(account.id), "round.reopen", Some(&format!("round:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(to(&site, *id))
}

fn to(site: &Site, id: RoundId) -> HttpResponse {
    site.see_other(&format!("/rounds/{id}"))
}
