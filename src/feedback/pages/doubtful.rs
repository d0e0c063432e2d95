//! Doubtful: the images around the watch threshold, a screenful at once, one save.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Form, Path},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    decode::GRID_PX,
    domain::{ImageId, Question},
    feedback::verdict,
    gallery::{
        card::fitted,
        frame::{Frame, Place},
        html, words,
    },
    store::{
        corrections::Verdict,
        doubtful::{self, Doubtful},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// Cells of the grid.
const CELLS: i64 = 40;

/// What was done just now.
#[derive(Debug, Default, Deserialize)]
pub struct Done {
    /// The keys of what was saved, so that it can be undone; none if nothing was changed.
    saved: Option<String>,
    /// How many verdicts were taken back.
    undone: Option<i64>,
}

impl Done {
    fn keys(&self) -> Option<Vec<Uuid>> {
        Some(self.saved.as_ref()?.split('.').filter_map(|key| key.parse().ok()).collect())
    }
}

/// One image of the grid.
struct Cell {
    image: Uuid,
    key: Uuid,
    name: String,
    src: String,
    page: String,
    width_px: u32,
    height_px: u32,
    confidence: String,
    /// What the model says.
    is_watch: bool,
}

#[derive(Template)]
#[template(path = "doubtful.html")]
struct Page {
    frame: Frame,
    cells: Vec<Cell>,
    left: i64,
    threshold: String,
    saved: Option<Vec<Uuid>>,
    undone: Option<i64>,
}

/// `GET /doubtful`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account, done: Query<Done>) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let found = match &view {
        Some(view) => doubtful::nearest(&mut conn, view, CELLS).await?,
        None => vec![],
    };
    let left = match &view {
        Some(view) => doubtful::count(&mut conn, view).await?,
        None => 0,
    };
    let threshold = view.as_ref().and_then(|view| view.threshold);
    html(&Page {
        frame: Frame::of(&site, &account, Place::Doubtful, view.as_ref()),
        cells: found.iter().map(|doubtful| cell(&site, doubtful)).collect(),
        left,
        threshold: threshold.map(|threshold| words::cut_off(threshold.get())).unwrap_or_default(),
        saved: done.keys(),
        undone: done.undone,
    })
}

fn cell(site: &Site, doubtful: &Doubtful) -> Cell {
    let (width_px, height_px) = fitted(doubtful.width, doubtful.height, GRID_PX);
    Cell {
        image: doubtful.image,
        key: Uuid::new_v4(),
        name: doubtful.filename.rsplit('/').next().unwrap_or_default().to_owned(),
        src: site.picture(GRID_PX, hex::encode(&doubtful.sha256)),
        page: site.url(&format!("/images/{}", doubtful.image)),
        width_px,
        height_px,
        confidence: words::probability(doubtful.confidence),
        is_watch: doubtful.is_watch,
    }
}

/// One cell of a form that was sent: what the page said, and what the manager says.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    image: ImageId,
    key: Uuid,
    is_watch: bool,
}

/// Reads `image` = `IMAGE KEY MODEL` and `watch-IMAGE` = `yes` or `no`. A cell that nobody touched says what the model said,
/// and is no confirmation, unless `rest` asks for it.
fn answers(form: &[u8]) -> Vec<Answer> {
    let pairs: Vec<_> = url::form_urlencoded::parse(form).collect();
    let says = |image: &str| {
        pairs
            .iter()
            .rev()
            .find_map(|(name, value)| (name.strip_prefix("watch-") == Some(image)).then(|| value == "yes"))
    };
    let confirms_rest = pairs.iter().any(|(name, _)| name == "rest");
    let cells = pairs.iter().filter(|(name, _)| name == "image");
    cells
        .filter_map(|(_, value)| {
            let mut words = value.split(' ');
            let (image, key, model) = (words.next()?, words.next()?, words.next()? == "yes");
            let said = says(image);
            let is_touched = said.is_some_and(|said| said != model);
            let is_watch = said.unwrap_or(model);
            (is_touched || confirms_rest).then(|| {
                Some(Answer { image: ImageId(image.parse().ok()?), key: key.parse().ok()?, is_watch })
            })?
        })
        .collect()
}

