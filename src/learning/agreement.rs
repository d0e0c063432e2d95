//! People against the model: how well the quality model agrees with the votes, against how well people agree at all.

use std::collections::HashMap;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

use super::{
    chart::{Axis, Chart},
    disagreement::{self, Leaf},
    figures,
};
use crate::{
    comparison::{Agreement, Comparison, Gap, NoiseCeiling, Pair, Pool, compare, gaps, noise_ceiling},
    domain::Distribution,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    statistics::{Interval, Sampling},
    store::{
        opinions::{self, Opinion},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError},
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
    least: Option<u32>,
    #[serde(default)]
    page: usize,
}

/// One figure, for somebody who never met it.
struct Row {
    name: &'static str,
    value: String,
    meaning: &'static str,
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
pub(super) struct Judged {
    pub(super) opinion: Opinion,
    pub(super) pair: Pair,
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

fn rows(figures: &Agreement<Option<f64>>, intervals: &Agreement<Option<Interval>>) -> Vec<Row> {
    let row = |name, meaning, of: fn(&Agreement<Option<f64>>) -> Option<f64>, sure: Option<Interval>| {
        let value = of(figures).map_or_else(|| "undefined".to_owned(), |value| figures::with(value, sure));
        Row { name, value, meaning }
    };
    let sure = intervals;
    vec![
        row(
            "Rank correlation (SRCC)",
            "Does the model order the images as people do? 1 is the same order, 0 no relation.",
            |of| of.srcc,
            sure.srcc,
        ),
        row(
            "Linear correlation (PLCC)",
            "How nearly the two means lie on one line: 1 is exactly, 0 not at all.",
            |of| of.plcc,
            sure.plcc,
        ),
        row(
            "Pairs in order (KRCC, τ-b)",
            "Of two images, how much more often both agree which one is better than not.",
            |of| of.krcc_tau_b,
            sure.krcc_tau_b,
        ),
        row(
            "Root mean squared error (RMSE)",
            "Typical distance of the two means in points, where large misses count more.",
            |of| of.rmse,
            sure.rmse,
        ),
        row("Mean absolute error (MAE)", "Mean distance of the two means, in points.", |of| of.mae, sure.mae),
        row(
            "Bias, model less people",
            "Above 0 the model is more generous than people, below 0 stricter; in points.",
            |of| of.bias_model_minus_human,
            sure.bias_model_minus_human,
        ),
        row(
            "Same side of 5",
            "Share of images that both put above 5, or both not; papers call it accuracy.",
            |of| of.accuracy_cut_5,
            sure.accuracy_cut_5,
        ),
        row(
            "Distance of distributions (EMD, r = 1)",
            "How far the ten shares lie apart, 0 being equal, 0.9 the most.",
            |of| of.emd_r1_mean,
            sure.emd_r1_mean,
        ),
        row(
            "Distance of distributions (EMD, r = 2)",
            "The same with large differences counting more: what NIMA was trained to lessen.",
            |of| of.emd_r2_mean,
            sure.emd_r2_mean,
        ),
        row(
            "Wasserstein distance",
            "How many points a vote would have to move on average.",
            |of| of.wasserstein_score_units_mean,
            sure.wasserstein_score_units_mean,
        ),
        row(
            "Spread, rank correlation",
            "Does the model know on which images people disagree?",
            |of| of.std_srcc,
            sure.std_srcc,
        ),
        row(
            "Spread, linear correlation",
            "The same on a line instead of by order.",
            |of| of.std_plcc,
            sure.std_plcc,
        ),
    ]
}

fn of_ceiling(ceiling: &NoiseCeiling, comparison: &Comparison) -> String {
    let reached =
        comparison.figures.srcc.map_or_else(String::new, |srcc| format!(" This model has {srcc:.2}."));
    format!(
        "Two random halves of the people who voted agree with each other to {:.2} (rank correlation, {} random splits). \
         Votes this noisy allow even a perfect model about {:.2}, or {:.2} for the linear correlation.{reached}",
        ceiling.ranks.half, ceiling.splits, ceiling.ranks.model, ceiling.linear.model
    )
}

fn of_chance(gaps: &[Gap]) -> String {
    let real = gaps.iter().filter(|gap| gap.is_more_than_chance()).count();
    let all = words::counted(words::len(gaps), "image", "images");
    match real {
        0 => format!("On none of the {all} do people and model differ by more than the luck of who voted."),
        real => format!(
            "On {real} of {all} people and model differ by more than the luck of who voted; about one in twenty of those finds \
             may still be luck."
        ),
    }
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
