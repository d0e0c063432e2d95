//! People against the model: how well the quality model agrees with the votes, against how well people agree at all.

mod disagreement;
mod sentences;

use std::collections::HashMap;

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;

use self::{
    disagreement::Leaf,
    sentences::{Row, of_ceiling, of_chance, rows},
};
use super::{
    chart::{Axis, Chart},
    goal::given,
};
use crate::{
    comparison::{Comparison, Gap, NoiseCeiling, Pair, Pool, compare, gaps, noise_ceiling},
    domain::Distribution,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    statistics::Sampling,
    store::{
        opinions::{self, Opinion},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// With fewer votes a mean says little, and a figure made of such means says that people are noisy.
const LEAST_VOTES: u32 = 10;
/// Nobody needs more.
const MOST_VOTES: u32 = 1_000;
/// Random splits behind the noise ceiling.
const SPLITS: usize = 200;
/// Images times resamples behind the intervals, about.
const MOST_WORK: usize = 10_000_000;
/// Marks in the scatter; of more images an even part is drawn.
const DOTS: usize = 1_500;

/// What the address may say.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Parameters {
    #[serde(default, deserialize_with = "given")]
    least: Option<u32>,
    #[serde(default)]
    page: usize,
}

/// Everything that the page shows of enough images.
struct Found {
    rows: Vec<Row>,
    draws: String,
    listings: Option<String>,
    ceiling: Option<String>,
    chance: String,
    scatter: Chart,
    drawn: Option<String>,
    overlay: Chart,
    worst: Leaf,
}

#[derive(Template)]
#[template(path = "agreement.html")]
struct Page {
    frame: Frame,
    model: String,
    least: u32,
    used: String,
    voted: String,
    guides: i64,
    /// The most votes on one image, where no image has enough.
    most: Option<u32>,
    found: Option<Found>,
}

/// An image with enough votes, and what the model said of it.
struct Judged {
    opinion: Opinion,
    pair: Pair,
}

/// What the mathematics says of them.
struct Findings {
    draws: usize,
    comparison: Comparison,
    gaps: Vec<Gap>,
    ceiling: Option<NoiseCeiling>,
}

impl Findings {
    fn of(pairs: &[Pair]) -> Self {
        let pool = Pool::of(pairs.iter().map(|pair| &pair.votes));
        let votes: Vec<_> = pairs.iter().map(|pair| pair.votes).collect();
        // A resample costs as much as it has images; with many images fewer of them say as much.
        let draws = (MOST_WORK / pairs.len().max(1)).clamp(100, Sampling::default().draws);
        Self {
            draws,
            comparison: compare(pairs, Sampling { draws, ..Sampling::default() }),
            gaps: gaps(pairs, &pool),
            ceiling: noise_ceiling(&votes, Sampling { draws: SPLITS, ..Sampling::default() }),
        }
    }
}

/// `GET /people-against-model`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let least = parameters.least.unwrap_or(LEAST_VOTES);
    if !(1..=MOST_VOTES).contains(&least) {
        return Err(WebError::Parameter(format!(
            "the least number of votes must lie between 1 and {MOST_VOTES}"
        )));
    }
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let opinions = match &view {
        Some(view) => opinions::all(&mut conn, view).await?,
        None => vec![],
    };
    let guides = opinions::guides(&mut conn).await?;
    drop(conn);
    let voted = words::len(&opinions);
    let scored = opinions.iter().filter(|opinion| opinion.model.is_some());
    let most = scored.map(|opinion| opinion.votes.n()).max();
    let judged = judged(opinions, least);
    let used = words::counted(words::len(&judged), "image has", "images have");
    let found = if judged.is_empty() { None } else { Some(found(&site, judged, parameters.page).await?) };
    html(&Page {
        frame: Frame::of(&site, &account, Place::PeopleAgainstModel, view.as_ref()),
        model: view.map_or_else(|| "the quality model".to_owned(), |view| view.quality_title),
        least,
        used,
        voted: words::counted(voted, "image", "images"),
        guides,
        most: most.filter(|_| found.is_none()),
        found,
    })
}

/// The images that have enough votes and a score, with their listings numbered.
fn judged(opinions: Vec<Opinion>, least: u32) -> Vec<Judged> {
    let mut groups = HashMap::new();
    let enough = opinions.into_iter().filter(|opinion| opinion.votes.n() >= least);
    let judged = |opinion: Opinion| {
        let model: Distribution = opinion.model?;
        let next = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let group = opinion.listing.clone().map(|listing| *groups.entry(listing).or_insert(next));
        Some(Judged { pair: Pair { votes: opinion.votes, model, group }, opinion })
    };
    enough.filter_map(judged).collect()
}

/// Does the arithmetic away from the threads that answer requests.
async fn found(site: &Site, judged: Vec<Judged>, page: usize) -> Result<Found, WebError> {
    let pairs: Vec<Pair> = judged.iter().map(|judged| judged.pair).collect();
    let findings =
        tokio::task::spawn_blocking(move || Findings::of(&pairs)).await.map_err(WebError::internal)?;
    let Findings { draws, comparison, gaps, ceiling } = findings;
    let listings = (comparison.groups < comparison.n)
        .then(|| words::counted(i64::try_from(comparison.groups).unwrap_or(i64::MAX), "listing", "listings"));
    Ok(Found {
        rows: rows(&comparison.figures, &comparison.intervals),
        draws: words::count(i64::try_from(draws).unwrap_or(i64::MAX)),
        listings,
        ceiling: ceiling.map(|ceiling| of_ceiling(&ceiling, &comparison)),
        chance: of_chance(&gaps),
        scatter: scatter(&judged, &gaps),
        drawn: (judged.len() > DOTS)
            .then(|| format!("An even part of the images is drawn, about {DOTS} of them.")),
        overlay: overall(&judged),
        worst: disagreement::leaf(site, &judged, &gaps, page),
    })
}

fn scatter(judged: &[Judged], gaps: &[Gap]) -> Chart {
    let text = format!(
        "People's mean to the right, the model's upwards, one mark for each of {} images; on the diagonal both agree.",
        judged.len()
    );
    let (x, y) = (Axis::scores("mean of people’s votes"), Axis::scores("mean by the model"));
    let mut chart = Chart::new(text, x, y).line("diagonal", [(1.0, 1.0), (10.0, 10.0)]);
    let step = judged.len().div_ceil(DOTS).max(1);
    for (judged, gap) in judged.iter().zip(gaps).step_by(step) {
        let class = if gap.is_more_than_chance() { "apart" } else { "near" };
        let title =
            format!("{}: people {:.2}, model {:.2}", judged.opinion.filename, gap.human_mean, gap.model_mean);
        chart.dot(class, (gap.human_mean, gap.model_mean), title);
    }
    chart
}

/// The mean distributions of people and model, over each other.
fn overall(judged: &[Judged]) -> Chart {
    let mut sums = ([0.0; 10], [0.0; 10]);
    for Judged { pair, .. } in judged {
        sums.0.iter_mut().zip(pair.votes.shares()).for_each(|(sum, share)| *sum += share);
        sums.1.iter_mut().zip(pair.model.bins()).for_each(|(sum, share)| *sum += share);
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of images")]
    let n = judged.len() as f64;
    let (people, model) = (sums.0.map(|sum| sum / n), sums.1.map(|sum| sum / n));
    disagreement::overlay(&people, &model)
}
