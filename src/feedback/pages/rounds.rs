//! Rounds: what is being judged, how far it is, and a form to open the next one.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Bytes, Data, Path},
};
use askama::Template;
use chrono::{NaiveDate, NaiveTime};
use uuid::Uuid;

use crate::{
    domain::{GuideId, Question, RoundId, RoundState, ServingOrder},
    feedback::{
        FeedbackError,
        pages::score::question_in_words,
        round::{self, Plan, REPEAT_SHARE, SAMPLE, Selection},
    },
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        events,
        guides::{self, Guide},
        rankings::{Key, Ranking, Watch},
        raters::{self, Share, Unjudged},
        rounds::{self, NewRound, Progress, Round},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};

/// A round in the list.
struct Line {
    round: Round,
    progress: Progress,
}

impl Line {
    fn asks(&self) -> &'static str {
        asks(&self.round)
    }

    fn state(&self) -> String {
        state(&self.round)
    }
}

fn asks(round: &Round) -> &'static str {
    match (round.plan.asks_quality, round.plan.question) {
        (true, None) => "quality",
        (true, Some(_)) => "quality and watch",
        (false, _) => "watch",
    }
}

fn state(round: &Round) -> String {
    match (round.state, round.closed_at, round.plan.deadline) {
        (RoundState::Closed, Some(at), _) => format!("closed {}", words::moment(at)),
        (_, _, Some(at)) => format!("open until {}", words::moment(at)),
        _ => "open".to_owned(),
    }
}

#[derive(Template)]
#[template(path = "rounds.html")]
struct ListPage {
    frame: Frame,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "round.html")]
struct RoundPage {
    frame: Frame,
    round: Round,
    progress: Progress,
    guide: Guide,
    shares: Vec<Share>,
    unjudged: Vec<Unjudged>,
}

impl RoundPage {
    fn asks(&self) -> &'static str {
        asks(&self.round)
    }

    fn state(&self) -> String {
        state(&self.round)
    }

    fn repeats(&self) -> String {
        words::percent(self.round.plan.repeat_share)
    }

    fn question(&self) -> Option<&'static str> {
        self.round.plan.question.map(question_in_words)
    }

    fn order(&self) -> &'static str {
        match self.round.plan.order {
            ServingOrder::Random => "random, each annotator their own",
            ServingOrder::Doubtful => "doubtful first, one in five at random",
        }
    }
}

/// What the form of a new round says, so that a mistake does not empty it.
#[derive(Clone, Debug, Default)]
struct Fields {
    title: String,
    guide: Option<i64>,
    asks: String,
    question: String,
    judgements: String,
    watch: Watch,
    text: String,
    min: String,
    max: String,
    sample: String,
    repeats: String,
    order: String,
    sees: String,
    deadline: String,
    images: Vec<Uuid>,
}

impl Fields {
    fn read(pairs: &[u8]) -> Self {
        let mut fields = Self {
            asks: "quality".to_owned(),
            judgements: "10".to_owned(),
            sample: SAMPLE.to_string(),
            repeats: format!("{:.0}", REPEAT_SHARE * 100.0),
            ..Self::default()
        };
        for (name, value) in url::form_urlencoded::parse(pairs) {
            let value = value.trim().to_owned();
            match &*name {
                "title" => fields.title = value,
                "guide" => fields.guide = value.parse().ok(),
                "asks" => fields.asks = value,
                "question" => fields.question = value,
                "judgements" => fields.judgements = value,
                "watch" => {
                    fields.watch =
                        Watch::ALL.into_iter().find(|watch| watch.as_str() == value).unwrap_or_default()
                }
                "text" | "q" => fields.text = value,
                "min" => fields.min = value,
                "max" => fields.max = value,
                "sample" => fields.sample = value,
                "repeats" => fields.repeats = value,
                "order" => fields.order = value,
                "sees" => fields.sees = value,
                "deadline" => fields.deadline = value,
                "image" => fields.images.extend(value.parse::<Uuid>().ok()),
                _ => {}
            }
        }
        fields
    }