/// `POST /doubtful`: one save.
///
/// # Errors
/// See [`WebError`].
pub async fn save(site: Data<Site>, account: Account, body: Bytes) -> Result<HttpResponse, WebError> {
    let answers = answers(&body);
    let question = question(&site).await?;
    let verdicts: Vec<Verdict<'_>> = answers
        .iter()
        .map(|answer| Verdict {
            image: answer.image,
            question,
            is_watch: answer.is_watch,
            key: answer.key,
            why: "doubtful",
        })
        .collect();
    verdict::give(&site.pool, site.clock.now(), account.id, &verdicts).await?;
    let keys: Vec<String> = answers.iter().map(|answer| answer.key.simple().to_string()).collect();
    Ok(site.see_other(&format!("/doubtful?saved={}", keys.join("."))))
}

/// What the active watch model was asked.
async fn question(site: &Site) -> Result<Question, WebError> {
    let view = viewpoint::active(&mut *site.pool.acquire().await?).await?;
    Ok(view.and_then(|view| view.question.parse().ok()).unwrap_or(Question::Watch))
}

/// `POST /doubtful/undo`: takes one save back.
///
/// # Errors
/// See [`WebError`].
pub async fn undo(site: Data<Site>, account: Account, done: Form<Done>) -> Result<HttpResponse, WebError> {
    let keys = done.keys().unwrap_or_default();
    let undone = verdict::take_back(&site.pool, site.clock.now(), account.id, &keys).await?;
    Ok(site.see_other(&format!("/doubtful?undone={undone}")))
}

/// The form of an image's page.
#[derive(Debug, Deserialize)]
pub struct Said {
    watch: String,
    #[serde(default = "Uuid::new_v4")]
    key: Uuid,
}

/// `POST /images/{id}/verdict`: a manager's word on one image. `watch` is `yes`, `no`, or `undo` with the verdict's key.
///
/// # Errors
/// See [`WebError`].
pub async fn verdict_on_image(
    site: Data<Site>,
    account: Account,
    id: Path<Uuid>,
    said: Form<Said>,
    request: HttpRequest,
) -> Result<HttpResponse, WebError> {
    let (image, now) = (ImageId(id.into_inner()), site.clock.now());
    match said.watch.as_str() {
        "undo" => {
            verdict::take_back(&site.pool, now, account.id, &[said.key]).await?;
        }
        "yes" | "no" => {
            let question = question(&site).await?;
            let is_watch = said.watch == "yes";
            let given = Verdict { image, question, is_watch, key: said.key, why: "image page" };
            verdict::give(&site.pool, now, account.id, &[given]).await?;
        }
        _ => return Err(WebError::Parameter("watch: yes, no or undo".to_owned())),
    }
    // Back to the image as it was: the query says which list one came from.
    let mark = if request.query_string().is_empty() { "" } else { "?" };
    Ok(site.see_other(&format!("/images/{image}{mark}{}", request.query_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untouched_cell_is_a_confirmation_only_on_request() {
        let [one, two, key] = [1, 2, 3].map(|number| Uuid::from_u128(number).to_string());
        let form = format!("image={one}+{key}+yes&watch-{one}=no&image={two}+{key}+no&watch-{two}=no");
        let images = |answers: Vec<Answer>| {
            answers.iter().map(|answer| (answer.image.0.as_u128(), answer.is_watch)).collect::<Vec<_>>()
        };
        assert_eq!(images(answers(form.as_bytes())), [(1, false)]);
        assert_eq!(images(answers(format!("{form}&rest=1").as_bytes())), [(1, false), (2, false)]);
    }
}
