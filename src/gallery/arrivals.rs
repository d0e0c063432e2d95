//! Arrivals and failures: every path in its one state, why, and what can be done about it.

mod actions;
mod tab;

use std::collections::HashMap;

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    frame::{Frame, Place},
    html, words,
};
use crate::{
    decode::GRID_PX,
    domain::{GenerationId, SightingState},
    ingest::upload,
    store::{
        arrivals::{self, Arrival, Behind, Reason, Unscorable},
        ledger::{self, Ledger},
        sightings, viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};
use tab::Tab;

pub use actions::{ignore, ignore_all, ignore_reason, retry, retry_all, retry_reason, unignore};

/// Rows on a page.
const ROWS: i64 = 50;

/// Reasons with a button of their own.
const REASONS: i64 = 12;

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    state: Option<String>,
    q: Option<String>,
    after: Option<String>,
    done: Option<String>,
    /// The generation whose models gave up, where it is not the active one.
    pair: Option<i64>,
    /// The sighting with which it was done.
    of: Option<i64>,
}

/// A tab with its count.
struct TabLink {
    name: &'static str,
    count: String,
    href: String,
    is_here: bool,
}

/// A row of the list.
pub struct Row {
    /// The sighting.
    pub id: i64,
    /// File name with its folders.
    pub path: String,
    /// The watched folder.
    pub root: String,
    /// Its state.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Under which path the same bytes came in first.
    pub same_as: Option<String>,
    /// Tries in vain; empty without any.
    pub tries: String,
    /// Size of the file.
    pub size: String,
    /// When it was first seen, for machines.
    pub stamp: String,
    /// When it was first seen, in words.
    pub ago: String,
    /// Address of the image's page.
    pub page: Option<String>,
    /// Address of its small rendition.
    pub picture: Option<String>,
    /// Whether somebody may take back that it is left alone.
    pub can_unignore: bool,
}

