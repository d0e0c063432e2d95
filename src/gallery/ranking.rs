//! The ranking: Top 20 and Bottom 20, its two ends, and the whole of it with search, filters and paging.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Query},
};
use askama::Template;
use serde::Deserialize;
use sqlx::PgConnection;

use super::{
    bulk,
    card::Card,
    form::{self, Form},
    frame::{self, Frame},
    html,
    remarks::{self, Remark},
    words,
};
use crate::{
    store::{
        human_pool,
        rankings::{self, Cursor, Order, Place, Ranking, Sort, Watch},
        summary::{self, Means},
        viewpoint::{self, Viewpoint},
    },
    web::{Site, account::Account, error::WebError},
};

/// Images on one end's page.
const SHOWN: u16 = 20;

/// Images on a page of the whole ranking.
const ON_A_PAGE: u16 = 40;

/// What the address of an end may say.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    #[serde(default)]
    watch: Watch,
}

/// What the address of the whole ranking says besides the list: where in it.
#[derive(Debug, Default, Deserialize)]
pub struct Paging {
    after: Option<String>,
    before: Option<String>,
    /// Whether images are to be selected.
    #[serde(default)]
    pick: String,
    /// How many were hidden just now.
    hidden_now: Option<u32>,
}

/// Where a page on which images are selected leads.
struct Picking {
    /// What hides them.
    hide: String,
    /// The same page without the boxes.
    leave: String,
}

/// One choice of the filter.
struct Choice {
    name: &'static str,
    href: String,
    is_chosen: bool,
}

/// What a list shows.
#[derive(Default)]
struct Shown {
    cards: Vec<Card>,
    showing: String,
    remarks: Vec<Remark>,
    next: Option<Cursor>,
    previous: Option<Cursor>,
}

#[derive(Template)]
#[template(path = "ranking_end.html")]
struct End {
    frame: Frame,
    title: &'static str,
    lead: &'static str,
    choices: Vec<Choice>,
    whole: String,
    shown: Shown,
}

#[derive(Template)]
#[template(path = "ranking.html")]
struct Whole {
    frame: Frame,
    notice: Option<String>,
    form: Form,
    done: Option<String>,
    picking: Option<Picking>,
    /// The same page with boxes to select images.
    pick: Option<String>,
    shown: Shown,
    next: Option<String>,
    previous: Option<String>,
    first: String,
}

/// `GET /top`: the best first.
///
/// # Errors
/// See [`WebError`].
pub async fn top(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    end(&site, &account, Order::Desc, parameters.watch).await
}

/// `GET /bottom`: the worst first.
///
/// # Errors
/// See [`WebError`].
pub async fn bottom(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    end(&site, &account, Order::Asc, parameters.watch).await
}

async fn end(site: &Site, account: &Account, order: Order, watch: Watch) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let (place, path, title, lead) = match order {
        Order::Desc => (frame::Place::Top, "/top", "Top 20", "The best by predicted quality, best first."),
        Order::Asc => {
            (frame::Place::Bottom, "/bottom", "Bottom 20", "The lowest by predicted quality, lowest first.")
        }
    };
    let ranking = Ranking { order, watch, ..Ranking::default() };
    html(&End {
        frame: Frame::of(site, account, place, view.as_ref()),
        title,
        lead,
        choices: choices(site, path, watch),
        whole: remarks::list(site, "/ranking", &ranking),
        shown: shown(site, &mut conn, view.as_ref(), &ranking, (&Place::Start, SHOWN, path)).await?,
    })
}

/// `GET /ranking`: the whole ranking, as its address says.
///
/// # Errors
/// See [`WebError`].
pub async fn whole(
    site: Data<Site>,
    account: Account,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let (ranking, problems) = Ranking::read(request.query_string());
    let notice = form::problems(&ranking, &problems);
    // A bound that was left over from another sort is nobody's mistake.
    let is_wrong = problems.iter().any(|problem| !problem.is_of_another_sort);
    let paging = web::Query::<Paging>::from_query(request.query_string()).map(Query::into_inner);
    let paging = paging.unwrap_or_default();
    let place = if is_wrong { Place::Start } else { paging.place(&ranking)? };
    let is_picking = paging.pick == "yes";
    let view = view_of(&mut conn, &place).await?;
    let asked = (&place, ON_A_PAGE, "/ranking");
    let mut shown = shown(&site, &mut conn, view.as_ref(), &ranking, asked).await?;
    shown.cards.iter_mut().for_each(|card| card.is_pickable = is_picking);
    let here = |pick: bool, leaf: Option<(&str, Cursor)>| address(&site, &ranking, pick, leaf);
    let leaf = |name, cursor: Option<Cursor>| cursor.map(|cursor| here(is_picking, Some((name, cursor))));
    let status = if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let mut answer = html(&Whole {
        frame: Frame::of(&site, &account, frame::Place::Ranking, view.as_ref()),
        notice,
        form: Form::of(&site, &ranking),
        done: paging
            .hidden_now
            .map(|count| format!("{} hidden.", words::counted(count.into(), "image is", "images are"))),
        picking: is_picking.then(|| Picking {
            hide: bulk::hide_address(&site, &ranking),
            leave: here(false, paging.cursor()),
        }),
        pick: (!is_picking && !shown.cards.is_empty()).then(|| here(true, paging.cursor())),
        next: leaf("after", shown.next),
        previous: leaf("before", shown.previous),
        first: here(is_picking, None),
        shown,
    })?;
    *answer.status_mut() = status;
    Ok(answer)
}

