//! `chronograde bench votes`: how fast votes are taken while many annotators work at once, idle and while images are
//! scored; and whether one is lost, counted twice, or one too many.

mod annotator;
mod kept;
mod report;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::annotator::{Annotator, Shift, Tally};
pub use self::{kept::Kept, report::VotesReport};
use super::{
    BenchError, Machine,
    sandbox::Sandbox,
    synthetic::{Latency, Networks, Scored, Scoring, Server, apart, client::Browser, rows},
};
use crate::{
    clock::Clock,
    config::Settings,
    domain::{Role, RoundId, ServingOrder},
    feedback::round::{self, Plan, REPEAT_SHARE, Selection},
    store::{guides, rounds::NewRound, viewpoint},
};

/// How long it takes until everybody is at work.
const OPENING: Duration = Duration::from_secs(5);

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct VotesPlan {
    /// Images in the catalog.
    pub images: u32,
    /// People who vote, each once a second.
    pub annotators: u8,
    /// For how long they vote before anything is measured.
    pub warm_up: Duration,
    /// For how long they vote then.
    pub time: Duration,
    /// Share of the votes that are sent a second time, and share of those whose sending is cut off and begun anew.
    pub faults: f64,
    /// Judgements that each image gets.
    pub judgements: i16,
    /// Images per second that are written meanwhile, as scoring writes them.
    pub writes: u32,
    /// Pictures that the networks are run on meanwhile; none to write only.
    pub pictures: Option<PathBuf>,
    /// Where the scratch folder is made.
    pub scratch: PathBuf,
}

/// What one round of voting gave.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// From the moment at which a vote was due until the answer with the next images was read.
    pub latency: Latency,
    /// Votes that the server said it has.
    pub accepted: usize,
    /// Votes that were sent twice.
    pub repeated: usize,
    /// Sendings that were cut off.
    pub cut_off: usize,
    /// Votes that were refused.
    pub refused: usize,
    /// Seconds in which somebody had no image to vote on.
    pub without_image: usize,
    /// What the database says afterwards.
    pub kept: Kept,
    /// What was scored meanwhile; nothing when idle.
    pub scored: Option<Scored>,
}

/// Measures everything. Cancelling `stop` ends it early; the scratch folder is removed either way.
///
/// # Errors
/// No database, or a server that does not answer.
pub async fn run(
    plan: &VotesPlan,
    settings: &Settings,
    stop: CancellationToken,
) -> Result<VotesReport, BenchError> {
    let machine = Machine::look(&plan.scratch);
    let networks = plan.pictures.as_deref().map(|images| Networks::open(settings, images)).transpose()?;
    let sandbox = Sandbox::open(settings, &plan.scratch).await?;
    let measured = tokio::select! {
        measured = Box::pin(measure(plan, &sandbox, networks)) => measured,
        () = stop.cancelled() => Err(BenchError::Stopped),
    };
    let closed = sandbox.close().await;
    let [idle, scoring] = measured?;
    closed?;
    Ok(VotesReport::new(machine, plan, idle, scoring))
}

async fn measure(
    plan: &VotesPlan,
    sandbox: &Sandbox,
    networks: Option<Networks>,
) -> Result<[Measured; 2], BenchError> {
    let generation = rows::open(&sandbox.pool).await?;
    rows::grow(&sandbox.pool, generation, plan.images).await?;
    let server = Server::start(sandbox).await?;
    let people = server.sign_in(sandbox, plan.annotators, Role::Annotator).await?;
    let idle = vote(plan, sandbox, &people).await?;
    let scoring = Scoring::start(sandbox, plan.writes, networks.as_ref());
    let meanwhile = vote(plan, sandbox, &people).await?;
    let scored = scoring.stop().await?;
    server.stop().await?;
    Ok([idle, Measured { scored: Some(scored), ..meanwhile }])
}

