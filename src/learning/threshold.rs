//! Threshold: what would change if the cut-off were another one; apply it, roll it back.

use actix_web::{
    HttpResponse,
    web::{Data, Form, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    figures::{self, Figure},
    goal::{GOALS, given, objective},
    recalibration::LabelSets,
};
use crate::{
    calibration::{Confusion, Labels, Proposal, Sweep},
    decode::GRID_PX,
    domain::Threshold,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        events, labels,
        thresholds::{self, Change, Setting},
        viewpoint::{self, Viewpoint},
    },
    web::{Site, account::Account, error::WebError},
};

/// Images that change sides, on the page.
const SHOWN: i64 = 24;
/// Longest note, in characters.
const NOTE_CHARS: usize = 500;

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

/// The form that applies a cut-off.
#[derive(Deserialize)]
pub struct Application {
    cut: f64,
    #[serde(default)]
    goal: String,
    #[serde(default, deserialize_with = "given")]
    least: Option<f64>,
    seen: Option<i64>,
    note: String,
}

/// An image that changes sides.
struct Flip {
    page: String,
    picture: String,
    name: String,
    confidence: String,
    people: Option<&'static str>,
}

/// What a cut-off would mean.
struct WhatIf {
    cut: String,
    /// The same for people, rounded.
    shown: String,
    is_current: bool,
    figures: Vec<Figure>,
    confusion: Option<Confusion>,
    labelled: usize,
    becomes: &'static str,
    unlabelled_flips: String,
    labelled_flips: String,
    flips: Vec<Flip>,
}

/// A figure of the audit set beside that of everything labelled.
struct Compared {
    name: &'static str,
    audit: String,
    everything: String,
}

/// A threshold that the labels speak for.
struct Proposed {
    cut: f64,
    text: String,
    unweighted: Option<String>,
    held_back: String,
    gain: String,
    audit_n: String,
    rows: Vec<Compared>,
    can_confirm: bool,
    looks: i64,
}

#[derive(Template)]
#[template(path = "threshold.html")]
struct Page {
    frame: Frame,
    model: String,
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
    let proposal = match objective(&parameters.goal, parameters.least) {
        Some(objective) => {
            let catalog = labels::histogram(&mut conn, &view).await?;
            let looks = thresholds::looks(&mut conn, view.watch_model).await?;
            let proposal = sets.clone().propose(catalog, current, objective).await;
            Some(proposal.map(|proposal| proposed(&proposal, looks)).map_err(|error| error.to_string()))
        }
        None => None,
    };
    let offered = proposal.as_ref().and_then(|proposal| proposal.as_ref().ok()).map(|proposed| proposed.cut);
    let cut = cut_off(parameters.cut.or(offered).unwrap_or(current.get()))?;
    let what_if = what_if(&site, &mut conn, &view, (current, cut), &sets).await?;
    html(&Page {
        frame,
        model: view.watch_title.clone(),
        current: words::probability(current.get()),
        since: history.first().map(since),
        labelled: counted(&sets),
        undecided: images.undecided,
        goals: GOALS.iter().map(|(name, text)| (*name, *text, *name == parameters.goal)).collect(),
        least: parameters.least.map_or_else(String::new, |least| least.to_string()),
        proposal,
        what_if,
        goal: parameters.goal.clone(),
        seen: history.first().map(|setting| setting.id),
        done: done(parameters.done.as_deref()),
        history,
    })
}

/// `POST /threshold`: sets a cut-off, with the evidence for it.
///
/// # Errors
/// See [`WebError`].
pub async fn apply(
    site: Data<Site>,
    account: Account,
    form: Form<Application>,
) -> Result<HttpResponse, WebError> {
    let note = checked_note(&form.note)?;
    let value = cut_off(form.cut)?;
    let mut conn = site.pool.acquire().await?;
    let (view, current) = held(&mut conn).await?;
    let evidence = evidence(&mut conn, &view, current, value, &form).await?;
    drop(conn);
    let objective = if form.goal.is_empty() { "manual" } else { form.goal.as_str() };
    let author = Some(account.id);
    let change = Change { model: view.watch_model, value, objective, evidence: &evidence, note, author };
    set(&site, form.seen, &change).await
}

/// `POST /threshold/{id}/roll-back`: sets the cut-off of a former setting again.
///
/// # Errors
/// See [`WebError`].
pub async fn roll_back(
    site: Data<Site>,
    account: Account,
    id: Path<i64>,
    form: Form<Rollback>,
) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let (view, _) = held(&mut conn).await?;
    let value = thresholds::of(&mut conn, view.watch_model, *id).await?.ok_or(WebError::NotFound)?;
    drop(conn);
    let evidence = json!({ "rolled_back_to": *id });
    let note = format!("Back to setting {id}.");
    let change = Change {
        model: view.watch_model,
        value: cut_off(value)?,
        objective: "rollback",
        evidence: &evidence,
        note: &note,
        author: Some(account.id),
    };
    set(&site, form.seen, &change).await
}

/// The form that rolls back.
#[derive(Deserialize)]
pub struct Rollback {
    seen: Option<i64>,
}

async fn set(site: &Site, seen: Option<i64>, change: &Change<'_>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let is_set = thresholds::apply(&mut tx, seen, change).await?;
    if is_set {
        let detail = json!({ "value": change.value.get(), "note": change.note });
        events::record_with(&mut tx, change.author, ("threshold.set", None), &detail).await?;
    }
    tx.commit().await?;
    let done = if is_set { "set" } else { "overtaken" };
    Ok(site.see_other(&format!("/threshold?done={done}")))
}

