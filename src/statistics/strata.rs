//! Drawing groups with replacement, each stratum for itself.

use rand::Rng as _;

use super::Rng;

/// Groups (numbered from 0) sorted into strata; each stratum keeps its size in every draw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strata {
    strata: Vec<Vec<u32>>,
    groups: usize,
}

impl Strata {
    /// The strata that `stratum_of` names for each group.
    pub fn new(stratum_of: impl IntoIterator<Item = usize>) -> Self {
        let mut strata: Vec<Vec<u32>> = Vec::new();
        let mut groups = 0;
        for (group, stratum) in stratum_of.into_iter().enumerate() {
            if strata.len() <= stratum {
                strata.resize(stratum + 1, Vec::new());
            }
            strata[stratum].push(group as u32);
            groups += 1;
        }
        Self { strata, groups }
    }

    /// One stratum of `groups` groups.
    pub fn single(groups: usize) -> Self {
        Self::new((0..groups).map(|_| 0))
    }

    /// How many groups there are.
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// The groups of each stratum.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.strata.iter().map(Vec::as_slice)
    }

    /// Draws as many groups from each stratum as it has, with replacement: how often each group was drawn.
    pub fn draw(&self, rng: &mut Rng, times: &mut Vec<u32>) {
        times.clear();
        times.resize(self.groups, 0);
        for stratum in &self.strata {
            let size = stratum.len() as u64;
            for _ in 0..stratum.len() {
                // A multiplication in place of a division (Lemire 2019); at fewer than 2³² groups its bias is below 2⁻³².
                let index = (u128::from(rng.next_u64()) * u128::from(size)) >> 64;
                times[stratum[index as usize] as usize] += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Sampling;

    #[test]
    fn a_draw_keeps_the_size_of_each_stratum() {
        let strata = Strata::new([0, 1, 1, 0, 1]);
        let mut times = Vec::new();
        for index in 0..50 {
            strata.draw(&mut Sampling::default().rng(index), &mut times);
            assert_eq!((times[0] + times[3], times[1] + times[2] + times[4]), (2, 3));
        }
    }

    #[test]
    fn every_group_is_drawn_about_once() {
        let strata = Strata::single(10);
        let (mut times, mut sums) = (Vec::new(), [0; 10]);
        for index in 0..1_000 {
            strata.draw(&mut Sampling::default().rng(index), &mut times);
            sums.iter_mut().zip(&times).for_each(|(sum, times)| *sum += times);
        }
        assert!(sums.iter().all(|sum| (850..1_150).contains(sum)), "{sums:?}");
    }
}
