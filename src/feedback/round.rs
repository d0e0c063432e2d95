//! Opens a round: a frozen list, drawn once, and what is asked about it.

use rand::{Rng, seq::SliceRandom};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{FeedbackError, draw};
use crate::{
    clock::Clock,
    domain::{AnnotatorId, RoundId, ServingOrder},
    store::{
        events,
        rankings::{self, Ranking},
        round_images::{self, Candidate, Drawn},
        rounds::{self, NewRound},
        viewpoint::Viewpoint,
    },
};

/// Size of a sample that nobody chose.
pub const SAMPLE: usize = 200;

/// Share of images that are silently shown twice where nobody says otherwise.
pub const REPEAT_SHARE: f64 = 0.05;

/// Most images that a round may have.
pub const MOST_IMAGES: usize = 20_000;

/// Images of the catalog that are read at once.
const PAGE: u16 = 10_000;

/// Where the images of a round come from.
#[derive(Clone, Debug)]
pub enum Selection {
    /// What a ranked list has: all of it, or a random sample of so many.
    Filter {
        /// The list.
        ranking: Box<Ranking>,
        /// Size of the sample; none for all of them.
        sample: Option<usize>,
    },
    /// Images that somebody picked, in their order.
    Chosen(Vec<Uuid>),
}

/// A round to be opened.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is asked, and how.
    pub round: NewRound,
    /// About which images.
    pub selection: Selection,
}

/// Opens a round and freezes its list.
///
/// The list of a blind round in random order has its share of the audit set; any other leaves the audit set out. Of a
/// listing's nearly identical photos it has one; examples of guides, hidden and missing images are no part of it.
///
/// # Errors
/// When the plan has a mistake, or the database refuses.
pub async fn open(
    pool: &PgPool,
    (clock, rng): (&Clock, &mut impl Rng),
    author: Option<AnnotatorId>,
    view: &Viewpoint,
    plan: &Plan,
) -> Result<RoundId, FeedbackError> {
    check(&plan.round)?;
    let mut tx = pool.begin().await?;
    let list = list(&mut tx, view, plan, rng).await?;
    if list.is_empty() {
        return Err(FeedbackError::Plan(
            "No image fits that can be judged. Choose a wider filter.".to_owned(),
        ));
    }
    if list.len() > MOST_IMAGES {
        let problem = format!(
            "That is {} images; a round has at most {MOST_IMAGES}. Take a random sample.",
            list.len()
        );
        return Err(FeedbackError::Plan(problem));
    }
    let id = rounds::add(&mut tx, &plan.round, author, clock.now()).await?;
    round_images::freeze(&mut tx, id, &list).await?;
    events::record(&mut tx, author, "round.open", Some(&format!("round:{id}"))).await?;
    tx.commit().await?;
    Ok(id)
}

fn check(round: &NewRound) -> Result<(), FeedbackError> {
    let problem = if round.title.trim().is_empty() {
        "The round needs a title."
    } else if !round.asks_quality && round.question.is_none() {
        "The round must ask something: quality, watch, or both."
    } else if !(1..=1_000).contains(&round.judgements) {
        "Judgements per image: 1 to 1,000."
    } else if !(0.0..=0.5).contains(&round.repeat_share) {
        "Silent repeats: 0 to 50 %."
    } else {
        return Ok(());
    };
    Err(FeedbackError::Plan(problem.to_owned()))
}

async fn list(
    conn: &mut PgConnection,
    view: &Viewpoint,
    plan: &Plan,
    rng: &mut impl Rng,
) -> Result<Vec<Drawn>, FeedbackError> {
    let has_audit = plan.round.blind && plan.round.order == ServingOrder::Random;
    let (mut candidates, why, sample) = match &plan.selection {
        Selection::Filter { ranking, sample } => (filtered(conn, view, ranking).await?, "filter", *sample),
        Selection::Chosen(images) => (round_images::candidates(conn, images).await?, "chosen", None),
    };
    candidates = draw::without_near_copies(candidates);
    let is_bulk = matches!(plan.selection, Selection::Chosen(_));
    if is_bulk || !has_audit {
        candidates.retain(|candidate| !candidate.audit);
    }
    let mut list = match sample {
        Some(size) => draw::sample(&candidates, size, rng),
        None => candidates.iter().map(|candidate| whole(candidate, why)).collect(),
    };
    match plan.round.order {
        ServingOrder::Random => list.shuffle(rng),
        ServingOrder::Doubtful => by_doubt(conn, view, &mut list).await?,
    }
    Ok(list)
}

fn whole(candidate: &Candidate, why: &'static str) -> Drawn {
    let why = if candidate.audit { "audit set" } else { why };
    Drawn { image: candidate.image, why, probability: 1.0 }
}

/// Everything that a ranked list has and that can be judged.
async fn filtered(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
) -> Result<Vec<Candidate>, FeedbackError> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = rankings::page(
            conn,
            view,
            ranking,
            &after.map_or(rankings::Place::Start, rankings::Place::After),
            PAGE,
        )
        .await?;
        let images: Vec<Uuid> = page.images.iter().map(|image| image.id).collect();
        all.extend(round_images::candidates(conn, &images).await?);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Nearest to the watch threshold first, by the odds.
async fn by_doubt(
    conn: &mut PgConnection,
    view: &Viewpoint,
    list: &mut [Drawn],
) -> Result<(), FeedbackError> {
    let threshold = view.threshold.map_or(0.5, f64::from);
    let images: Vec<Uuid> = list.iter().map(|drawn| drawn.image.0).collect();
    let confidences = round_images::confidences(conn, view.generation, &images).await?;
    let doubt =
        |drawn: &Drawn| confidences.get(&drawn.image.0).map_or(f64::INFINITY, |c| distance(*c, threshold));
    list.sort_by(|one, other| doubt(one).total_cmp(&doubt(other)));
    Ok(())
}

/// How far a confidence is from the threshold, in log odds.
fn distance(confidence: f64, threshold: f64) -> f64 {
    let log_odds = |p: f64| {
        let p = p.clamp(1e-9, 1.0 - 1e-9);
        (p / (1.0 - p)).ln()
    };
    (log_odds(confidence) - log_odds(threshold)).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_is_measured_in_odds_so_that_small_thresholds_have_neighbours_on_both_sides() {
        assert!(distance(0.02, 0.01) < distance(0.001, 0.01));
        assert!(distance(0.5, 0.5) == 0.0 && distance(0.0, 0.5).is_finite());
    }
}
