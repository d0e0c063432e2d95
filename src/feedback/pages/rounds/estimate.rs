//! How many images a round would have, and about how much work that is.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::fields::Fields;
use crate::{
    feedback::round::Selection,
    gallery::words,
    store::{
        rankings::{self, Total},
        viewpoint, votes,
    },
};

/// Seconds that a judgement takes where too few have been timed here.
const USUAL_SECONDS: f64 = 5.0;

/// What the form says, in numbers.
pub struct Estimate {
    matching: Total,
    /// Images that the round would have, at most.
    images: i64,
    judgements: i64,
    /// Median of the latest judgements, where there are enough.
    seconds: Option<f64>,
}

impl Estimate {
    /// The estimate for a form; none for one with a mistake, or before a model has scored anything.
    pub async fn of(conn: &mut PgConnection, fields: &Fields) -> sqlx::Result<Option<Self>> {
        let sample = fields.sample.parse::<usize>().ok();
        let (Ok(selection), Ok(each)) = (fields.selection(sample), fields.judgements.parse::<i64>()) else {
            return Ok(None);
        };
        let matching = match selection {
            Selection::Chosen(images) => Total { count: words::len(&images), is_exact: true },
            Selection::Filter { ranking, .. } => {
                let Some(view) = viewpoint::active(conn).await? else { return Ok(None) };
                rankings::total(conn, &view, &ranking).await?
            }
        };
        let most = sample.and_then(|size| i64::try_from(size).ok()).unwrap_or(i64::MAX);
        let images = matching.count.min(most);
        let seconds = votes::median_seconds(conn).await?;
        Ok(Some(Self { matching, images, judgements: images.saturating_mul(each.max(1)), seconds }))
    }

    /// *62 images match; 62 of them by 10 people each are 620 judgements, about 52 minutes at 5.0 seconds each.*
    pub fn in_words(&self) -> String {
        let more = if self.matching.is_exact { "" } else { "More than " };
        let matching = words::counted(self.matching.count, "image matches", "images match");
        if self.images == 0 {
            return format!("{more}{matching}.");
        }
        let seconds = self.seconds.unwrap_or(USUAL_SECONDS);
        #[expect(clippy::cast_precision_loss, reason = "a number of judgements")]
        let work = TimeDelta::try_milliseconds((self.judgements as f64 * seconds * 1000.0) as i64);
        let measured = if self.seconds.is_some() { "as people here took lately" } else { "a usual pace" };
        format!(
            "{more}{matching}. A round of {} is {}: about {} of judging in all, at {seconds:.1} seconds each ({measured}).",
            words::count(self.images),
            words::counted(self.judgements, "judgement", "judgements"),
            words::span(work.unwrap_or(TimeDelta::MAX)),
        )
    }
}
