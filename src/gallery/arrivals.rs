//! Arrivals and failures: every path in its one state, why, and what can be done about it.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path, Query},
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
    domain::{ImageId, SightingId, SightingState},
    jobs,
    store::{
        arrivals::{self, Arrival, Behind, Unscorable},
        events, image_page,
        ledger::{self, Ledger},
        sightings, viewpoint,
    },
    web::{Site, error::WebError},
};

/// Rows on a page.
const ROWS: i64 = 50;

/// What the address may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    state: Option<String>,
    after: Option<String>,
    done: Option<String>,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    All,
    State(SightingState),
    Unscorable,
}

impl Tab {
    fn parse(text: Option<&str>) -> Result<Self, WebError> {
        match text {
            None | Some("") => Ok(Self::All),
            Some("unscorable") => Ok(Self::Unscorable),
            Some(state) => {
                state.parse().map(Self::State).map_err(|error| WebError::Parameter(format!("{error}")))
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::State(state) => state.as_str(),
            Self::Unscorable => "unscorable",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::State(SightingState::Settling) => "Settling",
            Self::State(SightingState::Imported) => "Imported",
            Self::State(SightingState::Duplicate) => "Duplicates",
            Self::State(SightingState::Failed) => "Failed",
            Self::State(SightingState::Ignored) => "Ignored",
            Self::State(SightingState::Missing) => "Missing",
            Self::Unscorable => "Not scorable",
        }
    }

    const fn count(self, ledger: &Ledger) -> i64 {
        match self {
            Self::All => ledger.total,
            Self::State(SightingState::Settling) => ledger.settling,
            Self::State(SightingState::Imported) => ledger.imported,
            Self::State(SightingState::Duplicate) => ledger.duplicate,
            Self::State(SightingState::Failed) => ledger.failed,
            Self::State(SightingState::Ignored) => ledger.ignored,
            Self::State(SightingState::Missing) => ledger.missing,
            Self::Unscorable => ledger.unscorable,
        }
    }

    /// What its rows are.
    const fn meaning(self) -> &'static str {
        match self {
            Self::All => {
                "Every file that was ever seen in the upload directory and still counts, newest first."
            }
            Self::State(SightingState::Settling) => {
                "Still growing, or too young to be read. They are taken once they have stood still."
            }
            Self::State(SightingState::Imported) => "Files whose bytes are an image of the catalog.",
            Self::State(SightingState::Duplicate) => {
                "The same bytes as an image that came in under another name."
            }
            Self::State(SightingState::Failed) => {
                "Files that could not be taken. They are tried again when they change, or when you say so."
            }
            Self::State(SightingState::Ignored) => {
                "Files that are left alone: set aside by hand, or never opened."
            }
            Self::State(SightingState::Missing) => {
                "Files that are not where they were, or have other bytes now. What is known of their images stays."
            }
            Self::Unscorable => "Images that came in, but that a model gave up on.",
        }
    }
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

    /// Whether trying again makes sense.
    pub fn can_retry(&self) -> bool {
        self.state == SightingState::Failed.as_str() || self.state == SightingState::Ignored.as_str()
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
pub async fn show(site: Data<Site>, parameters: Query<Parameters>) -> Result<HttpResponse, WebError> {
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
        frame: Frame::of(&site, Place::Arrivals, view.as_ref()),
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

/// `POST /arrivals/{id}/retry`.
///
/// # Errors
/// See [`WebError`].
pub async fn retry(site: Data<Site>, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let done = sightings::retry(&mut tx, SightingId(*id)).await?;
    if done {
        events::record(&mut tx, "sighting.retry", Some(&format!("sighting:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(back(&site, SightingState::Failed.as_str(), if done { "retry" } else { "nothing" }))
}

/// `POST /arrivals/retry-all`: every failed file.
///
/// # Errors
/// See [`WebError`].
pub async fn retry_all(site: Data<Site>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let retried = sightings::retry_all(&mut tx).await?;
    if retried > 0 {
        events::record(&mut tx, "sighting.retry-all", None).await?;
    }
    tx.commit().await?;
    Ok(back(&site, SightingState::Failed.as_str(), if retried > 0 { "retry-all" } else { "nothing" }))
}

/// `POST /arrivals/{id}/ignore`.
///
/// # Errors
/// See [`WebError`].
pub async fn ignore(site: Data<Site>, id: Path<i64>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    let done = sightings::ignore(&mut tx, SightingId(*id)).await?;
    if done {
        events::record(&mut tx, "sighting.ignore", Some(&format!("sighting:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(back(&site, SightingState::Failed.as_str(), if done { "ignore" } else { "nothing" }))
}

/// `POST /images/{id}/rescore`: what a model gave up on waits for it again.
///
/// # Errors
/// See [`WebError`].
pub async fn rescore(site: Data<Site>, id: Path<Uuid>) -> Result<HttpResponse, WebError> {
    let image = ImageId(*id);
    let mut tx = site.pool.begin().await?;
    image_page::facts(&mut tx, image).await?.ok_or(WebError::NotFound)?;
    jobs::request_scoring(&mut tx, image).await?;
    events::record(&mut tx, "image.rescore", Some(&format!("image:{id}"))).await?;
    tx.commit().await?;
    Ok(back(&site, Tab::Unscorable.as_str(), "rescore"))
}

/// Back to the list, so that reloading it does nothing twice.
fn back(site: &Site, state: &str, done: &str) -> HttpResponse {
    let target = site.url(&format!("/arrivals?state={state}&done={done}"));
    HttpResponse::SeeOther().insert_header((header::LOCATION, target)).finish()
}
