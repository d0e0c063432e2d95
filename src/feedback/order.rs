//! The order in which an annotator sees the images of a round. Pure.

use rand::{SeedableRng, seq::SliceRandom};

use crate::statistics::Rng;

/// Each annotator's own random order of the places `0..images`, by their seed: the same whenever it is asked for.
pub fn own(seed: i64, images: i32) -> Vec<i32> {
    let mut places: Vec<i32> = (0..images.max(0)).collect();
    places.shuffle(&mut Rng::seed_from_u64(seed.cast_unsigned()));
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_order_has_every_place_once_and_stays_the_same(seed: i64, images in 0..500_i32) {
            let order = own(seed, images);
            prop_assert_eq!(&order, &own(seed, images));
            let mut sorted = order;
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..images));
        }
    }

    #[test]
    fn two_annotators_see_different_orders() {
        assert_ne!(own(1, 50), own(2, 50));
    }
}
