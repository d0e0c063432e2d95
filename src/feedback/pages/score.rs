//! Score: one picture, as large as the window, and nothing about models or colleagues.

mod said;

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

pub use self::said::{next, submit, undo};
use super::answers::{self, End, Shown};
use crate::{
    decode::{GRID_PX, VIEWER_PX},
    domain::{AnnotatorId, ImageId, Question, RoundId, Score},
    feedback::{Seat, queue},
    gallery::{
        frame::{Frame, Place},
        html, media, words,
    },
    store::{
        guides::{self, Guide},
        progress::{self, Desk},
        reservations::{self, Held, Whose},
        rounds::{self, Round},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// Why a picture cannot be judged, as the buttons say it.
const REASONS: [&str; 3] = ["broken picture", "not a photograph", "unsure"];

/// The largest picture that 1:1 shows, in pixels of the long side.
const FULL_PX: u32 = 6_000;

/// Judgements in the strip.
const STRIP: i64 = 20;

/// Which earlier picture is to be shown again.
#[derive(Debug, Default, Deserialize)]
pub struct Back {
    back: Option<Uuid>,
    #[serde(default)]
    occurrence: i16,
}

/// An example of the guide.
pub struct Example {
    src: String,
    stands_for: String,
    caption: String,
}

/// An earlier judgement in the strip.
pub struct Earlier {
    /// Where it is shown again.
    pub href: String,
    /// Address of its small picture.
    pub src: String,
    /// What was said.
    pub said: String,
    /// What undoes it.
    pub key: Uuid,
    /// Whether it can be changed.
    pub is_open: bool,
}

/// The picture that is judged.
struct Current {
    shown: Shown,
    key: Uuid,
    score: Option<i16>,
    is_watch: Option<bool>,
}

#[derive(Template)]
#[template(path = "score.html")]
struct Page {
    frame: Frame,
    round: Round,
    annotator: AnnotatorId,
    guide: Guide,
    examples: Vec<Example>,
    current: Option<Current>,
    upcoming: String,
    end: Option<End>,
    /// What was judged here, the latest first.
    earlier: Vec<Earlier>,
    /// How many of those come after the picture that is shown.
    later: usize,
    done: i64,
    left: i64,
    scores: [Score; 10],
    reasons: [&'static str; 3],
    is_first: bool,
}

impl Page {
    /// The judgement before the picture that is shown: where “Back” leads.
    fn last(&self) -> Option<&Earlier> {
        self.earlier.get(self.later)
    }

    fn question(&self) -> Option<&'static str> {
        self.round.plan.question.map(question_in_words)
    }

    fn asks_both(&self) -> bool {
        self.round.plan.asks_quality && self.round.plan.question.is_some()
    }

    fn has_chosen(&self, score: &Score) -> bool {
        self.current.as_ref().is_some_and(|current| current.score == Some(score.get()))
    }

    fn has_answered(&self, is_watch: bool) -> bool {
        self.current.as_ref().is_some_and(|current| current.is_watch == Some(is_watch))
    }

    fn beside(&self) -> Option<&str> {
        self.current.as_ref()?.shown.beside.as_deref()
    }

    fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.guide.body.split("\n\n").map(str::trim).filter(|text| !text.is_empty())
    }
}

/// The watch question as people are asked it.
pub fn question_in_words(question: Question) -> &'static str {
    match question {
        Question::Watch => "Is there a watch in this picture? A clock is not a watch.",
        Question::WatchOrClock => "Is there a watch or a clock in this picture?",
    }
}

#[derive(Template)]
#[template(path = "score_list.html")]
struct List {
    frame: Frame,
    annotator: AnnotatorId,
    desks: Vec<Desk>,
}

/// `GET /score`: the rounds that wait; straight into the one, if there is only one.
///
/// # Errors
/// See [`WebError`].
pub async fn list(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let desks = progress::desks(&mut conn, account.id, site.clock.now()).await?;
    let mut with_work = desks.iter().filter(|desk| desk.left > 0);
    if let (Some(only), None) = (with_work.next(), with_work.next()) {
        return Ok(site.see_other(&format!("/score/{}", only.round)));
    }
    let view = viewpoint::active(&mut conn).await?;
    html(&List {
        frame: Frame::of(&site, &account, Place::Score, view.as_ref()),
        annotator: account.id,
        desks,
    })
}

