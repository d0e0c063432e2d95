//! Simulated raters and a round that they judge to its end, so that a demonstration has something to show. Everything
//! goes the way that people's judgements go.

use std::collections::HashMap;

use rand::{Rng, RngExt};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    FeedbackError, Seat,
    judge::{self, Judgement},
    queue,
    round::{self, Plan, REPEAT_SHARE, Selection},
};
use crate::{
    clock::Clock,
    domain::{AnnotatorId, Question, Role, RoundId, Score, ServingOrder},
    store::{
        annotators, guides,
        rankings::{self, Place, Ranked, Ranking},
        reservations::Held,
        rounds::NewRound,
        viewpoint::Viewpoint,
    },
};

/// Names of the simulated raters.
const NAMES: [&str; 6] = [
    "Anna (simulated)",
    "Ben (simulated)",
    "Chiara (simulated)",
    "Deniz (simulated)",
    "Emil (simulated)",
    "Fatou (simulated)",
];

/// Judgements that each image gets.
const JUDGEMENTS: i16 = 5;

/// Images of the round: some are left, for the page of doubtful ones. Silent repeats come fifty images apart, so that there are none.
const IMAGES: u16 = 44;

/// Share of watch answers that are slips.
const SLIPS: f64 = 0.04;

/// Somebody who judges: how generous, how uncertain, how wide a part of the scale they use.
struct Rater {
    id: AnnotatorId,
    bias: f64,
    noise: f64,
    stretch: f64,
}

/// What the simulated raters look at.
struct Scene {
    round: RoundId,
    /// Quality on people's scale, and whether there is a watch.
    truth: HashMap<Uuid, (f64, bool)>,
}

/// Adds six raters and one round of both questions that they judge until it closes. The round.
///
/// How good a picture is, they judge by a truth that is drawn around what the quality model says, so that both agree in part; whether
/// there is a watch, by `is_watch`. The labels are theirs: the watch model may be wrong.
///
/// # Errors
/// When no image is scored, when somebody of these names exists, or when the database refuses.
pub async fn simulate(
    pool: &PgPool,
    (clock, rng): (&Clock, &mut impl Rng),
    view: &Viewpoint,
    is_watch: impl Fn(&Ranked) -> bool,
) -> Result<RoundId, FeedbackError> {
    let mut raters = vec![];
    for name in NAMES {
        raters.push(rater(pool, clock, rng, name).await?);
    }
    let scene = open(pool, (clock, rng), view, is_watch).await?;
    // In turns, as people do who work at the same time.
    while !raters.is_empty() {
        let mut at_work = vec![];
        for rater in raters {
            let seat = Seat::new(pool, clock, scene.round, rater.id);
            let held = queue::fill(&seat, rng).await?;
            if let Some(next) = held.first() {
                judge::submit(&seat, &say(&rater, &scene, next, rng)).await?;
                at_work.push(rater);
            }
        }
        raters = at_work;
    }
    Ok(scene.round)
}

async fn rater(pool: &PgPool, clock: &Clock, rng: &mut impl Rng, name: &str) -> Result<Rater, FeedbackError> {
    let id = AnnotatorId::new(clock.now());
    if !annotators::add(&mut *pool.acquire().await?, id, name, Role::Annotator, None).await? {
        return Err(FeedbackError::Plan(format!("There is somebody called {name} already.")));
    }
    Ok(Rater {
        id,
        bias: rng.random_range(-0.8..0.8),
        noise: rng.random_range(0.6..1.4),
        stretch: rng.random_range(0.8..1.2),
    })
}

async fn open(
    pool: &PgPool,
    (clock, rng): (&Clock, &mut impl Rng),
    view: &Viewpoint,
    is_watch: impl Fn(&Ranked) -> bool,
) -> Result<Scene, FeedbackError> {
    let mut conn = pool.acquire().await?;
    let guide = guides::latest(&mut conn).await?.into_iter().next();
    let guide = guide.ok_or_else(|| FeedbackError::Plan("There is no guide.".to_owned()))?.id;
    let all = rankings::page(&mut conn, view, &Ranking::default(), &Place::Start, 10_000).await?.images;
    let means: Vec<f64> = all.iter().filter_map(|image| image.quality_mean).collect();
    let average = means.iter().sum::<f64>() / f64::from(u32::try_from(means.len()).unwrap_or(1).max(1));
    let truth = all
        .iter()
        .map(|image| {
            let quality = 5.5 + 2.5 * (image.quality_mean.unwrap_or(average) - average) + 0.8 * bell(rng);
            (image.id, (quality, is_watch(image) != (rng.random::<f64>() < SLIPS)))
        })
        .collect();
    drop(conn);
    let round = NewRound {
        title: "A first round (simulated)".to_owned(),
        guide,
        asks_quality: true,
        question: Some(Question::Watch),
        judgements: JUDGEMENTS,
        repeat_share: REPEAT_SHARE,
        blind: true,
        order: ServingOrder::Random,
        deadline: None,
        drawn_from: format!("a random sample of {IMAGES} from all scored images"),
    };
    let selection = Selection::Filter { ranking: Box::default(), sample: Some(usize::from(IMAGES)) };
    let round = round::open(pool, (clock, rng), None, view, &Plan { round, selection }).await?;
    Ok(Scene { round, truth })
}

fn say(rater: &Rater, scene: &Scene, next: &Held, rng: &mut impl Rng) -> Judgement {
    let (quality, is_watch) = scene.truth.get(&next.image.0).copied().unwrap_or((5.5, false));
    let felt = 5.5 + rater.stretch * (quality - 5.5) + rater.bias + rater.noise * bell(rng);
    #[expect(clippy::cast_possible_truncation, reason = "between 1 and 10")]
    let score = felt.round().clamp(1.0, 10.0) as i16;
    Judgement {
        image: next.image,
        occurrence: next.occurrence,
        key: Uuid::from_u128(rng.random()),
        score: Score::try_from(score).ok(),
        is_watch: Some(is_watch != (rng.random::<f64>() < SLIPS)),
        seconds: Some(1.2 + 2.0 * bell(rng).abs()),
        pixels_shown: Some(1_200),
    }
}

/// A number around 0 with a standard deviation of about 1: the sum of twelve even ones, less 6 (Irwin–Hall).
fn bell(rng: &mut impl Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}
