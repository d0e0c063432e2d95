//! Scores freed from the raters' bias and weighed by their consistency: ITU-T Rec. P.910 (2023), annex E, by alternating
//! projection (Li, Bampis and others 2020).

use serde::Serialize;

use super::Ratings;

/// What keeps the formulas upright where there are few votes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// A rater with fewer votes gets the pooled variance, and no say in where the biases' zero lies: one vote each would
    /// weigh 10⁸ otherwise.
    pub votes_per_rater: u32,
    /// No rater is taken to be steadier than this variance: two who always agree would overrule all others.
    pub least_variance: f64,
    /// An image with fewer votes has no standard error.
    pub votes_per_image: u32,
}

impl Floor {
    /// The recommendation's formulas as they stand.
    pub const NONE: Self = Self { votes_per_rater: 0, least_variance: 0.0, votes_per_image: 0 };
    /// Twenty votes for a variance of one's own, three for a standard error, and the variance 1/12 that rounding to whole
    /// scores leaves in every vote.
    pub const PRODUCT: Self = Self { votes_per_rater: 20, least_variance: 1.0 / 12.0, votes_per_image: 3 };
}

/// An image's score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ImageScore {
    /// How many voted.
    pub votes: u32,
    /// The plain mean of the votes.
    pub plain: f64,
    /// The score freed from bias, weighed by consistency.
    pub score: f64,
    /// The standard deviation of the votes' residuals over √votes; `None` below the floor.
    pub standard_error: Option<f64>,
}

/// A rater's habits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RaterScore {
    /// How many votes they gave.
    pub votes: u32,
    /// How much higher than the scores they vote, on average.
    pub bias: f64,
    /// The standard deviation of what bias and score leave of their votes.
    pub inconsistency: f64,
    /// Whether that is the pooled one, for want of votes.
    pub is_pooled: bool,
}

impl RaterScore {
    /// How sure the bias is: the inconsistency over √votes; `None` below three votes.
    pub fn bias_standard_error(&self) -> Option<f64> {
        (self.votes >= Floor::PRODUCT.votes_per_image)
            .then(|| self.inconsistency / f64::from(self.votes).sqrt())
    }
}

/// The outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mos {
    /// By image number; `None` for one without votes.
    pub images: Vec<Option<ImageScore>>,
    /// By annotator number; `None` for one without votes.
    pub raters: Vec<Option<RaterScore>>,
    /// How many iterations it took.
    pub iterations: u32,
    /// Whether the scores had come to rest when it stopped.
    pub converged: bool,
}

const MOST_ITERATIONS: u32 = 1_000;
const AT_REST: f64 = 1e-8;
const EPSILON: f64 = 1e-8;

/// Estimates scores, biases and inconsistencies from `ratings`.
pub fn p910(ratings: &Ratings, floor: Floor) -> Mos {
    let rater_votes = rater_votes(ratings);
    let plain: Vec<f64> =
        ratings.by_image().map(|votes| mean(votes.iter().map(|(_, score)| *score))).collect();
    let start = State { bias: biases(ratings, &plain, &rater_votes), scores: plain.clone() };
    let rest = project(ratings, start, &rater_votes, floor);
    let centre = centre(&rest.state.bias, &rater_votes, floor);
    let image = |(at, votes): (usize, &[(u32, f64)])| {
        let n = votes.len() as u32;
        let enough = n >= floor.votes_per_image;
        (n > 0).then(|| ImageScore {
            votes: n,
            plain: plain[at],
            score: rest.state.scores[at] + centre,
            standard_error: enough.then(|| std(rest.before.residuals(at, votes)) / f64::from(n).sqrt()),
        })
    };
    let rater = |(at, votes): (usize, &u32)| {
        let is_pooled = *votes < floor.votes_per_rater;
        let variance = if is_pooled { rest.variances.pooled } else { rest.variances.own[at] };
        let (bias, inconsistency) = (rest.state.bias[at] - centre, variance.sqrt());
        (*votes > 0).then_some(RaterScore { votes: *votes, bias, inconsistency, is_pooled })
    };
    Mos {
        images: ratings.by_image().enumerate().map(image).collect(),
        raters: rater_votes.iter().enumerate().map(rater).collect(),
        iterations: rest.iterations,
        converged: rest.converged,
    }
}

/// Where the alternation came to rest, or was stopped.
struct Rest {
    state: State,
    /// The state before the last step: standard errors are of its residuals.
    before: State,
    /// The variances of the last step.
    variances: Variances,
    iterations: u32,
    converged: bool,
}

