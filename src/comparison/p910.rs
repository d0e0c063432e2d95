//! Scores freed from the raters' bias and weighed by their consistency: ITU-T Rec. P.910 (2023), annex E, by alternating
//! projection (Li, Bampis and others 2020).
//!
//! The recommendation's variances are those of maximum likelihood, which has no maximum here: let one rater's variance run
//! to 0, the scores follow that rater, and the likelihood grows without end. With many raters an image the alternation
//! rests far from there; with three it often does not. Hence [`Floor::pays_for_scores`] and [`Doubt`].

mod found;

pub use self::found::{Doubt, ImageScore, Mos, RaterScore};
use super::Ratings;

/// What keeps the formulas upright where there are few votes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// A rater with fewer votes gets the pooled variance, and no say in where the biases' zero lies: one vote each would
    /// weigh 10⁸ otherwise.
    pub votes_per_rater: u32,
    /// No rater is taken to be steadier than this variance: two who always agree would overrule all others.
    pub least_variance: f64,
    /// An image with fewer votes has no standard error, and says nothing about who of its raters scatters more.
    pub votes_per_image: u32,
    /// Whether a rater's variance pays for the scores that were fitted to their votes: the restricted likelihood
    /// (Patterson and Thompson 1971) in place of the likelihood, without the pull towards one rater.
    pub pays_for_scores: bool,
}

impl Floor {
    /// The recommendation's formulas as they stand.
    pub const NONE: Self =
        Self { votes_per_rater: 0, least_variance: 0.0, votes_per_image: 0, pays_for_scores: false };
    /// Twenty votes on images of three or more for a variance of one's own, three for a standard error, the variance 1/12
    /// that rounding to whole scores leaves in every vote, and variances that pay for the scores.
    pub const PRODUCT: Self =
        Self { votes_per_rater: 20, least_variance: 1.0 / 12.0, votes_per_image: 3, pays_for_scores: true };
}

const MOST_ITERATIONS: u32 = 1_000;
const AT_REST: f64 = 1e-8;
const EPSILON: f64 = 1e-8;

/// A rater whose standard deviation is less than a tenth of the others' is not believed.
const NOT_BELIEVED: f64 = 0.01;

/// Estimates scores, biases and inconsistencies from `ratings`.
pub fn p910(ratings: &Ratings, floor: Floor) -> Mos {
    let votes = RaterVotes::of(ratings, floor);
    let mos = estimate(ratings, &votes, floor);
    let doubt = doubt(&mos.raters, floor);
    match doubt {
        Some(Doubt::Led(_)) if floor.pays_for_scores => {
            let nobody = RaterVotes { has_own: vec![false; votes.all.len()], ..votes };
            Mos { doubt, ..estimate(ratings, &nobody, floor) }
        }
        _ => Mos { doubt, ..mos },
    }
}

fn estimate(ratings: &Ratings, rater_votes: &RaterVotes, floor: Floor) -> Mos {
    let plain: Vec<f64> =
        ratings.by_image().map(|votes| mean(votes.iter().map(|(_, score)| *score))).collect();
    let start = State { bias: biases(ratings, &plain, &rater_votes.all), scores: plain.clone() };
    let rest = project(ratings, start, rater_votes, floor);
    let centre = centre(&rest.state.bias, &rater_votes.all, floor);
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
        let is_pooled = !rater_votes.has_own[at];
        let variance = if is_pooled { rest.variances.pooled } else { rest.variances.own[at] };
        let (bias, inconsistency) = (rest.state.bias[at] - centre, variance.sqrt());
        (*votes > 0).then_some(RaterScore { votes: *votes, bias, inconsistency, is_pooled })
    };
    Mos {
        images: ratings.by_image().enumerate().map(image).collect(),
        raters: rater_votes.all.iter().enumerate().map(rater).collect(),
        iterations: rest.iterations,
        converged: rest.converged,
        doubt: None,
    }
}

/// Whether one rater's variance lies so far below the others' median that only the fit can have put it there.
fn doubt(raters: &[Option<RaterScore>], floor: Floor) -> Option<Doubt> {
    if raters.iter().flatten().count() == 2 {
        return Some(Doubt::TwoRaters);
    }
    let own = |(at, rater): (usize, &Option<RaterScore>)| {
        let rater = (*rater).filter(|rater| !rater.is_pooled)?;
        Some((at, rater.inconsistency.powi(2)))
    };
    let mut variances: Vec<(usize, f64)> = raters.iter().enumerate().filter_map(own).collect();
    variances.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let (&(steadiest, least), others) = variances.split_first()?;
    let (_, median) = *others.get(others.len() / 2)?;
    let is_led =
        median > 4.0 * floor.least_variance && least < floor.least_variance.max(NOT_BELIEVED * median);
    is_led.then_some(Doubt::Led(steadiest))
}

