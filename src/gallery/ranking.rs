//! The ranking: Top 20 and Bottom 20, its two ends, and the whole of it with search, filters and paging.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use sqlx::PgConnection;

use super::{
    card::Card,
    form::{self, Form},
    frame::{self, Frame},
    html,
    paging::{self, Paging, Picking},
    remarks::{self, Remark},
};
use crate::{
    store::{
        human_pool,
        rankings::{self, Cursor, Order, Place, Ranking, Sort, Watch},
        summary::{self, Means},
        viewpoint::{self, Viewpoint},
    },
    web::{Site, account::Account, error::WebError, query::Query},
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
    /// What the whole catalog has besides.
    elsewhere: Vec<Remark>,
    /// The list without the filters that leave nothing of it.
    unfiltered: Option<String>,
    /// Where pictures are dropped.
    upload_dir: String,
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
    let paging = Paging::read(request.query_string());
    let place = if is_wrong { Place::Start } else { paging.place(&ranking)? };
    let is_picking = paging.is_picking();
    let view = view_of(&mut conn, &place).await?;
    let asked = (&place, ON_A_PAGE, "/ranking");
    let mut shown = shown(&site, &mut conn, view.as_ref(), &ranking, asked).await?;
    for card in &mut shown.cards {
        (card.is_pickable, card.is_ticked) = (is_picking, is_picking && paging.is_ticked(card.id));
    }
    let here =
        |pick: bool, leaf: Option<(&'static str, Cursor)>| paging::address(&site, &ranking, pick, leaf);
    let leaf = |name, cursor: Option<Cursor>| cursor.map(|cursor| here(is_picking, Some((name, cursor))));
    let status = if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let mut answer = html(&Whole {
        frame: Frame::of(&site, &account, frame::Place::Ranking, view.as_ref()),
        notice,
        form: Form::of(&site, &ranking),
        done: paging.done(),
        picking: paging.picking(&site, &ranking),
        pick: (!is_picking && !shown.cards.is_empty()).then(|| here(true, paging.cursor())),
        next: leaf("after", shown.next),
        previous: leaf("before", shown.previous),
        first: here(is_picking, None),
        shown,
    })?;
    *answer.status_mut() = status;
    Ok(answer)
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
        let showing = "No image has been scored yet.".to_owned();
        return Ok(Shown { showing, upload_dir: site.upload_dir.display().to_string(), ..Shown::default() });
    };
    let page = rankings::page(conn, view, ranking, place, most).await?;
    let first = match page.images.first().and_then(|image| image.cursor(view, ranking)) {
        Some(cursor) if *place != Place::Start => rankings::ahead(conn, view, ranking, &cursor).await?,
        _ => Some(0),
    };
    let first = first.map(|ahead| ahead + 1);
    let counted = site.counts.of(conn, view, ranking).await?;
    let bare = ranking.unfiltered();
    Ok(Shown {
        cards: cards(site, conn, &counted.means, ranking, (first, &page.images)).await?,
        showing: remarks::showing((first, page.images.len()), counted.total, ranking),
        remarks: remarks::of(site, view, &counted, ranking, path),
        elsewhere: remarks::elsewhere(site, &counted, ranking),
        unfiltered: (bare != *ranking).then(|| remarks::list(site, path, &bare)),
        upload_dir: site.upload_dir.display().to_string(),
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

    fn by_what(&self) -> &'static str {
        match self.form.ranking.sort {
            Sort::Watch => "By the confidence of the watch model.",
            Sort::Sharpness => {
                "By measured sharpness: blurred pictures have a low one, and so have very plain ones."
            }
            _ => "By the time at which they came in, scored or not.",
        }
    }
}
