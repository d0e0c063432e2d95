//! Correlations of paired numbers in which each pair may count several times.
//!
//! Sorting is done once; a resample then costs O(n) for Pearson and Spearman and O(n log n) for Kendall.

/// Pairs of numbers, ready to be correlated under any multiplicity.
#[derive(Clone, Debug)]
pub(super) struct Paired {
    x: Column,
    y: Column,
    /// The pairs in ascending order of x.
    by_x: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Column {
    values: Vec<f64>,
    /// The place of each value among the distinct ones.
    levels: Vec<u32>,
    distinct: usize,
}

impl Column {
    fn new(values: Vec<f64>) -> (Self, Vec<u32>) {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
        let mut levels = vec![0; values.len()];
        let mut distinct = 0;
        for (place, at) in order.iter().enumerate() {
            let before = place.checked_sub(1).map(|before| values[order[before] as usize]);
            if before.is_some_and(|before| before != values[*at as usize]) {
                distinct += 1;
            }
            levels[*at as usize] = distinct as u32;
        }
        let distinct = if values.is_empty() { 0 } else { distinct + 1 };
        (Self { values, levels, distinct }, order)
    }

    /// How many of the drawn pairs lie on each level.
    fn sizes(&self, times: &[u32]) -> Vec<u64> {
        let mut sizes = vec![0; self.distinct];
        self.levels.iter().zip(times).for_each(|(level, times)| sizes[*level as usize] += u64::from(*times));
        sizes
    }

    /// The mid-rank of each pair among the drawn ones.
    fn ranks(&self, times: &[u32]) -> Vec<f64> {
        let mut below = 0;
        let rank = |size: u64| {
            let rank = below as f64 + (size as f64 + 1.0) / 2.0;
            below += size;
            rank
        };
        let of_level: Vec<f64> = self.sizes(times).into_iter().map(rank).collect();
        self.levels.iter().map(|level| of_level[*level as usize]).collect()
    }
}

/// Spearman's rank correlation of `x[i]` with `y[i]`, all finite, with mid-ranks; NaN where one side is constant.
pub fn spearman(x: Vec<f64>, y: Vec<f64>) -> f64 {
    let once = vec![1; x.len()];
    Paired::new(x, y).spearman(&once)
}

impl Paired {
    /// Pairs `x[i]` with `y[i]`; both are finite.
    pub(super) fn new(x: Vec<f64>, y: Vec<f64>) -> Self {
        let (x, by_x) = Column::new(x);
        let (y, _) = Column::new(y);
        Self { x, y, by_x }
    }

    /// Pearson's correlation; NaN where one side is constant.
    pub(super) fn pearson(&self, times: &[u32]) -> f64 {
        pearson(&self.x.values, &self.y.values, times)
    }

    /// Spearman's rank correlation with mid-ranks; NaN where one side is constant.
    pub(super) fn spearman(&self, times: &[u32]) -> f64 {
        pearson(&self.x.ranks(times), &self.y.ranks(times), times)
    }