/// `GET /score/{round}`: the next picture, or an earlier one with what was said about it.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    round: Path<RoundId>,
    back: Query<Back>,
) -> Result<HttpResponse, WebError> {
    let id = round.into_inner();
    let seat = Seat::new(&site.pool, &site.clock, id, account.id);
    let held = queue::fill(&seat, &mut rand::rng()).await?;
    let mut conn = site.pool.acquire().await?;
    let round = rounds::find(&mut conn, id).await?.ok_or(WebError::NotFound)?;
    let guide = guides::find(&mut conn, round.plan.guide).await?.ok_or(WebError::NotFound)?;
    let examples = guides::examples(&mut conn, round.plan.guide).await?;
    let current = current(&site, &mut conn, &seat, &held, &back).await?;
    let end = match current {
        None => Some(End::new(queue::waiting(&seat).await?, &site.clock)),
        Some(_) => None,
    };
    let earlier = progress::latest(&mut conn, account.id, Some(id), STRIP).await?;
    let is_shown =
        |given: &progress::Given| back.back == Some(given.image) && back.occurrence == given.occurrence;
    let later = earlier.iter().position(is_shown).map_or(0, |place| place + 1);
    let desk = progress::desk(&mut conn, seat.whose, site.clock.now()).await?;
    let upcoming = Shown::all(&site, &mut conn, id, &held).await?;
    html(&Page {
        frame: Frame::of(&site, &account, Place::Score, None),
        annotator: account.id,
        is_first: desk.judged == 0 && earlier.is_empty(),
        guide,
        examples: examples.iter().map(|example| example_of(&site, id, example)).collect(),
        current,
        upcoming: serde_json::to_string(&upcoming).map_err(WebError::internal)?,
        end,
        earlier: earlier.iter().map(|given| earlier_of(&site, given)).collect(),
        later,
        done: desk.judged,
        left: desk.left,
        scores: Score::ALL,
        reasons: REASONS,
        round,
    })
}

/// The picture to be shown: the next one, or the one that is gone back to.
async fn current(
    site: &Site,
    conn: &mut sqlx::PgConnection,
    seat: &Seat<'_>,
    held: &[Held],
    back: &Back,
) -> Result<Option<Current>, WebError> {
    let key = Uuid::new_v4();
    if let Some(image) = back.back {
        let image = ImageId(image);
        let again = reservations::seen(conn, seat.whose, image, back.occurrence).await?;
        if let Some(again) = again {
            let given = progress::given(conn, seat.whose, image.0, back.occurrence).await?;
            let (score, is_watch) = given.unwrap_or_default();
            let shown = Shown::all(site, conn, seat.whose.round, &[again]).await?.pop();
            return Ok(shown.map(|shown| Current { shown, key, score, is_watch }));
        }
    }
    let shown = Shown::all(site, conn, seat.whose.round, held.get(..1).unwrap_or_default()).await?.pop();
    Ok(shown.map(|shown| Current { shown, key, score: None, is_watch: None }))
}

fn example_of(site: &Site, round: RoundId, example: &guides::Example) -> Example {
    let stands_for = match (example.score, example.is_watch) {
        (Some(score), _) => score.to_string(),
        (None, Some(true)) => "watch".to_owned(),
        (None, Some(false)) => "no watch".to_owned(),
        (None, None) => String::new(),
    };
    Example {
        src: answers::address(site, round, ImageId(example.image), &GRID_PX.to_string()),
        stands_for,
        caption: example.caption.clone().unwrap_or_default(),
    }
}

/// A judgement as the strip shows it.
pub fn earlier_of(site: &Site, given: &progress::Given) -> Earlier {
    Earlier {
        href: site
            .url(&format!("/score/{}?back={}&occurrence={}", given.round, given.image, given.occurrence)),
        src: answers::address(site, given.round, ImageId(given.image), &GRID_PX.to_string()),
        said: said_in_words(given.score, given.is_watch),
        key: given.key,
        is_open: given.is_open,
    }
}

fn said_in_words(score: Option<i16>, is_watch: Option<bool>) -> String {
    let watch = is_watch.map(|is_watch| if is_watch { "watch" } else { "no watch" });
    match (score, watch) {
        (Some(score), Some(watch)) => format!("{score} · {watch}"),
        (Some(score), None) => score.to_string(),
        (None, Some(watch)) => watch.to_owned(),
        (None, None) => String::new(),
    }
}

/// `GET /score/{round}/pictures/{image}/{size}.jpg`: a picture that was handed to whoever asks.
///
/// # Errors
/// See [`WebError`].
pub async fn picture(
    site: Data<Site>,
    account: Account,
    path: Path<(RoundId, Uuid, String)>,
) -> Result<HttpResponse, WebError> {
    let (round, image, size) = path.into_inner();
    let (whose, image) = (Whose { round, annotator: account.id }, ImageId(image));
    let hash = reservations::may_see(&mut *site.pool.acquire().await?, whose, image).await?;
    let hash = hash.ok_or(WebError::NotFound)?;
    let made = match size.as_str() {
        "full" => media::render(&site, FULL_PX, &hash).await,
        size if size == VIEWER_PX.to_string() => media::stored(&site, VIEWER_PX, &hash).await,
        size if size == GRID_PX.to_string() => media::stored(&site, GRID_PX, &hash).await,
        _ => return Err(WebError::NotFound),
    };
    media::or_small(&site, &hash, made.map(media::handed_out)).await
}