/// The rows of sightings; duplicates know whose bytes they are.
///
/// # Errors
/// When the database refuses.
pub async fn rows(
    site: &Site,
    conn: &mut PgConnection,
    arrivals: &[Arrival],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Row>> {
    let is_duplicate = |arrival: &&Arrival| arrival.state == SightingState::Duplicate.as_str();
    let images: Vec<Uuid> =
        arrivals.iter().filter(is_duplicate).filter_map(|arrival| arrival.image_id).collect();
    let first: HashMap<Uuid, String> = match images.is_empty() {
        true => HashMap::new(),
        false => arrivals::first_paths(conn, &images).await?.into_iter().collect(),
    };
    let same_as = |arrival: &Arrival| first.get(&arrival.image_id?).cloned();
    let row = |arrival: &Arrival| Row {
        same_as: Some(arrival).filter(is_duplicate).and_then(same_as),
        ..Row::new(site, arrival, now)
    };
    Ok(arrivals.iter().map(row).collect())
}

impl Row {
    fn new(site: &Site, arrival: &Arrival, now: DateTime<Utc>) -> Self {
        let hash = arrival.sha256.as_ref().filter(|_| arrival.is_decoded).map(hex::encode);
        Self {
            id: arrival.id,
            path: arrival.path_text.clone(),
            root: arrival.root.clone(),
            state: arrival.state.clone(),
            reason: arrival.reason.clone().unwrap_or_default(),
            same_as: None,
            tries: if arrival.tries > 0 { arrival.tries.to_string() } else { String::new() },
            size: words::bytes(arrival.size_bytes),
            stamp: words::stamp(arrival.first_seen),
            ago: words::ago(now, arrival.first_seen),
            page: arrival.image_id.map(|id| site.url(&format!("/images/{id}"))),
            picture: hash.map(|hash| site.picture(GRID_PX, hash)),
            can_unignore: can_unignore(site, arrival),
        }
    }

    /// Whether trying again makes sense: the file lies in a folder, where it can be found again.
    pub fn can_retry(&self) -> bool {
        !self.is_upload() && self.state == SightingState::Failed.as_str()
    }

    /// Whether it was refused and can be had again only from whoever sent it.
    pub fn can_send_again(&self) -> bool {
        self.is_upload() && self.state == SightingState::Failed.as_str()
    }

    fn is_upload(&self) -> bool {
        self.root == upload::ROOT
    }

    /// Whether it can be set aside: it failed, or is gone and never was an image.
    pub fn can_ignore(&self) -> bool {
        let never_was = self.state == SightingState::Missing.as_str() && self.page.is_none();
        never_was || self.state == SightingState::Failed.as_str()
    }
}

/// Whether it was set aside by hand, or lies in our own folder, where it can be looked at again.
fn can_unignore(site: &Site, arrival: &Arrival) -> bool {
    let by_hand = arrival.reason.as_deref().is_some_and(|reason| reason.starts_with(sightings::BY_HAND));
    arrival.state == SightingState::Ignored.as_str()
        && (by_hand || arrival.root == site.upload_dir.to_string_lossy())
}

/// A row of the images that a model gave up on.
struct UnscorableRow {
    id: Uuid,
    page: String,
    filename: String,
    model: String,
    reason: String,
    tries: i32,
    ago: String,
}

impl UnscorableRow {
    fn new(site: &Site, image: Unscorable, now: DateTime<Utc>) -> Self {
        Self {
            id: image.image_id,
            page: site.url(&format!("/images/{}", image.image_id)),
            filename: image.filename,
            model: image.model,
            reason: image.reason,
            tries: image.tries,
            ago: words::ago(now, image.updated_at),
        }
    }
}

#[derive(Template)]
#[template(path = "arrivals.html")]
struct Page {
    frame: Frame,
    tab: Tab,
    tabs: Vec<TabLink>,
    rows: Vec<Row>,
    unscorable: Vec<UnscorableRow>,
    pair: Option<i64>,
    text: String,
    unfiltered: String,
    reasons: Vec<Reason>,
    next: Option<String>,
    notice: Option<String>,
    upload_dir: String,
    swept: Option<String>,
}

impl Page {
    fn can_retry(&self) -> bool {
        self.reasons.iter().any(|reason| reason.can_retry > 0)
    }
}

/// `GET /arrivals`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let tab = Tab::parse(parameters.state.as_deref())?;
    let behind = parameters.after.as_deref().map(str::parse).transpose();
    let behind =
        behind.map_err(|error| WebError::Parameter(format!("after: {error}")))?.unwrap_or(Behind::START);
    let text = parameters.q.as_deref().unwrap_or_default().trim();
    let mut conn = site.pool.acquire().await?;
    let now = site.clock.now();
    let view = viewpoint::active(&mut conn).await?;
    let ledger = ledger::totals(&mut conn, view.as_ref().map(|view| view.generation)).await?;
    let (arrivals, next) = listed(&mut conn, tab, text, behind).await?;
    let pair = parameters.pair.filter(|_| tab == Tab::Unscorable);
    let asked = match pair {
        Some(pair) => viewpoint::of(&mut conn, GenerationId(pair)).await?,
        None => view.clone(),
    };
    let unscorable = match &asked {
        Some(asked) if tab == Tab::Unscorable => arrivals::unscorable(&mut conn, asked, text, ROWS).await?,
        _ => vec![],
    };
    let reasons = if tab == Tab::State(SightingState::Failed) && text.is_empty() {
        arrivals::reasons(&mut conn, REASONS).await?
    } else {
        vec![]
    };
    let swept = ledger::roots(&mut conn).await?.into_iter().filter_map(|root| root.last_sweep_at).max();
    html(&Page {
        frame: Frame::of(&site, &account, Place::Arrivals, view.as_ref()),
        tab,
        tabs: tabs(&site, tab, text, &ledger),
        rows: rows(&site, &mut conn, &arrivals, now).await?,
        unscorable: unscorable.into_iter().map(|image| UnscorableRow::new(&site, image, now)).collect(),
        pair,
        text: text.to_owned(),
        unfiltered: tab.address(&site, "", None)
            + &pair.map_or_else(String::new, |pair| format!("&pair={pair}")),
        reasons,
        next: next.map(|next| tab.address(&site, text, Some(next))),
        notice: match parameters.of {
            Some(sighting) => actions::notice(
                parameters.done.as_deref(),
                arrivals::path_of(&mut conn, sighting).await?.as_deref(),
            ),
            None => actions::notice(parameters.done.as_deref(), None),
        },
        upload_dir: site.upload_dir.display().to_string(),
        swept: swept.map(|at| words::ago(now, at)),
    })
}

/// The rows of a tab, and where the next page begins.
async fn listed(
    conn: &mut PgConnection,
    tab: Tab,
    text: &str,
    behind: Behind,
) -> Result<(Vec<Arrival>, Option<Behind>), WebError> {
    let mut rows = match tab {
        Tab::All if !text.is_empty() => arrivals::found(conn, None, text, behind, ROWS + 1).await?,
        Tab::State(state) if !text.is_empty() => {
            arrivals::found(conn, Some(state), text, behind, ROWS + 1).await?
        }
        Tab::All => arrivals::newest(conn, behind, ROWS + 1).await?,
        Tab::State(state) => arrivals::newest_in(conn, state, behind, ROWS + 1).await?,
        Tab::Unscorable => vec![],
    };
    let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let last = rows.last().filter(|_| more);
    let next = last.map(|last| Behind { first_seen: last.first_seen, id: last.id });
    Ok((rows, next))
}

/// While something is searched for, the counts of everything would mislead.
fn tabs(site: &Site, here: Tab, text: &str, ledger: &Ledger) -> Vec<TabLink> {
    let states = SightingState::ALL.iter().copied().map(Tab::State);
    std::iter::once(Tab::All)
        .chain(states)
        .chain([Tab::Unscorable])
        .map(|tab| TabLink {
            name: tab.name(),
            count: if text.is_empty() { words::count(tab.count(ledger)) } else { String::new() },
            href: tab.address(site, text, None),
            is_here: tab == here,
        })
        .collect()
}
