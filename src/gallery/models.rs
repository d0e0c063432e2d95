//! Models: which pair serves, which is being brought in, what that would change, and whose numbers moved.

mod bring;
mod folder;
mod phrases;
mod report;
mod weights;

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

pub use self::{
    bring::{activate as bring_in, add, check, pull, stop},
    report::Comparisons,
};
use self::{folder::Folder, report::Comparison};
use super::{
    attention::{self, Matter},
    frame::{Frame, Place},
    html, words,
};
use crate::{
    domain::{GenerationId, ModelId, Task},
    store::{
        events,
        generations::{self, Activation},
        model_change::{self, Kept},
        model_versions::{self, Moved},
        viewpoint,
    },
    web::{
        Site,
        account::{Account, Caller},
        error::WebError,
        query::Query,
    },
};

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    done: Option<String>,
}

/// A pair of models, in a row.
struct PairRow {
    models: String,
    state: String,
    /// Since when, for people and for machines.
    since: (String, String),
    /// How many images a model gave up on, and where they are listed; none without any.
    failed: Option<(String, String)>,
    /// Where the button leads that has the pages show it; none for the active one, and while images wait.
    activate: Option<String>,
    /// Where the button leads that holds it, or goes on, while it is being filled.
    pause: Option<(&'static str, String)>,
    /// Where the button leads that gives it up, while it is being filled, and what that does.
    give_up: Option<(String, &'static str)>,
    /// What its buttons do.
    note: Option<&'static str>,
}

/// A model that cannot be run, for its numbers moved.
struct MovedRow {
    model: String,
    sentence: String,
    /// What can be done besides going back, and the button that does it.
    way_out: (String, String),
    /// Where it leads.
    accept: String,
}

/// What another pair would change.
struct Report {
    models: String,
    coverage: String,
    failed: Option<(String, String)>,
    comparison: Arc<Comparison>,
}

#[derive(Template)]
#[template(path = "models.html")]
struct Page {
    frame: Frame,
    notice: Option<&'static str>,
    problems: Vec<Matter>,
    pairs: Vec<PairRow>,
    moved: Vec<MovedRow>,
    reports: Vec<Report>,
    folder: Folder,
}

/// `GET /models`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let kept = model_change::kept(&mut conn).await?;
    let moved = model_versions::moved(&mut conn).await?;
    let mut others = vec![];
    for other in kept.iter().filter(|other| !other.is_active) {
        others.extend(viewpoint::of(&mut conn, other.id).await?.map(|other_view| (other, other_view)));
    }
    let folder = Folder::of(&site, &mut conn, &kept).await?;
    let problems = attention::of_scoring(&mut conn).await?;
    // A comparison may take a while, and has a connection of its own.
    drop(conn);
    let mut reports = vec![];
    for (other, other_view) in &others {
        if let Some(view) = &view {
            let comparison = site.comparisons.of(&site, (view, other_view)).await?;
            reports.push(Report::new(&site, other, comparison));
        }
    }
    html(&Page {
        frame: Frame::of(&site, &account, Place::Models, view.as_ref()),
        notice: phrases::notice(parameters.done.as_deref()),
        problems,
        pairs: kept.iter().map(|kept| PairRow::new(&site, kept)).collect(),
        moved: moved.iter().map(|moved| MovedRow::new(&site, moved)).collect(),
        reports,
        folder,
    })
}

/// `POST /models/{generation}/activate`: the pages show another pair, if no image waits for it.
///
/// # Errors
/// See [`WebError`].
pub async fn activate(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let generation = GenerationId(id.into_inner());
    let mut tx = site.pool.begin().await?;
    if viewpoint::of(&mut tx, generation).await?.is_none() {
        return Err(WebError::NotFound);
    }
    let leads_to = match generations::activate(&mut tx, generation, caller.annotator).await? {
        Activation::Shown => {
            events::record(&mut tx, caller.annotator, "models.activate", Some(&generation.to_string()))
                .await?;
            "/models"
        }
        Activation::Waiting => "/models?done=waiting",
        Activation::Moved => "/models?done=moved",
        Activation::Retired => "/models?done=retired",
    };
    tx.commit().await?;
    Ok(site.see_other(leads_to))
}

/// `POST /models/{generation}/give-up`: a pair that is being filled is filled no more.
///
/// # Errors
/// See [`WebError`].
pub async fn give_up(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let generation = GenerationId(id.into_inner());
    let mut tx = site.pool.begin().await?;
    let was_filled = generations::give_up(&mut tx, generation).await?;
    if was_filled {
        events::record(&mut tx, caller.annotator, "models.give_up", Some(&generation.to_string())).await?;
    }
    tx.commit().await?;
    site.operations.forget_ended();
    Ok(site.see_other(if was_filled { "/models?done=given-up" } else { "/models" }))
}

/// `POST /models/{generation}/pause`: a pair that is being filled is held.
///
/// # Errors
/// See [`WebError`].
pub async fn pause(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    set_held(&site, &caller, GenerationId(id.into_inner()), true).await
}

/// `POST /models/{generation}/resume`: a pair that was held is filled on.
///
/// # Errors
/// See [`WebError`].
pub async fn resume(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    set_held(&site, &caller, GenerationId(id.into_inner()), false).await
}

async fn set_held(
    site: &Site,
    caller: &Caller,
    id: GenerationId,
    holds: bool,
) -> Result<HttpResponse, WebError> {
    let (what, done) = if holds { ("models.pause", "held") } else { ("models.resume", "resumed") };
    let mut tx = site.pool.begin().await?;
    let has_changed = generations::pause(&mut tx, id, holds).await?;
    if has_changed {
        events::record(&mut tx, caller.annotator, what, Some(&id.to_string())).await?;
    }
    tx.commit().await?;
    Ok(site.see_other(&if has_changed { format!("/models?done={done}") } else { "/models".to_owned() }))
}

/// `POST /models/moved/{model}/accept`: what a model says now is another version of it, by which every image is scored.
///
/// # Errors
/// See [`WebError`].
pub async fn accept(site: Data<Site>, caller: Caller, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let model = ModelId(id.into_inner());
    let mut tx = site.pool.begin().await?;
    let accepted = model_versions::accept(&mut tx, model, caller.annotator).await?;
    if accepted.is_some() {
        events::record(&mut tx, caller.annotator, "models.accept", Some(&model.0.to_string())).await?;
    }
    tx.commit().await?;
    let gives_up = accepted.is_some_and(|accepted| accepted.given_up.is_some());
    Ok(site.see_other(if gives_up { "/models?done=gave-up" } else { "/models" }))
}

impl MovedRow {
    fn new(site: &Site, moved: &Moved) -> Self {
        let what = if moved.task == Task::Watch { "watch confidence" } else { "quality mean" };
        Self {
            model: moved.title.clone(),
            sentence: format!(
                "Its {what} for the golden picture ({}) was {:.4} and is {:.4} now, which is more than the {} that may be: \
                 ONNX Runtime, the processor or decoding changed what it says. It does not score until that is decided; images wait.",
                moved.image, moved.expected, moved.observed, moved.tolerance
            ),
            way_out: phrases::way_out(moved),
            accept: site.url(&format!("/models/moved/{}/accept", moved.model.0)),
        }
    }
}

impl PairRow {
    fn new(site: &Site, kept: &Kept) -> Self {
        let address = |act: &str| site.url(&format!("/models/{}/{act}", kept.id));
        Self {
            models: kept.name(),
            state: phrases::state(kept),
            since: (words::moment(kept.since), words::stamp(kept.since)),
            failed: failed(site, kept),
            activate: kept.can_be_shown().then(|| address("activate")),
            pause: hold(kept).map(|(name, act)| (name, address(act))),
            give_up: kept.is_filling().then(|| (address("give-up"), phrases::GIVING_UP)),
            note: phrases::note(kept),
        }
    }
}

/// The button that holds a pair, or lets it go on, and what it does. Where that is the same as showing it, there is one button for it.
fn hold(kept: &Kept) -> Option<(&'static str, &'static str)> {
    match (kept.is_filling(), kept.is_paused) {
        (true, true) if kept.is_filled() && !kept.fails_more() => None,
        (true, true) => Some(("Go on", "resume")),
        (true, false) => Some(("Hold it", "pause")),
        (false, _) => None,
    }
}

/// How many images a model of the pair gave up on, and where they are listed.
fn failed(site: &Site, kept: &Kept) -> Option<(String, String)> {
    let address = || site.url(&format!("/arrivals?state=unscorable&pair={}", kept.id));
    (kept.failed > 0).then(|| (format!("{} failed", words::count(kept.failed)), address()))
}

impl Report {
    #[expect(clippy::cast_precision_loss, reason = "numbers of images")]
    fn new(site: &Site, other: &Kept, comparison: Arc<Comparison>) -> Self {
        let coverage = words::percent(other.scored as f64 / other.images.max(1) as f64);
        Self { models: other.name(), coverage, failed: failed(site, other), comparison }
    }
}