/// Alternates between variances, scores and biases until the scores move no more.
fn project(ratings: &Ratings, start: State, rater_votes: &[u32], floor: Floor) -> Rest {
    let mut before = start;
    let mut iterations = 0;
    loop {
        let variances = Variances::of(ratings, &before, rater_votes, floor);
        let scores = scores(ratings, &before.bias, &variances);
        let state = State { bias: biases(ratings, &scores, rater_votes), scores };
        iterations += 1;
        let converged = distance(&before.scores, &state.scores) < AT_REST;
        if converged || iterations >= MOST_ITERATIONS {
            return Rest { state, before, variances, iterations, converged };
        }
        before = state;
    }
}

/// The biases' zero: their mean over the raters with enough votes, or over all who voted if nobody has enough.
fn centre(bias: &[f64], rater_votes: &[u32], floor: Floor) -> f64 {
    let over = |least: u32| {
        let counted = bias.iter().zip(rater_votes).filter(move |(_, votes)| **votes >= least.max(1));
        counted.map(|(bias, _)| *bias)
    };
    let least = if over(floor.votes_per_rater).next().is_some() { floor.votes_per_rater } else { 1 };
    mean(over(least))
}

struct State {
    scores: Vec<f64>,
    bias: Vec<f64>,
}

impl State {
    /// What score and bias leave of the votes on image number `image`.
    fn residuals(&self, image: usize, votes: &[(u32, f64)]) -> impl Iterator<Item = f64> + Clone {
        votes.iter().map(move |(rater, vote)| vote - self.scores[image] - self.bias[*rater as usize])
    }
}

/// The variance of what score and bias leave of the votes.
struct Variances {
    /// Of each rater.
    own: Vec<f64>,
    /// Of all together.
    pooled: f64,
    /// One over the variance that counts for each rater.
    weights: Vec<f64>,
}

impl Variances {
    fn of(ratings: &Ratings, state: &State, rater_votes: &[u32], floor: Floor) -> Self {
        let mut sums = vec![(0.0, 0.0); rater_votes.len()];
        for (votes, score) in ratings.by_image().zip(&state.scores) {
            for (rater, vote) in votes {
                let rater = *rater as usize;
                let residual = vote - score - state.bias[rater];
                sums[rater].0 += residual;
                sums[rater].1 += residual * residual;
            }
        }
        let mut all = 0.0;
        let variance = |((sum, squares), votes): (&(f64, f64), &u32)| {
            let n = f64::from((*votes).max(1));
            let variance = (squares / n - (sum / n).powi(2)).max(0.0);
            all += variance * f64::from(*votes);
            variance
        };
        let own: Vec<f64> = sums.iter().zip(rater_votes).map(variance).collect();
        let pooled = all / (ratings.len().max(1) as f64);
        let weight = |(own, votes): (&f64, &u32)| {
            let variance = if *votes < floor.votes_per_rater { pooled } else { *own };
            1.0 / (variance.max(floor.least_variance) + EPSILON)
        };
        let weights = own.iter().zip(rater_votes).map(weight).collect();
        Self { own, pooled, weights }
    }
}

/// Each image's weighted mean of the votes freed from bias.
fn scores(ratings: &Ratings, bias: &[f64], variances: &Variances) -> Vec<f64> {
    let score = |votes: &[(u32, f64)]| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (rater, vote) in votes {
            let weight = variances.weights[*rater as usize];
            sum += weight * (vote - bias[*rater as usize]);
            weights += weight;
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    };
    ratings.by_image().map(score).collect()
}

/// Each rater's mean distance from the scores.
fn biases(ratings: &Ratings, scores: &[f64], rater_votes: &[u32]) -> Vec<f64> {
    let mut sums = vec![0.0; rater_votes.len()];
    for (votes, score) in ratings.by_image().zip(scores) {
        votes.iter().for_each(|(rater, vote)| sums[*rater as usize] += vote - score);
    }
    sums.iter().zip(rater_votes).map(|(sum, votes)| sum / f64::from((*votes).max(1))).collect()
}

fn rater_votes(ratings: &Ratings) -> Vec<u32> {
    let mut counts = vec![0; ratings.annotators()];
    ratings.by_image().flatten().for_each(|(rater, _)| counts[*rater as usize] += 1);
    counts
}

/// 0 for no values.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    if n > 0.0 { sum / n } else { 0.0 }
}

fn std(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let centre = mean(values.clone());
    mean(values.map(|value| (value - centre).powi(2))).sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