    /// The plan, or a sentence that says what is wrong with it.
    fn plan(&self) -> Result<Plan, String> {
        let whole = |text: &str, what: &str| {
            text.parse::<u32>().map_err(|_| format!("{what}: a whole number, such as 10."))
        };
        let judgements = whole(&self.judgements, "Judgements per image")?;
        let repeats = whole(&self.repeats, "Silent repeats")?;
        let sample = match self.sample.as_str() {
            "" => None,
            text => Some(usize::try_from(whole(text, "Random sample")?.max(1)).unwrap_or(usize::MAX)),
        };
        let question = match self.question.as_str() {
            "watch or clock" => Question::WatchOrClock,
            _ => Question::Watch,
        };
        Ok(Plan {
            round: NewRound {
                title: self.title.clone(),
                guide: GuideId(self.guide.ok_or("Choose a guide.")?),
                asks_quality: self.asks != "watch",
                question: (self.asks != "quality").then_some(question),
                judgements: i16::try_from(judgements).unwrap_or(i16::MAX),
                repeat_share: f64::from(repeats) / 100.0,
                blind: self.sees != "all",
                order: if self.order == "doubtful" { ServingOrder::Doubtful } else { ServingOrder::Random },
                deadline: self.deadline()?,
                drawn_from: self.in_words(sample),
            },
            selection: self.selection(sample)?,
        })
    }

    fn selection(&self, sample: Option<usize>) -> Result<Selection, String> {
        if !self.images.is_empty() {
            return Ok(Selection::Chosen(self.images.clone()));
        }
        let bound = |text: &str| match text {
            "" => Ok(None),
            text => text
                .parse::<f64>()
                .ok()
                .filter(|bound| bound.is_finite())
                .map(|bound| Some(Key::Number(bound)))
                .ok_or("Quality: a number from 1 to 10.".to_owned()),
        };
        let ranking = Ranking {
            watch: self.watch,
            min: bound(&self.min)?,
            max: bound(&self.max)?,
            text: (!self.text.is_empty()).then(|| self.text.clone()),
            ..Ranking::default()
        };
        Ok(Selection::Filter { ranking: Box::new(ranking), sample })
    }

    fn deadline(&self) -> Result<Option<chrono::DateTime<chrono::Utc>>, String> {
        if self.deadline.is_empty() {
            return Ok(None);
        }
        let day: NaiveDate =
            self.deadline.parse().map_err(|_| "Deadline: a day such as 2026-12-24.".to_owned())?;
        // To the end of that day.
        Ok(day.succ_opt().map(|next| next.and_time(NaiveTime::MIN).and_utc()))
    }

    /// What the images were drawn from.
    fn in_words(&self, sample: Option<usize>) -> String {
        if !self.images.is_empty() {
            return format!(
                "{} that a manager chose",
                words::counted(words::len(&self.images), "image", "images")
            );
        }
        let mut parts = vec![match self.watch {
            Watch::Any => "all scored images".to_owned(),
            Watch::Yes => "images with a watch".to_owned(),
            Watch::No => "images without a watch".to_owned(),
            Watch::Doubtful => "images near the watch threshold".to_owned(),
        }];
        if !self.text.is_empty() {
            parts.push(format!("named “{}”", self.text));
        }
        match (self.min.as_str(), self.max.as_str()) {
            ("", "") => {}
            (min, "") => parts.push(format!("quality from {min}")),
            ("", max) => parts.push(format!("quality to {max}")),
            (min, max) => parts.push(format!("quality {min} to {max}")),
        }
        let from = parts.join(", ");
        match sample {
            Some(size) => format!("a random sample of {size} from {from}"),
            None => from,
        }
    }
}

#[derive(Template)]
#[template(path = "round_new.html")]
struct NewPage {
    frame: Frame,
    guides: Vec<Guide>,
    fields: Fields,
    problem: Option<String>,
}

impl NewPage {
    fn is_guide(&self, guide: &Guide) -> bool {
        self.fields.guide == Some(guide.id.0)
    }
}

/// `GET /rounds`.
///
/// # Errors
/// See [`WebError`].
pub async fn list(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let mut lines = vec![];
    for round in rounds::list(&mut conn).await? {
        let progress = rounds::progress(&mut conn, round.id).await?;
        lines.push(Line { round, progress });
    }
    html(&ListPage { frame: Frame::of(&site, &account, Place::Rounds, None), lines })
}

