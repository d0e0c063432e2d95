//! Setting a cut-off, and going back to a former one.

use actix_web::{
    HttpResponse,
    web::{Data, Form, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::cut_off;
use crate::{
    calibration::{Labels, Objective, Proposal, Sweep},
    domain::{ModelId, Threshold},
    learning::{
        goal::{self, given},
        recalibration::LabelSets,
    },
    store::{
        events, labels,
        thresholds::{self, Change},
        viewpoint::{self, Viewpoint},
    },
    web::{Site, account::Account, error::WebError},
};

/// Longest note, in characters.
const NOTE_CHARS: usize = 500;

/// The form that applies a cut-off.
#[derive(Deserialize)]
pub struct Application {
    /// The model that the page showed.
    model: ModelId,
    cut: f64,
    #[serde(default)]
    goal: String,
    #[serde(default, deserialize_with = "given")]
    least: Option<f64>,
    seen: Option<i64>,
    note: String,
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
    let goal = goal::asked(&form.goal, form.least).map_err(|error| WebError::Parameter(error.to_string()))?;
    let mut conn = site.pool.acquire().await?;
    let Some((view, current)) = held(&mut conn, form.model).await? else { return Ok(overtaken(&site)) };
    let sets = LabelSets::of(&labels::all(&mut conn, &view).await?);
    let proposal = proposal(&mut conn, &view, &sets, current, goal).await?;
    drop(conn);
    let (objective, evidence) = match proposal {
        Some(proposal) if proposal.best.threshold == value => {
            (form.goal.as_str(), serde_json::to_value(proposal).map_err(WebError::internal)?)
        }
        passed_over => ("manual", by_hand(&sets, value, passed_over)),
    };
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
    let Some((view, _)) = held(&mut conn, form.model).await? else { return Ok(overtaken(&site)) };
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
    model: ModelId,
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
    Ok(if is_set { site.see_other("/threshold?done=set") } else { overtaken(site) })
}

fn overtaken(site: &Site) -> HttpResponse {
    site.see_other("/threshold?done=overtaken")
}

/// The model that serves with the threshold in use, if it is `shown`, the one that the page was about: pages switch to
/// another model by themselves, and a cut-off is chosen from the confidences of one.
async fn held(conn: &mut PgConnection, shown: ModelId) -> Result<Option<(Viewpoint, Threshold)>, WebError> {
    let view = viewpoint::active(conn).await?.ok_or(WebError::NotFound)?;
    let current = view.threshold.ok_or(WebError::NotFound)?;
    Ok((view.watch_model == shown).then_some((view, current)))
}

/// What the labels propose for `goal`, if it was asked for and they suffice.
async fn proposal(
    conn: &mut PgConnection,
    view: &Viewpoint,
    sets: &LabelSets,
    current: Threshold,
    goal: Option<Objective>,
) -> Result<Option<Proposal>, WebError> {
    let Some(objective) = goal else { return Ok(None) };
    let catalog = labels::histogram(conn, view).await?;
    Ok(sets.clone().propose(catalog, current, objective).await.ok())
}

/// What a cut-off that somebody chose rests on: what the labels say at it, and the proposal that was passed over.
fn by_hand(sets: &LabelSets, value: Threshold, passed_over: Option<Proposal>) -> Value {
    let at = Labels::new(&sets.all()).ok().map(|labels| Sweep::of(&labels).at(value).metrics());
    json!({
        "everything": at,
        "tuning": sets.tuning.len(),
        "audit_labels": sets.audit.len(),
        "passed_over": passed_over,
    })
}

fn checked_note(note: &str) -> Result<&str, WebError> {
    let note = note.trim();
    let is_fine = !note.is_empty() && note.chars().count() <= NOTE_CHARS && !note.contains('\0');
    let words = || {
        WebError::Parameter(format!("say why, in at most {NOTE_CHARS} characters: it stands in the history"))
    };
    if is_fine { Ok(note) } else { Err(words()) }
}
