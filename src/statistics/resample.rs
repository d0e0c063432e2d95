//! The bootstrap loop: many seeded draws on all cores, summed up as percentile intervals.

use std::{num::NonZeroUsize, panic, thread};

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};

use super::Interval;

/// The generator of every draw: its numbers are the same on every machine.
pub type Rng = Xoshiro256PlusPlus;

/// How many draws, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// The number of draws.
    pub draws: usize,
    /// What every draw's generator is made from.
    pub seed: u64,
}

impl Sampling {
    /// The generator of draw number `index`.
    pub fn rng(self, index: usize) -> Rng {
        // Odd, so that neighbouring draws of neighbouring seeds never meet.
        Rng::seed_from_u64(self.seed ^ (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

impl Default for Sampling {
    /// 1,000 draws from seed 1.
    fn default() -> Self {
        Self { draws: 1_000, seed: 1 }
    }
}

/// The 95 % intervals of `K` figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intervals<const K: usize> {
    /// One per figure; `None` where fewer than two draws gave a number.
    pub intervals: [Option<Interval>; K],
    /// Draws that gave no figures at all, for instance because they held one class only.
    pub dropped: usize,
}

/// Calls `draw` once per draw, on all cores, and takes the percentile interval of each figure over the draws.
///
/// `scratch` makes what a thread reuses from draw to draw; `draw` answers `None` for a draw that says nothing, and NaN for
/// a figure that it leaves undefined.
pub fn resample<S, const K: usize>(
    sampling: Sampling,
    scratch: impl Fn() -> S + Sync,
    draw: impl Fn(&mut S, &mut Rng) -> Option<[f64; K]> + Sync,
) -> Intervals<K> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(sampling.draws.max(1));
    let work = |first: usize| {
        let mut scratch = scratch();
        let draws = (first..sampling.draws).step_by(threads);
        draws.filter_map(|index| draw(&mut scratch, &mut sampling.rng(index))).collect::<Vec<_>>()
    };
    let drawn: Vec<[f64; K]> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
        let results = running.into_iter().map(|thread| thread.join());
        results.flat_map(|result| result.unwrap_or_else(|cause| panic::resume_unwind(cause))).collect()
    });
    Intervals {
        intervals: std::array::from_fn(|figure| {
            Interval::percentile(drawn.iter().map(|values| values[figure]))
        }),
        dropped: sampling.draws - drawn.len(),
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_intervals_and_another_seed_others() {
        let run =
            |seed| resample(Sampling { draws: 200, seed }, || (), |(), rng| Some([rng.random::<f64>()]));
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let interval = run(7).intervals[0].unwrap();
        assert!(interval.low < 0.1 && interval.high > 0.9, "{interval:?}");
    }

    #[test]
    fn draws_that_say_nothing_are_counted() {
        let some = |(): &mut (), rng: &mut Rng| rng.random::<bool>().then_some([1.0, f64::NAN]);
        let drawn = resample(Sampling { draws: 100, seed: 1 }, || (), some);
        assert_eq!(drawn.intervals, [Some(Interval { low: 1.0, high: 1.0 }), None]);
        assert!((30..70).contains(&drawn.dropped), "{}", drawn.dropped);
    }
}
