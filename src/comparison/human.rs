//! How sure a mean of few votes is.

use serde::Serialize;

use super::VoteCounts;
use crate::statistics::{Interval, student_t_quantile};

/// What the votes on all images say about how votes scatter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pool {
    /// The mean of the images' means.
    pub mean: f64,
    /// The variance of votes on one image.
    pub within_variance: f64,
    /// The variance of the images' true means; 0 where nothing suggests that they differ.
    pub between_variance: f64,
}

/// The variance of votes on one image before anything is known: the mean over the AVA data set (Murray, Marchesotti and
/// Perronnin 2012), where the standard deviation is about 1.4.
const PRIOR_VARIANCE: f64 = 2.0;

/// How many degrees of freedom that is worth: a dozen votes outweigh it, but two equal ones do not claim certainty.
const PRIOR_DEGREES: f64 = 10.0;

/// How many degrees of freedom the pooled variance is worth for one image. Between AVA's images the variance differs so
/// little that about 30 would be right; 20 leaves room for catalogs where it differs more.
const POOLED_DEGREES: f64 = 20.0;

impl Pool {
    /// Pools the votes on many images (one-way analysis of variance with random effects: Searle, Casella and McCulloch,
    /// Variance Components, 1992).
    pub fn of<'a>(images: impl IntoIterator<Item = &'a VoteCounts>) -> Self {
        let (mut count, mut votes, mut squared_votes) = (0.0, 0.0, 0.0);
        let (mut means, mut weighted, mut within) = (0.0, 0.0, 0.0);
        let mut weighted_squares = 0.0;
        for image in images {
            let (n, mean) = (f64::from(image.n()), image.mean());
            count += 1.0;
            votes += n;
            squared_votes += n * n;
            means += mean;
            weighted += n * mean;
            weighted_squares += n * mean * mean;
            within += image.squares();
        }
        let degrees = votes - count;
        let within_variance = (PRIOR_DEGREES * PRIOR_VARIANCE + within) / (PRIOR_DEGREES + degrees);
        if count < 2.0 {
            // One image, or none, says nothing about how images differ; the scale's middle stands in for no mean.
            let mean = if count > 0.0 { means } else { 5.5 };
            return Self { mean, within_variance, between_variance: 0.0 };
        }
        let between_squares = weighted_squares - weighted * weighted / votes;
        let votes_per_image = (votes - squared_votes / votes) / (count - 1.0);
        let between = (between_squares / (count - 1.0) - within_variance) / votes_per_image;
        Self { mean: means / count, within_variance, between_variance: between.max(0.0) }
    }

    /// The variance of votes on `image`: its own, shrunk to the pooled one, with its degrees of freedom (Smyth 2004).
    pub(super) fn moderated(&self, image: &VoteCounts) -> (f64, f64) {
        self.moderated_by(f64::from(image.n()), image.squares())
    }

    /// The same from the number of votes and the sum of their squared deviations.
    fn moderated_by(&self, n: f64, squares: f64) -> (f64, f64) {
        let degrees = POOLED_DEGREES + n - 1.0;
        ((POOLED_DEGREES * self.within_variance + squares) / degrees, degrees)
    }

    /// The 95 % interval of the mean of `n` votes with the (population) standard deviation `std`, by Student's t, within 1
    /// to 10; `None` for fewer than two votes.
    pub fn interval(&self, n: u32, mean: f64, std: f64) -> Option<Interval> {
        let count = f64::from(n);
        let (variance, degrees) = self.moderated_by(count, count * std * std);
        let half = student_t_quantile(0.95, degrees) * (variance / count).sqrt();
        (n >= 2).then(|| Interval { low: mean - half, high: mean + half }.clipped(1.0, 10.0))
    }
}

/// What people think of one image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HumanScore {
    /// How many voted.
    pub n: u32,
    /// The mean of their votes.
    pub mean: f64,
    /// The standard deviation of their votes (population).
    pub std: f64,
    /// The 95 % interval of the mean by Student's t, within 1 to 10; `None` for fewer than two votes.
    pub interval: Option<Interval>,
    /// The mean drawn towards the catalog's, the further the fewer votes there are: what to rank by.
    pub shrunken_mean: f64,
}

impl HumanScore {
    /// The score of an image with these votes, in a catalog that scatters as `pool` says.
    pub fn of(votes: &VoteCounts, pool: &Pool) -> Self {
        let (n, mean) = (f64::from(votes.n()), votes.mean());
        let interval = pool.interval(votes.n(), mean, votes.std());
        // The best linear prediction of the true mean: weights in proportion to what is known from either side.
        let known = n * pool.between_variance;
        let share = known / (known + pool.within_variance);
        let shrunken_mean = pool.mean + share * (mean - pool.mean);
        Self { n: votes.n(), mean, std: votes.std(), interval, shrunken_mean }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(scores: &[usize]) -> VoteCounts {
        let mut counts = [0; 10];
        scores.iter().for_each(|score| counts[score - 1] += 1);
        VoteCounts::new(counts).unwrap()
    }

    #[test]
    fn two_equal_votes_claim_no_certainty_and_one_has_no_interval() {
        let images = [votes(&[7, 7]), votes(&[3])];
        let pool = Pool::of(&images);
        let interval = HumanScore::of(&images[0], &pool).interval.unwrap();
        assert!(interval.high - interval.low > 2.0, "{interval:?}");
        assert_eq!(HumanScore::of(&images[1], &pool).interval, None);
    }

    #[test]
    fn an_interval_stays_on_the_scale() {
        let image = votes(&[10, 10, 9]);
        let interval = HumanScore::of(&image, &Pool::of([&image])).interval.unwrap();
        assert_eq!(interval.high, 10.0);
    }

    #[test]
    fn few_votes_are_drawn_to_the_catalogs_mean_and_many_are_not() {
        let scattered = |score| votes(&[score - 2, score - 1, score, score + 1, score + 2]);
        let mut images: Vec<_> = (3..9).map(scattered).collect();
        images.push(votes(&[10]));
        images.push(votes(&[10; 50]));
        let pool = Pool::of(&images);
        assert!(pool.between_variance > 1.0, "{pool:?}");
        let [one, fifty] = [6, 7].map(|at| HumanScore::of(&images[at], &pool).shrunken_mean);
        assert!(one < 9.75 && fifty > 9.95 && one > pool.mean, "{one} {fifty} {pool:?}");
    }

    #[test]
    fn the_interval_holds_the_true_mean_as_often_as_it_says() {
        use rand::RngExt;
        let shares = [0.02, 0.03, 0.1, 0.15, 0.3, 0.2, 0.1, 0.06, 0.03, 0.01_f64];
        let truth: f64 = shares.iter().zip(1..).map(|(share, score)| share * f64::from(score)).sum();
        let mut rng = crate::statistics::Sampling::default().rng(0);
        let mut image = || {
            let scores: Vec<usize> = (0..5)
                .map(|_| {
                    let mut left: f64 = rng.random();
                    1 + shares
                        .iter()
                        .position(|share| {
                            left -= share;
                            left < 0.0
                        })
                        .unwrap_or(9)
                })
                .collect();
            votes(&scores)
        };
        let images: Vec<_> = (0..4_000).map(|_| image()).collect();
        let pool = Pool::of(&images);
        let held = images
            .iter()
            .filter(|image| HumanScore::of(image, &pool).interval.unwrap().contains(truth))
            .count();
        assert!((3_740..3_900).contains(&held), "{held} of 4000 hold the mean, 3800 should");
    }
}