/// The address of a page of the list.
fn address(site: &Site, ranking: &Ranking, pick: bool, leaf: Option<(&str, Cursor)>) -> String {
    let list = ranking.to_string();
    let pick = pick.then(|| "pick=yes".to_owned());
    let leaf = leaf.map(|(name, cursor)| format!("{name}={cursor}"));
    let query: Vec<String> =
        Some(list).filter(|list| !list.is_empty()).into_iter().chain(pick).chain(leaf).collect();
    match query.is_empty() {
        true => site.url("/ranking"),
        false => site.url(&format!("/ranking?{}", query.join("&"))),
    }
}

impl Paging {
    /// The place in the list as its address says it.
    fn cursor(&self) -> Option<(&'static str, Cursor)> {
        let read = |text: &Option<String>| text.as_deref()?.parse().ok();
        let after = read(&self.after).map(|cursor| ("after", cursor));
        after.or_else(|| read(&self.before).map(|cursor| ("before", cursor)))
    }

    /// The place in `ranking`.
    fn place(&self, ranking: &Ranking) -> Result<Place, WebError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (text, place): (_, fn(Cursor) -> Place) = match (given(&self.after), given(&self.before)) {
            (Some(after), _) => (after, Place::After),
            (None, Some(before)) => (before, Place::Before),
            (None, None) => return Ok(Place::Start),
        };
        let cursor: Cursor = text.parse().map_err(|error| WebError::Parameter(format!("after: {error}")))?;
        // Another sort was chosen on a later page: that list begins at its beginning.
        let is_of_this = (cursor.sort, cursor.order) == (ranking.sort, ranking.order);
        Ok(if is_of_this { place(cursor) } else { Place::Start })
    }
}

/// The generation that the list was begun in; without a place the active one.
async fn view_of(conn: &mut PgConnection, place: &Place) -> Result<Option<Viewpoint>, WebError> {
    match place {
        Place::Start => Ok(viewpoint::active(conn).await?),
        Place::After(cursor) | Place::Before(cursor) => match viewpoint::of(conn, cursor.generation).await? {
            Some(view) => Ok(Some(view)),
            None => Err(WebError::StaleCursor),
        },
    }
}

/// A page of a list, with what is to be said about it. `place`, number of images, and the page's own path.
async fn shown(
    site: &Site,
    conn: &mut PgConnection,
    view: Option<&Viewpoint>,
    ranking: &Ranking,
    (place, most, path): (&Place, u16, &str),
) -> Result<Shown, WebError> {
    let Some(view) = view else {
        return Ok(Shown { showing: "No image has been scored yet.".to_owned(), ..Shown::default() });
    };
    let page = rankings::page(conn, view, ranking, place, most).await?;
    let first = match page.images.first().and_then(|image| image.cursor(view, ranking)) {
        Some(cursor) if *place != Place::Start => rankings::ahead(conn, view, ranking, &cursor).await?,
        _ => Some(0),
    };
    let first = first.map(|ahead| ahead + 1);
    let counted = site.counts.of(conn, view, ranking).await?;
    Ok(Shown {
        cards: cards(site, conn, &counted.means, ranking, (first, &page.images)).await?,
        showing: remarks::showing(page.images.len(), counted.total, ranking),
        remarks: remarks::of(site, view, &counted, ranking, path),
        next: page.next,
        previous: page.previous,
    })
}

/// Images as cards, with their share of the catalog; the first is number `first` of the list.
pub(super) async fn cards(
    site: &Site,
    conn: &mut PgConnection,
    means: &Means,
    ranking: &Ranking,
    (first, images): (Option<i64>, &[rankings::Ranked]),
) -> Result<Vec<Card>, WebError> {
    let pool = match images.iter().any(|image| image.votes > 0) {
        true => Some(human_pool::read(conn).await?),
        false => None,
    };
    let card = |(index, image): (usize, &rankings::Ranked)| {
        let share = image.quality_mean.filter(|_| !image.hidden).map(|mean| means.share_below(mean));
        let interval = pool.and_then(|pool| {
            pool.interval(u32::try_from(image.votes).ok()?, image.human_mean?, image.human_std?)
        });
        Card::new(site, ranking, (first, index), image, (share, interval))
    };
    Ok(images.iter().enumerate().map(card).collect())
}

/// The first cards of a list.
pub(super) async fn first_cards(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    most: u16,
) -> Result<Vec<Card>, WebError> {
    let page = rankings::page(conn, view, ranking, &Place::Start, most).await?;
    let means = summary::means(conn, view.generation).await?;
    cards(site, conn, &means, ranking, (Some(1), &page.images)).await
}

fn choices(site: &Site, path: &str, chosen: Watch) -> Vec<Choice> {
    [(Watch::Any, "All"), (Watch::Yes, "Watches"), (Watch::No, "No watch")]
        .into_iter()
        .map(|(watch, name)| {
            let ranking = Ranking { watch, ..Ranking::default() };
            Choice { name, href: remarks::list(site, path, &ranking), is_chosen: watch == chosen }
        })
        .collect()
}

/// What the list goes by, for the sentence above it.
impl Whole {
    fn is_by_people(&self) -> bool {
        self.form.ranking.sort == Sort::Human
    }

    fn is_by_quality(&self) -> bool {
        matches!(self.form.ranking.sort, Sort::Quality | Sort::Random)
    }
}