/// Who voted how often.
struct RaterVotes {
    /// All votes of each rater.
    all: Vec<u32>,
    /// Whether enough of them lie on images with enough others for a variance of one's own.
    has_own: Vec<bool>,
}

impl RaterVotes {
    fn of(ratings: &Ratings, floor: Floor) -> Self {
        let (mut all, mut telling) = (vec![0; ratings.annotators()], vec![0; ratings.annotators()]);
        for votes in ratings.by_image() {
            let tells = u32::from(votes.len() as u32 >= floor.votes_per_image);
            for (rater, _) in votes {
                all[*rater as usize] += 1;
                telling[*rater as usize] += tells;
            }
        }
        Self { all, has_own: telling.into_iter().map(|votes| votes >= floor.votes_per_rater).collect() }
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
fn project(ratings: &Ratings, start: State, rater_votes: &RaterVotes, floor: Floor) -> Rest {
    let mut before = start;
    let mut iterations = 0;
    // The plain means that it starts from weigh every vote the same.
    let mut weights = vec![1.0; rater_votes.all.len()];
    loop {
        let paid = if floor.pays_for_scores { degrees_of_freedom(ratings, &weights) } else { vec![] };
        let variances = Variances::of(ratings, &before, (rater_votes, &paid), floor);
        let scores = scores(ratings, &before.bias, &variances.weights);
        weights.clone_from(&variances.weights);
        let state = State { bias: biases(ratings, &scores, &rater_votes.all), scores };
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
    /// `paid` are each rater's degrees of freedom, or nothing where each vote counts as one.
    fn of(ratings: &Ratings, state: &State, (votes, paid): (&RaterVotes, &[f64]), floor: Floor) -> Self {
        let mut sums = vec![(0.0, 0.0); votes.all.len()];
        for (votes, score) in ratings.by_image().zip(&state.scores) {
            for (rater, vote) in votes {
                let rater = *rater as usize;
                let residual = vote - score - state.bias[rater];
                sums[rater].0 += residual;
                sums[rater].1 += residual * residual;
            }
        }
        let (mut squares_of_all, mut degrees_of_all) = (0.0, 0.0);
        let variance = |(at, (sum, squares)): (usize, &(f64, f64))| {
            let n = f64::from(votes.all[at].max(1));
            let variance = (squares / n - (sum / n).powi(2)).max(0.0);
            let degrees = paid.get(at).copied().unwrap_or(n);
            squares_of_all += variance * n;
            degrees_of_all += if votes.all[at] > 0 { degrees } else { 0.0 };
            if degrees > EPSILON { variance * n / degrees } else { 0.0 }
        };
        let own: Vec<f64> = sums.iter().enumerate().map(variance).collect();
        let pooled = if degrees_of_all > EPSILON { squares_of_all / degrees_of_all } else { 0.0 };
        let weight = |(own, has_own): (&f64, &bool)| {
            let variance = if *has_own { *own } else { pooled };
            1.0 / (variance.max(floor.least_variance) + EPSILON)
        };
        let weights = own.iter().zip(&votes.has_own).map(weight).collect();
        Self { own, pooled, weights }
    }
}

/// How many of each rater's votes are left to tell their variance from: a vote that makes up the share h of its image's
/// score counts 1 − h, as in the equations of the restricted likelihood, and the bias takes one.
fn degrees_of_freedom(ratings: &Ratings, weights: &[f64]) -> Vec<f64> {
    let mut left = vec![(0.0, 0.0); weights.len()];
    for votes in ratings.by_image() {
        let all: f64 = votes.iter().map(|(rater, _)| weights[*rater as usize]).sum();
        for (rater, _) in votes {
            let rater = *rater as usize;
            left[rater].0 += 1.0 - weights[rater] / all;
            left[rater].1 += 1.0;
        }
    }
    left.into_iter()
        .map(|(left, votes)| if votes > 0.0 { left * (votes - 1.0) / votes } else { 0.0 })
        .collect()
}

/// Each image's weighted mean of the votes freed from bias.
fn scores(ratings: &Ratings, bias: &[f64], rater_weights: &[f64]) -> Vec<f64> {
    let score = |votes: &[(u32, f64)]| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (rater, vote) in votes {
            let weight = rater_weights[*rater as usize];
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
