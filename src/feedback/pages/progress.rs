//! My progress: what one has done, how fast, and how one uses the scale. No league table.

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use chrono::NaiveTime;

use super::score::{self, Earlier};
use crate::{
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        progress::{self, Desk, Mine},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError},
};

/// Judgements that are listed.
const LISTED: i64 = 20;

/// One bar of the spread over the scale.
struct Bar {
    score: usize,
    count: i64,
    /// Height in percent of the highest.
    height: i64,
}

#[derive(Template)]
#[template(path = "progress.html")]
struct Page {
    frame: Frame,
    mine: Mine,
    desks: Vec<Desk>,
    bars: Vec<Bar>,
    habit: Option<String>,
    pace: Option<String>,
    earlier: Vec<Earlier>,
}

/// `GET /progress`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(site: Data<Site>, account: Account) -> Result<HttpResponse, WebError> {
    let now = site.clock.now();
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let mut conn = site.pool.acquire().await?;
    let mine = progress::mine(&mut conn, account.id, midnight).await?;
    let earlier = progress::latest(&mut conn, account.id, None, LISTED).await?;
    html(&Page {
        frame: Frame::of(&site, &account, Place::Progress, viewpoint::active(&mut conn).await?.as_ref()),
        desks: progress::desks(&mut conn, account.id, now).await?,
        bars: bars(&mine.spread),
        habit: habit(&mine.spread),
        pace: mine.median_seconds.filter(|seconds| *seconds > 0.0).map(pace),
        earlier: earlier.iter().map(|given| score::earlier_of(&site, given)).collect(),
        mine,
    })
}

fn bars(spread: &[i64]) -> Vec<Bar> {
    let most = spread.iter().copied().max().unwrap_or(0).max(1);
    let bar =
        |(index, count): (usize, &i64)| Bar { score: index + 1, count: *count, height: count * 100 / most };
    spread.iter().enumerate().map(bar).collect()
}

/// The narrowest part of the scale that holds nine of ten votes; nothing before there are enough votes to say so.
#[expect(clippy::cast_precision_loss, reason = "counts of votes, shown as whole percents")]
fn habit(spread: &[i64]) -> Option<String> {
    let total: i64 = spread.iter().sum();
    if total < 20 {
        return None;
    }
    let mut parts: Vec<(usize, usize, i64)> = vec![];
    for low in 0..spread.len() {
        for high in low..spread.len() {
            parts.push((low, high, spread[low..=high].iter().sum()));
        }
    }
    let (low, high, held) = parts
        .into_iter()
        .filter(|(.., held)| held * 10 >= total * 9)
        .min_by_key(|(low, high, held)| (high - low, -held))?;
    let share = words::percent(held as f64 / total as f64);
    Some(format!("You gave {} to {} to {share} of the pictures.", low + 1, high + 1))
}

fn pace(seconds: f64) -> String {
    format!(
        "{seconds:.1} seconds a picture (median of your latest hundred): about {} an hour",
        words::count((3_600.0 / seconds).round() as i64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_habit_is_the_narrowest_part_of_the_scale_with_nine_of_ten_votes() {
        assert_eq!(
            habit(&[0, 0, 1, 30, 30, 30, 2, 0, 0, 0]).unwrap().replace('\u{202f}', " "),
            "You gave 4 to 6 to 97 % of the pictures."
        );
        assert_eq!(habit(&[1; 10]), None, "ten votes say nothing");
    }
}
