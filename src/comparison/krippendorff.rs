//! How far people agree beyond chance: Krippendorff's alpha (Content Analysis, 2004, chapter 11), with missing votes.

use serde::Serialize;

use super::Ratings;
use crate::statistics::{Interval, Sampling, Strata, resample};

/// What a difference between two values means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Equal or not: watch or no watch.
    Nominal,
    /// An order: how many votes lie between.
    Ordinal,
    /// A scale: the squared difference.
    Interval,
}

/// How often each value stands beside each other one on the same image.
#[derive(Clone, Debug, PartialEq)]
pub struct Coincidences {
    values: Vec<f64>,
    /// By row and column, each pair of votes counted both ways and divided by the other votes on its image.
    pairs: Vec<f64>,
    /// The sum of each row.
    totals: Vec<f64>,
}

/// The images with two votes or more: how often each value was given, by the value's place among all of them.
struct Pairable {
    values: Vec<f64>,
    images: Vec<Vec<(usize, f64)>>,
}

impl Pairable {
    fn of(ratings: &Ratings) -> Self {
        let pairable = || ratings.by_image().filter(|votes| votes.len() > 1);
        let mut values: Vec<f64> = pairable().flatten().map(|(_, score)| *score).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let counted = |votes: &[(u32, f64)]| {
            let mut counts: Vec<(usize, f64)> = Vec::new();
            for place in votes.iter().map(|(_, score)| values.partition_point(|value| value < score)) {
                match counts.iter_mut().find(|(known, _)| *known == place) {
                    Some((_, count)) => *count += 1.0,
                    None => counts.push((place, 1.0)),
                }
            }
            counts
        };
        let images = pairable().map(counted).collect();
        Self { values, images }
    }

    /// The coincidences when each image counts so many times.
    fn coincidences(&self, times: &[u32]) -> Coincidences {
        let size = self.values.len();
        let mut pairs = vec![0.0; size * size];
        for (counts, times) in self.images.iter().zip(times) {
            let others = counts.iter().map(|(_, count)| count).sum::<f64>() - 1.0;
            for (row, first) in counts {
                for (column, second) in counts {
                    let second = if row == column { second - 1.0 } else { *second };
                    pairs[row * size + column] += f64::from(*times) * first * second / others;
                }
            }
        }
        let totals = pairs.chunks_exact(size.max(1)).map(|row| row.iter().sum()).collect();
        Coincidences { values: self.values.clone(), pairs, totals }
    }
}

/// Agreement at one level, and how sure it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Alpha {
    /// Alpha; `None` where there is nothing to disagree about.
    pub value: Option<f64>,
    /// Its 95 % interval: percentiles over resamples of images.
    pub interval: Option<Interval>,
}

/// Agreement at all three levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Alphas {
    /// Images with two votes or more.
    pub images: usize,
    /// Equal or not.
    pub nominal: Alpha,
    /// As an order.
    pub ordinal: Alpha,
    /// As a scale.
    pub interval: Alpha,
}

/// How far people agree at each level, with intervals from resamples of the images.
pub fn alphas(ratings: &Ratings, sampling: Sampling) -> Alphas {
    const LEVELS: [Level; 3] = [Level::Nominal, Level::Ordinal, Level::Interval];
    let pairable = Pairable::of(ratings);
    let images = pairable.images.len();
    let all = pairable.coincidences(&vec![1; images]);
    let strata = Strata::single(images);
    let drawn = resample(sampling, Vec::new, |times, rng| {
        strata.draw(rng, times);
        let coincidences = pairable.coincidences(times);
        Some(LEVELS.map(|level| coincidences.alpha(level).unwrap_or(f64::NAN)))
    });
    let alpha = |at: usize| Alpha { value: all.alpha(LEVELS[at]), interval: drawn.intervals[at] };
    Alphas { images, nominal: alpha(0), ordinal: alpha(1), interval: alpha(2) }
}

impl Coincidences {
    /// Counts `ratings`; images with fewer than two votes say nothing about agreement.
    pub fn of(ratings: &Ratings) -> Self {
        let pairable = Pairable::of(ratings);
        pairable.coincidences(&vec![1; pairable.images.len()])
    }

    /// 1 − observed over expected disagreement: 1 is perfect, 0 is chance; `None` where there is nothing to disagree
    /// about, because no image has two votes or all votes are equal.
    pub fn alpha(&self, level: Level) -> Option<f64> {
        let size = self.values.len();
        let n: f64 = self.totals.iter().sum();
        let (mut observed, mut expected) = (0.0, 0.0);
        for row in 0..size {
            for column in row + 1..size {
                let difference = self.difference(level, row, column);
                observed += difference * self.pairs[row * size + column];
                expected += difference * self.totals[row] * self.totals[column];
            }
        }
        (expected > 0.0).then(|| 1.0 - (n - 1.0) * observed / expected)
    }

    /// The squared difference between the values at two places, the first being the lower one.
    fn difference(&self, level: Level, low: usize, high: usize) -> f64 {
        match level {
            Level::Nominal => 1.0,
            Level::Interval => (self.values[high] - self.values[low]).powi(2),
            Level::Ordinal => {
                let between: f64 = self.totals[low..=high].iter().sum();
                (between - f64::midpoint(self.totals[low], self.totals[high])).powi(2)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Rating;

    fn ratings(images: &[&[f64]]) -> Ratings {
        let numbered = (0..).zip(images);
        let of_image = |(image, scores): (u32, &&[f64])| {
            let rating = move |(annotator, score): (u32, &f64)| Rating { image, annotator, score: *score };
            (0..).zip(scores.iter()).map(rating).collect::<Vec<_>>()
        };
        Ratings::new(numbered.flat_map(of_image).collect()).unwrap()
    }

    #[test]
    fn alpha_lies_in_its_interval_and_more_images_make_it_narrower() {
        let mixed: [&[f64]; 6] =
            [&[1.0, 2.0], &[3.0, 3.0], &[7.0, 5.0], &[8.0, 8.0, 9.0], &[4.0, 6.0], &[2.0]];
        let few = alphas(&ratings(&mixed), Sampling::default());
        let many = alphas(&ratings(&mixed.repeat(20)), Sampling::default());
        assert_eq!((few.images, many.images), (5, 100), "one vote says nothing");
        for (few, many) in [(few.ordinal, many.ordinal), (few.interval, many.interval)] {
            let width = |alpha: Alpha| alpha.interval.map(|sure| sure.high - sure.low).unwrap();
            assert!(few.interval.unwrap().contains(few.value.unwrap()), "{few:?}");
            assert!(width(many) < width(few) / 2.0, "{few:?} {many:?}");
        }
        let level = Coincidences::of(&ratings(&mixed)).alpha(Level::Ordinal);
        assert_eq!(few.ordinal.value, level);
    }

    #[test]
    fn there_is_no_alpha_where_nobody_could_disagree() {
        let same = alphas(&ratings(&[&[5.0, 5.0], &[5.0, 5.0]]), Sampling::default());
        assert_eq!((same.images, same.nominal), (2, Alpha::default()));
        assert_eq!(alphas(&ratings(&[]), Sampling::default()), Alphas::default());
    }
}
