//! The images on which people and model lie furthest apart, each with both histograms.

use super::Judged;
use crate::{
    comparison::Gap,
    decode::GRID_PX,
    gallery::words,
    learning::chart::{Axis, Chart},
    web::Site,
};

/// Images that are shown at once.
const SHOWN: usize = 20;

/// An image with both opinions.
pub struct Disagreement {
    /// Its page.
    pub page: String,
    /// Its rendition.
    pub picture: String,
    /// What it is called.
    pub name: String,
    /// Mean, spread and number of the votes.
    pub people: String,
    /// Mean and spread by the model.
    pub model: String,
    /// The model's mean less people's, with its sign.
    pub gap: String,
    /// How far the distributions lie apart.
    pub distance: String,
    /// Whether that is more than the luck of who voted.
    pub chance: String,
    /// Both histograms.
    pub overlay: Chart,
}

/// A page of them.
pub struct Leaf {
    /// The images, the furthest apart first.
    pub images: Vec<Disagreement>,
    /// Its number, from 0.
    pub number: usize,
    /// Whether there is another one behind it.
    pub has_next: bool,
}

/// Page `number` of the images that galleries show, the furthest apart first.
pub fn leaf(site: &Site, judged: &[Judged], gaps: &[Gap], number: usize) -> Leaf {
    let mut order: Vec<_> = judged.iter().zip(gaps).filter(|(judged, _)| !judged.opinion.hidden).collect();
    order.sort_by(|(_, one), (_, other)| other.gap.abs().total_cmp(&one.gap.abs()));
    let mut rest = order.into_iter().skip(number.saturating_mul(SHOWN));
    let images = rest.by_ref().take(SHOWN).map(|(judged, gap)| disagreement(site, judged, gap)).collect();
    Leaf { images, number, has_next: rest.next().is_some() }
}

fn disagreement(site: &Site, judged: &Judged, gap: &Gap) -> Disagreement {
    let opinion = &judged.opinion;
    let votes = words::counted(i64::from(gap.votes), "vote", "votes");
    Disagreement {
        page: site.url(&format!("/images/{}", opinion.image)),
        picture: site.picture(GRID_PX, opinion.hash),
        name: opinion.filename.rsplit('/').next().unwrap_or_default().to_owned(),
        people: format!("{:.2} ± {:.2} from {votes}", gap.human_mean, gap.human_std),
        model: format!("{:.2} ± {:.2}", gap.model_mean, gap.model_std),
        gap: words::signed(gap.gap),
        distance: format!(
            "EMD {:.2} (r = 1), {:.2} (r = 2); {:.2} points per vote",
            gap.emd_r1, gap.emd_r2, gap.wasserstein
        ),
        chance: chance(gap),
        overlay: overlay(&judged.pair.votes.shares(), judged.pair.model.bins()),
    }
}

fn chance(gap: &Gap) -> String {
    match gap.q_value {
        Some(q) if gap.is_more_than_chance() => format!("more than chance ({})", share_of_luck(q)),
        Some(q) => format!("may be chance ({})", share_of_luck(q)),
        None => "one vote: nobody can say".to_owned(),
    }
}

fn share_of_luck(q: f64) -> String {
    match words::probability(q).strip_prefix('<') {
        Some(least) => format!("q < {least}"),
        None => format!("q = {}", words::probability(q)),
    }
}

/// Both distributions over the ten scores on one scale: the model's as columns, people's as outlines.
pub fn overlay(people: &[f64; 10], model: &[f64; 10]) -> Chart {
    let highest = people.iter().chain(model).copied().fold(0.1, f64::max);
    let top = (highest * 10.0).ceil() / 10.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 10 tenths")]
    let steps = (top * 10.0).round() as u32;
    let steps = if steps > 5 && steps.is_multiple_of(2) { steps / 2 } else { steps };
    let share = |shares: &[f64; 10]| {
        let written =
            shares.iter().zip(1..).map(|(share, score)| format!("{score}: {}", words::percent(*share)));
        written.collect::<Vec<_>>().join(", ")
    };
    let text = format!("Shares of the scores. People {}. Model {}.", share(people), share(model));
    let mut chart = Chart::new(text, Axis::bins("score"), Axis::new("share", 0.0..=top, steps, 1));
    for (class, shares) in [("model", model), ("people", people)] {
        for (share, score) in shares.iter().zip(1..) {
            let middle = f64::from(score);
            let title = format!("{class}, {score}: {}", words::percent(*share));
            chart.bar(class, middle - 0.5..=middle + 0.5, (0.0, *share), title);
        }
    }
    chart
}