    /// Kendall's tau-b (Kendall 1945) by counting inversions in a Fenwick tree; NaN where one side is constant.
    pub(super) fn kendall(&self, times: &[u32]) -> f64 {
        let mut seen = Fenwick::new(self.y.distinct);
        // Concordant less discordant pairs; a pair on one level of either side is neither.
        let mut surplus = 0_i64;
        for group in self.by_x.chunk_by(|a, b| self.x.levels[*a as usize] == self.x.levels[*b as usize]) {
            let drawn = || group.iter().map(|at| *at as usize).filter(|at| times[*at] > 0);
            for at in drawn() {
                let level = self.y.levels[at] as usize;
                let (below, not_above) = (seen.sum(level), seen.sum(level + 1));
                surplus += i64::from(times[at]) * (below - (seen.total - not_above));
            }
            drawn().for_each(|at| seen.add(self.y.levels[at] as usize, i64::from(times[at])));
        }
        let pairs = |n: u64| n as f64 * (n as f64 - 1.0) / 2.0;
        let untied = |column: &Column| {
            let sizes = column.sizes(times);
            pairs(sizes.iter().sum()) - sizes.into_iter().map(pairs).sum::<f64>()
        };
        let scale = untied(&self.x).sqrt() * untied(&self.y).sqrt();
        if scale > 0.0 { surplus as f64 / scale } else { f64::NAN }
    }
}

fn pearson(x: &[f64], y: &[f64], times: &[u32]) -> f64 {
    let drawn = || x.iter().zip(y).zip(times).filter(|(_, times)| **times > 0);
    let Some(((first_x, first_y), _)) = drawn().next() else { return f64::NAN };
    // Rounding may leave a constant a little variance, and that a correlation.
    if drawn().all(|((x, _), _)| x == first_x) || drawn().all(|((_, y), _)| y == first_y) {
        return f64::NAN;
    }
    let (mut n, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for ((x, y), times) in drawn() {
        let times = f64::from(*times);
        n += times;
        sum_x += times * x;
        sum_y += times * y;
    }
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for ((x, y), times) in drawn() {
        let (times, x, y) = (f64::from(*times), x - mean_x, y - mean_y);
        xx += times * x * x;
        yy += times * y * y;
        xy += times * x * y;
    }
    (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)
}

/// Prefix sums that can be added to, both in O(log n) (Fenwick 1994).
struct Fenwick {
    sums: Vec<i64>,
    total: i64,
}

impl Fenwick {
    fn new(size: usize) -> Self {
        Self { sums: vec![0; size + 1], total: 0 }
    }

    fn add(&mut self, at: usize, count: i64) {
        self.total += count;
        let mut node = at + 1;
        while node < self.sums.len() {
            self.sums[node] += count;
            node += node & node.wrapping_neg();
        }
    }

    /// The sum of the entries before `end`.
    fn sum(&self, end: usize) -> i64 {
        let (mut node, mut sum) = (end, 0);
        while node > 0 {
            sum += self.sums[node];
            node &= node - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_constant_correlates_with_nothing() {
        let paired = Paired::new(vec![0.1; 3], vec![1.0, 2.0, 3.0]);
        for found in [paired.pearson(&[1; 3]), paired.spearman(&[1; 3]), paired.kendall(&[1; 3])] {
            assert!(found.is_nan(), "{found}");
        }
        assert!(Paired::new(vec![], vec![]).spearman(&[]).is_nan());
    }

    fn tau_by_pairs(x: &[f64], y: &[f64]) -> f64 {
        let (mut surplus, mut untied_x, mut untied_y) = (0.0, 0.0_f64, 0.0_f64);
        for i in 0..x.len() {
            for j in 0..i {
                let sign = |a: f64, b: f64| {
                    if a > b {
                        1.0
                    } else if a < b {
                        -1.0
                    } else {
                        0.0
                    }
                };
                let (dx, dy) = (sign(x[i], x[j]), sign(y[i], y[j]));
                surplus += dx * dy;
                untied_x += dx * dx;
                untied_y += dy * dy;
            }
        }
        surplus / (untied_x * untied_y).sqrt()
    }

    proptest! {
        #[test]
        fn counting_a_pair_twice_is_having_it_twice(
            pairs in prop::collection::vec((0..6_u8, 0..6_u8, 0..4_u32), 2..40)
        ) {
            let column = |of: fn(&(u8, u8, u32)) -> u8| pairs.iter().map(|pair| f64::from(of(pair))).collect::<Vec<_>>();
            let times: Vec<u32> = pairs.iter().map(|pair| pair.2).collect();
            let counted = Paired::new(column(|pair| pair.0), column(|pair| pair.1));
            let repeat = |values: Vec<f64>| values.iter().zip(&times)
                .flat_map(|(value, times)| std::iter::repeat_n(*value, *times as usize)).collect::<Vec<_>>();
            let (x, y) = (repeat(column(|pair| pair.0)), repeat(column(|pair| pair.1)));
            let ones = vec![1; x.len()];
            let repeated = Paired::new(x.clone(), y.clone());
            let same = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9;
            prop_assert!(same(counted.pearson(&times), repeated.pearson(&ones)));
            prop_assert!(same(counted.spearman(&times), repeated.spearman(&ones)));
            prop_assert!(same(counted.kendall(&times), repeated.kendall(&ones)));
            prop_assert!(same(repeated.kendall(&ones), tau_by_pairs(&x, &y)));
        }
    }
}