/// `GET /rounds/new`: the address may name a filter, or images by `image=`.
///
/// # Errors
/// See [`WebError`].
pub async fn plan(
    site: Data<Site>,
    account: Account,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse, WebError> {
    form(&site, &account, Fields::read(request.query_string().as_bytes()), None).await
}

async fn form(
    site: &Site,
    account: &Account,
    fields: Fields,
    problem: Option<String>,
) -> Result<HttpResponse, WebError> {
    let guides = guides::latest(&mut *site.pool.acquire().await?).await?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = NewPage { frame: Frame::of(site, account, Place::Rounds, None), guides, fields, problem };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}

/// `POST /rounds`.
///
/// # Errors
/// See [`WebError`].
pub async fn open(site: Data<Site>, account: Account, body: Bytes) -> Result<HttpResponse, WebError> {
    let fields = Fields::read(&body);
    let plan = match fields.plan() {
        Ok(plan) => plan,
        Err(problem) => return form(&site, &account, fields, Some(problem)).await,
    };
    let view = viewpoint::active(&mut *site.pool.acquire().await?).await?;
    let Some(view) = view else {
        let problem = "No model has scored any image yet: there is nothing to draw from.".to_owned();
        return form(&site, &account, fields, Some(problem)).await;
    };
    let chance = (&site.clock, &mut rand::rng());
    match round::open(&site.pool, chance, Some(account.id), &view, &plan).await {
        Ok(id) => Ok(to(&site, id)),
        Err(FeedbackError::Plan(problem)) => form(&site, &account, fields, Some(problem)).await,
        Err(error) => Err(error.into()),
    }
}

/// `GET /rounds/{id}`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account, id: Path<RoundId>) -> Result<HttpResponse, WebError> {
    let (id, now) = (id.into_inner(), site.clock.now());
    let mut conn = site.pool.acquire().await?;
    rounds::close_if_done(&mut conn, id, now).await?;
    let round = rounds::find(&mut conn, id).await?.ok_or(WebError::NotFound)?;
    html(&RoundPage {
        frame: Frame::of(&site, &account, Place::Rounds, None),
        progress: rounds::progress(&mut conn, id).await?,
        guide: guides::find(&mut conn, round.plan.guide).await?.ok_or(WebError::NotFound)?,
        shares: raters::shares(&mut conn, id, now).await?,
        unjudged: raters::unjudged(&mut conn, id).await?,
        round,
    })
}

/// `POST /rounds/{id}/close`: nothing more is handed out; what was said stays.
///
/// # Errors
/// See [`WebError`].
pub async fn close(site: Data<Site>, account: Account, id: Path<RoundId>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if rounds::close(&mut tx, *id, site.clock.now()).await? {
        events::record(&mut tx, Some(account.id), "round.close", Some(&format!("round:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(to(&site, *id))
}

/// `POST /rounds/{id}/reopen`.
///
/// # Errors
/// See [`WebError`].
pub async fn reopen(site: Data<Site>, account: Account, id: Path<RoundId>) -> Result<HttpResponse, WebError> {
    let mut tx = site.pool.begin().await?;
    if rounds::reopen(&mut tx, *id, site.clock.now()).await? {
        events::record(&mut tx, Some(account.id), "round.reopen", Some(&format!("round:{id}"))).await?;
    }
    tx.commit().await?;
    Ok(to(&site, *id))
}

fn to(site: &Site, id: RoundId) -> HttpResponse {
    site.see_other(&format!("/rounds/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_a_plan_and_says_in_words_what_it_draws_from() {
        let fields = Fields::read(
            b"title=Autumn&guide=3&asks=both&judgements=5&watch=doubtful&q=rolex&min=4&sample=100&repeats=10&deadline=2026-12-24",
        );
        let plan = fields.plan().unwrap();
        assert!(plan.round.asks_quality && plan.round.question == Some(Question::Watch) && plan.round.blind);
        assert_eq!(plan.round.deadline.unwrap().to_rfc3339(), "2026-12-25T00:00:00+00:00");
        assert_eq!(
            plan.round.drawn_from,
            "a random sample of 100 from images near the watch threshold, named “rolex”, quality from 4"
        );
    }

    #[test]
    fn a_mistake_is_a_sentence() {
        let problem = |form: &str| Fields::read(form.as_bytes()).plan().unwrap_err();
        assert_eq!(problem("title=A"), "Choose a guide.");
        assert_eq!(problem("guide=1&judgements=ten"), "Judgements per image: a whole number, such as 10.");
        assert_eq!(problem("guide=1&min=a"), "Quality: a number from 1 to 10.");
        assert_eq!(problem("guide=1&deadline=soon"), "Deadline: a day such as 2026-12-24.");
    }
}