async fn held(conn: &mut PgConnection) -> Result<(Viewpoint, Threshold), WebError> {
    let view = viewpoint::active(conn).await?.ok_or(WebError::NotFound)?;
    let current = view.threshold.ok_or(WebError::NotFound)?;
    Ok((view, current))
}

/// What a decision rests on: the proposal, if it was asked for, and what the labels say at the cut-off.
async fn evidence(
    conn: &mut PgConnection,
    view: &Viewpoint,
    current: Threshold,
    value: Threshold,
    form: &Application,
) -> Result<Value, WebError> {
    let sets = LabelSets::of(&labels::all(conn, view).await?);
    if let Some(objective) = objective(&form.goal, form.least) {
        let catalog = labels::histogram(conn, view).await?;
        if let Ok(proposal) = sets.clone().propose(catalog, current, objective).await {
            return serde_json::to_value(proposal).map_err(WebError::internal);
        }
    }
    let at = Labels::new(&sets.all()).ok().map(|labels| Sweep::of(&labels).at(value).metrics());
    Ok(json!({ "everything": at, "tuning": sets.tuning.len(), "audit_labels": sets.audit.len() }))
}

fn checked_note(note: &str) -> Result<&str, WebError> {
    let note = note.trim();
    let is_fine = !note.is_empty() && note.chars().count() <= NOTE_CHARS && !note.contains('\0');
    let words = || {
        WebError::Parameter(format!("say why, in at most {NOTE_CHARS} characters: it stands in the history"))
    };
    if is_fine { Ok(note) } else { Err(words()) }
}

fn cut_off(value: f64) -> Result<Threshold, WebError> {
    Threshold::new(value).map_err(|_| WebError::Parameter("the cut-off must lie between 0 and 1".to_owned()))
}

fn proposed(proposal: &Proposal, looks: i64) -> Proposed {
    let best = proposal.best.threshold.get();
    let differs = (proposal.unweighted.threshold.get() - best).abs() > 1e-9;
    let met =
        if proposal.best.met { "" } else { " No cut-off reaches what is asked for; this one comes nearest." };
    let (n, watches) = proposal.tuned_on;
    Proposed {
        cut: best,
        text: format!(
            "{} is best, from {} (as good as {:.0} equally chosen ones), {watches} of them watches.{met}",
            words::probability(best),
            words::counted(i64::try_from(n).unwrap_or(i64::MAX), "label", "labels"),
            proposal.effective_size,
        ),
        unweighted: differs.then(|| words::probability(proposal.unweighted.threshold.get())),
        held_back: format!("{:.3}", proposal.held_back.metrics.f1),
        gain: figures::with(proposal.gain.gain, proposal.gain.interval),
        rows: compared(proposal),
        audit_n: proposal.audit.map_or_else(
            || "none of both kinds".to_owned(),
            |audit| format!("{} images, {} of them watches", audit.proposed.n, audit.proposed.positives),
        ),
        can_confirm: proposal.audit_can_confirm(),
        looks,
    }
}

/// Up to four decimals, without zeros at the end.
fn shortened(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn compared(proposal: &Proposal) -> Vec<Compared> {
    let audit = proposal.audit.map_or_else(Vec::new, |audit| figures::of_evaluation(&audit.proposed));
    let mut audit = audit.into_iter();
    figures::of_evaluation(&proposal.everything.proposed)
        .into_iter()
        .map(|Figure { name, value: everything }| {
            let audit = audit.next().map_or_else(|| "—".to_owned(), |figure| figure.value);
            Compared { name, audit, everything }
        })
        .collect()
}

async fn what_if(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
    (current, cut): (Threshold, Threshold),
    sets: &LabelSets,
) -> Result<WhatIf, WebError> {
    let confusion = Labels::new(&sets.all()).ok().map(|labels| Sweep::of(&labels).at(cut));
    let flips = labels::flips(conn, view, (current.get(), cut.get()), SHOWN).await?;
    Ok(WhatIf {
        cut: cut.get().to_string(),
        shown: shortened(cut.get()),
        is_current: current == cut,
        figures: confusion.map_or_else(Vec::new, |confusion| figures::of_metrics(&confusion.metrics())),
        confusion,
        labelled: sets.tuning.len() + sets.audit.len(),
        becomes: if cut.get() < current.get() { "a watch" } else { "no watch" },
        unlabelled_flips: words::counted(flips.unlabelled, "image", "images"),
        labelled_flips: words::counted(flips.labelled, "image", "images"),
        flips: flips.shown.into_iter().map(|flip| shown(site, flip)).collect(),
    })
}

fn shown(site: &Site, flip: labels::Flipped) -> Flip {
    Flip {
        page: site.url(&format!("/images/{}", flip.image)),
        picture: site.picture(GRID_PX, flip.hash),
        name: flip.filename.rsplit('/').next().unwrap_or_default().to_owned(),
        confidence: words::probability(flip.confidence),
        people: flip.verdict.map(|is_watch| if is_watch { "a watch" } else { "no watch" }),
    }
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
        "overtaken" => {
            Some("Somebody else set the threshold meanwhile, and yours was not: look at theirs first.")
        }
        _ => None,
    }
}
