//! What the score page's script is told, and the addresses that it needs.

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    clock::Clock,
    decode::VIEWER_PX,
    domain::{ImageId, RoundId},
    feedback::queue::Waiting,
    gallery::{card::fitted, words},
    store::{
        reservations::Held,
        said::{self, Beside},
    },
    web::Site,
};

/// A picture to be judged.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The image.
    pub image: ImageId,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
    /// Address of the picture at screen size.
    pub src: String,
    /// Address of the picture with all its pixels.
    pub full: String,
    /// Width at screen size, in pixels.
    pub width: u32,
    /// Height at screen size, in pixels.
    pub height: u32,
    /// What models and people say about it; nothing in a blind round.
    pub beside: Option<String>,
}

impl Shown {
    /// What the page shows of images that are held.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn all(
        site: &Site,
        conn: &mut PgConnection,
        round: RoundId,
        held: &[Held],
    ) -> sqlx::Result<Vec<Self>> {
        let images: Vec<Uuid> = held.iter().map(|held| held.image.0).collect();
        let beside = said::beside(conn, round, &images).await?;
        let of = |held: &Held| beside.iter().find(|beside| beside.image == held.image.0).map(in_words);
        Ok(held.iter().map(|held| Self { beside: of(held), ..Self::new(site, round, held) }).collect())
    }

    fn new(site: &Site, round: RoundId, held: &Held) -> Self {
        let (width, height) = fitted(held.width, held.height, VIEWER_PX);
        Self {
            image: held.image,
            occurrence: held.occurrence,
            src: address(site, round, held.image, &VIEWER_PX.to_string()),
            full: address(site, round, held.image, "full"),
            width,
            height,
            beside: None,
        }
    }
}

/// *Model: quality 5.21, watch 0.93. Colleagues: 6.00 (3 votes).*
fn in_words(beside: &Beside) -> String {
    let quality = beside.quality_mean.map(|mean| format!("quality {mean:.2}"));
    let watch = beside.watch_confidence.map(|confidence| format!("watch {}", words::probability(confidence)));
    let model: Vec<String> = quality.into_iter().chain(watch).collect();
    let votes = words::counted(beside.votes.into(), "vote", "votes");
    let people =
        beside.human_mean.map_or_else(|| "none yet".to_owned(), |mean| format!("{mean:.2} ({votes})"));
    let model = if model.is_empty() { "none yet".to_owned() } else { model.join(", ") };
    format!("Model: {model}. People: {people}.")
}

/// Where an annotator gets the picture of an image of a round: `size` in pixels, or `full`.
pub fn address(site: &Site, round: RoundId, image: ImageId, size: &str) -> String {
    site.url(&format!("/score/{round}/pictures/{image}/{size}.jpg"))
}

/// Whether the script asks, not a form.
pub fn wants_json(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("json"))
}

/// What comes next for somebody.
pub fn next(shown: &[Shown], end: Option<&End>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "held": shown, "end": end }))
}

/// A judgement that cannot be taken, ever: the script shows the sentence and does not try again.
pub fn refused(sentence: &str) -> HttpResponse {
    HttpResponse::Conflict().json(json!({ "problem": sentence }))
}

/// Why there is nothing to judge at this moment, in words.
#[derive(Clone, Debug, Serialize)]
pub struct End {
    /// In a few words.
    pub title: &'static str,
    /// In a sentence or two.
    pub text: String,
    /// Seconds after which there may be something again.
    pub again_after: Option<i64>,
}

impl End {
    /// The words for why [`fill`](crate::feedback::queue::fill) had nothing.
    pub fn new(waiting: Waiting, clock: &Clock) -> Self {
        match waiting {
            Waiting::Closed => Self {
                title: "This round is closed",
                text: "Every picture has the judgements it needs, or the time is over. Thank you.".to_owned(),
                again_after: None,
            },
            Waiting::Done => Self {
                title: "Nothing left for you now",
                text: "You have judged every picture of this round that waits for you. Thank you.".to_owned(),
                again_after: None,
            },
            Waiting::WithOthers { images, until } => {
                let left = until - clock.now();
                let text = format!(
                    "{} just now with colleagues. What they leave unjudged comes to you in at most {}.",
                    words::counted(images, "picture is", "pictures are"),
                    words::span(left)
                );
                Self {
                    title: "Nothing left for you at this moment",
                    text,
                    again_after: Some(left.num_seconds().clamp(5, 60)),
                }
            }
        }
    }
}
