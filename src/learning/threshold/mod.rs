//! Threshold: what would change if the cut-off were another one; apply it, roll it back.

mod proposed;
mod setting;
mod what_if;

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;

pub use self::setting::{apply, roll_back};
use self::{
    proposed::Proposed,
    what_if::{WhatIf, what_if},
};
use super::{
    goal::{self, GOALS, given},
    recalibration::LabelSets,
};
use crate::{
    domain::{ModelId, Threshold},
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        labels,
        thresholds::{self, Setting},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// What the address may say.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Parameters {
    #[serde(default, deserialize_with = "given")]
    cut: Option<f64>,
    #[serde(default)]
    goal: String,
    #[serde(default, deserialize_with = "given")]
    least: Option<f64>,
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "threshold.html")]
struct Page {
    frame: Frame,
    model: String,
    /// What the forms of this page are about.
    model_id: ModelId,
    current: String,
    since: Option<String>,
    labelled: String,
    undecided: i64,
    goals: Vec<(&'static str, &'static str, bool)>,
    least: String,
    proposal: Option<Result<Proposed, String>>,
    what_if: WhatIf,
    goal: String,
    seen: Option<i64>,
    done: Option<&'static str>,
    history: Vec<Setting>,
}

#[derive(Template)]
#[template(path = "threshold_none.html")]
struct Nothing {
    frame: Frame,
}

/// `GET /threshold`.
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
    let frame = Frame::of(&site, &account, Place::Threshold, view.as_ref());
    let Some((view, current)) = view.and_then(|view| Some((view.clone(), view.threshold?))) else {
        return html(&Nothing { frame });
    };
    let images = labels::all(&mut conn, &view).await?;
    let sets = LabelSets::of(&images);
    let history = thresholds::history(&mut conn, view.watch_model).await?;
    let asked = goal::asked(&parameters.goal, parameters.least);
    let goal = if asked.is_ok() { parameters.goal.clone() } else { String::new() };
    let proposal = match asked {
        Ok(None) => None,
        Ok(Some(objective)) => {
            let catalog = labels::histogram(&mut conn, &view).await?;
            let looks = thresholds::looks(&mut conn, view.watch_model).await?;
            let proposal = sets.clone().propose(catalog, current, objective).await;
            Some(proposal.map(|proposal| Proposed::of(&proposal, looks)).map_err(|error| error.to_string()))
        }
        Err(error) => Some(Err(error.to_string())),
    };
    let offered = proposal.as_ref().and_then(|proposal| proposal.as_ref().ok()).map(|proposed| proposed.cut);
    let cut = cut_off(parameters.cut.or(offered).unwrap_or(current.get()))?;
    let what_if = what_if(&site, &mut conn, &view, (current, cut), &sets).await?;
    html(&Page {
        frame,
        model: view.watch_title.clone(),
        model_id: view.watch_model,
        current: words::probability(current.get()),
        since: history.first().map(since),
        labelled: counted(&sets),
        undecided: images.undecided,
        goals: GOALS.iter().map(|(name, text)| (*name, *text, *name == parameters.goal)).collect(),
        least: parameters.least.map_or_else(String::new, |least| least.to_string()),
        proposal,
        what_if,
        goal,
        seen: history.first().map(|setting| setting.id),
        done: done(parameters.done.as_deref()),
        history,
    })
}

fn cut_off(value: f64) -> Result<Threshold, WebError> {
    Threshold::new(value).map_err(|_| WebError::Parameter("the cut-off must lie between 0 and 1".to_owned()))
}

fn counted(sets: &LabelSets) -> String {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    format!(
        "{} outside the audit set, {} in it",
        words::counted(count(sets.tuning.len()), "labelled image", "labelled images"),
        words::count(count(sets.audit.len()))
    )
}

fn since(setting: &Setting) -> String {
    let author = setting.author.as_deref().unwrap_or("the manifest");
    let note = setting.note.as_deref().map_or_else(String::new, |note| format!(": {note}"));
    format!("set by {author}, {}{note}", words::moment(setting.at))
}

fn done(done: Option<&str>) -> Option<&'static str> {
    match done? {
        "set" => Some("The threshold is set. Every page uses it from now on; nothing was scored again."),
        "overtaken" => Some(
            "Somebody else set the threshold meanwhile, or another model serves by now. Yours was not set: look first.",
        ),
        _ => None,
    }
}