/// Everybody votes in a round of its own, on threads apart from the server's.
async fn vote(plan: &VotesPlan, sandbox: &Sandbox, people: &[Browser]) -> Result<Measured, BenchError> {
    let round = open(plan, sandbox).await?;
    let shift = Shift {
        round,
        opening: OPENING,
        warm_up: plan.warm_up.as_secs(),
        votes: (plan.warm_up + plan.time).as_secs(),
        faults: plan.faults,
    };
    let people = people.to_vec();
    let tally = apart(async move || all(people, shift).await).await?;
    Ok(Measured {
        latency: Latency::of(&tally.times_ms)?,
        accepted: tally.accepted.len(),
        repeated: tally.repeated,
        cut_off: tally.cut_off,
        refused: tally.refused,
        without_image: tally.without_image,
        kept: kept::look(&sandbox.pool, round, plan.judgements, &tally.accepted).await?,
        scored: None,
    })
}

/// Everybody opens the page, evenly spread over [`OPENING`], and then votes once a second, evenly spread over it.
async fn all(people: Vec<Browser>, shift: Shift) -> Result<Tally, BenchError> {
    let count = u32::try_from(people.len()).unwrap_or(1).max(1);
    let start = Instant::now() + Duration::from_secs(1) + OPENING;
    let mut working = JoinSet::new();
    for (browser, number) in people.into_iter().zip(0_u32..) {
        let (phase, left) = (Duration::from_secs(1) / count * number, OPENING / count * (count - number));
        let annotator = Annotator { browser, shift: Shift { opening: phase + left, ..shift } };
        working.spawn(annotator.work(start + phase));
    }
    let mut all = Tally::default();
    while let Some(tally) = working.join_next().await {
        all.add(tally.map_err(|_| BenchError::Thread)??);
    }
    Ok(all)
}

/// A round about quality with work for everybody until the end, and a third more.
async fn open(plan: &VotesPlan, sandbox: &Sandbox) -> Result<RoundId, BenchError> {
    let nonsense = |error: &dyn std::fmt::Display| BenchError::Page(error.to_string());
    let mut conn = sandbox.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?.ok_or(BenchError::Ended)?;
    let guide = guides::latest(&mut conn).await?.into_iter().next().ok_or(BenchError::Ended)?.id;
    drop(conn);
    let seconds = usize::try_from((plan.warm_up + plan.time).as_secs()).unwrap_or(usize::MAX);
    let votes = usize::from(plan.annotators) * seconds;
    let judgements = usize::try_from(plan.judgements).unwrap_or(1).max(1);
    let round = NewRound {
        title: "Measured".to_owned(),
        guide,
        asks_quality: true,
        question: None,
        judgements: plan.judgements,
        repeat_share: REPEAT_SHARE,
        blind: true,
        order: ServingOrder::Random,
        deadline: None,
        drawn_from: "a random sample".to_owned(),
    };
    // Nobody judges an image twice, so that there must be as many images as seconds.
    let sample = Some((votes / judgements * 4 / 3).max(seconds * 4 / 3));
    let plan = Plan { round, selection: Selection::Filter { ranking: Box::default(), sample } };
    let dice = (&Clock::System, &mut rand::rng());
    round::open(&sandbox.pool, dice, None, &view, &plan).await.map_err(|error| nonsense(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::tests::data_dir;

    #[tokio::test(flavor = "multi_thread")]
    async fn everybody_s_votes_are_kept_once_with_a_third_of_them_repeated_and_a_third_cut_off() {
        let scratch = data_dir();
        let plan = VotesPlan {
            images: 400,
            annotators: 6,
            warm_up: Duration::ZERO,
            time: Duration::from_secs(4),
            faults: 1.0 / 3.0,
            judgements: 3,
            writes: 10,
            pictures: None,
            scratch: scratch.path().to_owned(),
        };
        let report = run(&plan, &Settings::default(), CancellationToken::new()).await.unwrap();
        for measured in [&report.idle, &report.scoring] {
            assert_eq!(measured.accepted, 24, "{measured:?}");
            assert_eq!((measured.refused, measured.without_image), (0, 0), "{measured:?}");
            assert!(measured.repeated + measured.cut_off > 0, "{measured:?}");
            assert_eq!(measured.kept, Kept { votes: 24, lost: 0, double: 0, beyond: 0 });
        }
        assert!(report.to_string().contains("votes"));
    }
}
