//! How far people agree beyond chance: Krippendorff's alpha (Content Analysis, 2004, chapter 11), with missing votes.

use serde::Serialize;

use super::Ratings;

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

impl Coincidences {
    /// Counts `ratings`; images with fewer than two votes say nothing about agreement.
    pub fn of(ratings: &Ratings) -> Self {
        let pairable = || ratings.by_image().filter(|votes| votes.len() > 1);
        let mut values: Vec<f64> = pairable().flatten().map(|(_, score)| *score).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let size = values.len();
        let mut pairs = vec![0.0; size * size];
        for votes in pairable() {
            let places = votes.iter().map(|(_, score)| values.partition_point(|value| value < score));
            let mut counts: Vec<(usize, f64)> = Vec::new();
            for place in places {
                match counts.iter_mut().find(|(known, _)| *known == place) {
                    Some((_, count)) => *count += 1.0,
                    None => counts.push((place, 1.0)),
                }
            }
            let others = votes.len() as f64 - 1.0;
            for (row, first) in &counts {
                for (column, second) in &counts {
                    let second = if row == column { second - 1.0 } else { *second };
                    pairs[row * size + column] += first * second / others;
                }
            }
        }
        let totals = pairs.chunks_exact(size.max(1)).map(|row| row.iter().sum()).collect();
        Self { values, pairs, totals }
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
