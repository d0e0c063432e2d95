//! Arrivals and failures: every path in its one state, why, and what can be done about it.

mod actions;
mod tab;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
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
    domain::SightingState,
    ingest::upload,
    store::{
        arrivals::{self, Arrival, Behind, Unscorable},
        ledger::{self, Ledger},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};
use tab::Tab;

pub use actions::{ignore, retry, retry_all};

/// Rows on a page.
const ROWS: i64 = 50;

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    state: Option<String>,
    after: Option<String>,
    done: Option<String>,
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
}

impl Row {
    /// The row of a sighting.
    pub fn new(site: &Site, arrival: &Arrival, now: DateTime<Utc>) -> Self {
        let hash = arrival.sha256.as_ref().filter(|_| arrival.is_decoded).map(hex::encode);
        Self {
            id: arrival.id,
            path: arrival.path_text.clone(),
            root: arrival.root.clone(),
            state: arrival.state.clone(),
            reason: arrival.reason.clone().unwrap_or_default(),
            tries: if arrival.tries > 0 { arrival.tries.to_string() } else { String::new() },
            size: words::bytes(arrival.size_bytes),
            stamp: words::stamp(arrival.first_seen),
            ago: words::ago(now, arrival.first_seen),
            page: arrival.image_id.map(|id| site.url(&format!("/images/{id}"))),
            picture: hash.map(|hash| site.url(&format!("/media/{GRID_PX}/{hash}.jpg"))),
        }
    }

    /// Whether trying again makes sense: the file lies in a folder, where it can be found again.
    pub fn can_retry(&self) -> bool {
        !self.is_upload()
            && (self.state == SightingState::Failed.as_str() || self.state == SightingState::Ignored.as_str())
    }

    /// Whether it was refused and can be had again only from whoever sent it.
    pub fn can_send_again(&self) -> bool {
        self.is_upload() && self.state == SightingState::Failed.as_str()
    }

    fn is_upload(&self) -> bool {
        self.root == upload::ROOT
    }

    /// Whether it can be set aside.
    pub fn can_ignore(&self) -> bool {
        self.state == SightingState::Failed.as_str()
    }
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
    next: Option<String>,
    notice: Option<&'static str>,
    swept: Option<String>,
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
    let mut conn = site.pool.acquire().await?;
    let now = site.clock.now();
    let view = viewpoint::active(&mut conn).await?;
    let ledger = ledger::totals(&mut conn, view.as_ref()).await?;
    let (arrivals, next) = listed(&mut conn, tab, behind).await?;
    let unscorable = match &view {
        Some(view) if tab == Tab::Unscorable => arrivals::unscorable(&mut conn, view, ROWS).await?,
        _ => vec![],
    };
    let swept = ledger::roots(&mut conn).await?.into_iter().filter_map(|root| root.last_sweep_at).max();
    html(&Page {
        frame: Frame::of(&site, &account, Place::Arrivals, view.as_ref()),
        tab,
        tabs: tabs(&site, tab, &ledger),
        rows: arrivals.iter().map(|arrival| Row::new(&site, arrival, now)).collect(),
        unscorable: unscorable.into_iter().map(|image| UnscorableRow::new(&site, image, now)).collect(),
        next: next.map(|next| site.url(&format!("/arrivals?state={}&after={next}", tab.as_str()))),
        notice: notice(parameters.done.as_deref()),
        swept: swept.map(|at| words::ago(now, at)),
    })
}

/// The rows of a tab, and where the next page begins.
async fn listed(
    conn: &mut PgConnection,
    tab: Tab,
    behind: Behind,
) -> Result<(Vec<Arrival>, Option<Behind>), WebError> {
    let mut rows = match tab {
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

fn tabs(site: &Site, here: Tab, ledger: &Ledger) -> Vec<TabLink> {
    let states = SightingState::ALL.iter().copied().map(Tab::State);
    std::iter::once(Tab::All)
        .chain(states)
        .chain([Tab::Unscorable])
        .map(|tab| TabLink {
            name: tab.name(),
            count: words::count(tab.count(ledger)),
            href: match tab {
                Tab::All => site.url("/arrivals"),
                _ => site.url(&format!("/arrivals?state={}", tab.as_str())),
            },
            is_here: tab == here,
        })
        .collect()
}

fn notice(done: Option<&str>) -> Option<&'static str> {
    match done? {
        "retry" => Some("It is tried again with the next look at the folder."),
        "retry-all" => Some("All failed files are tried again with the next look at the folder."),
        "ignore" => Some("It is set aside. You find it under Ignored."),
        "rescore" => Some("The image waits to be scored again."),
        "nothing" => Some("Nothing was changed: its state is another one by now."),
        _ => None,
    }
}
