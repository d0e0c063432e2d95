//! Which images a round's list has. Pure: a function of the candidates and of chance.

use std::collections::HashMap;

use rand::{
    Rng,
    seq::{IndexedRandom, SliceRandom},
};

use crate::{
    decode::PerceptualHash,
    store::round_images::{Candidate, Drawn},
};

/// Photos of one listing whose perceptual hashes differ in at most so many of the 64 bits are taken for one.
const NEAR: u32 = 4;

/// Leaves out each photo that is nearly identical with an earlier one of its listing.
pub fn without_near_copies(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept_of: HashMap<String, Vec<PerceptualHash>> = HashMap::new();
    let is_new = |candidate: &Candidate| {
        let (Some(listing), Some(phash)) = (&candidate.listing, candidate.phash) else { return true };
        let kept = kept_of.entry(listing.clone()).or_default();
        let is_new = kept.iter().all(|other| other.distance(phash) > NEAR);
        if is_new {
            kept.push(phash);
        }
        is_new
    };
    candidates.into_iter().filter(is_new).collect()
}

/// Draws `size` of the candidates (all, where there are not more), at random: the audit set's share of them, rounded up,
/// and the rest from the others, in random order.
pub fn sample(candidates: &[Candidate], size: usize, rng: &mut impl Rng) -> Vec<Drawn> {
    let (audit, others): (Vec<_>, Vec<_>) = candidates.iter().partition(|candidate| candidate.audit);
    let size = size.min(candidates.len());
    let of_audit = (size * audit.len()).div_ceil(candidates.len().max(1));
    let mut list = part(&audit, of_audit, "audit set", rng);
    list.extend(part(&others, size - of_audit, "random", rng));
    list.shuffle(rng);
    list
}

/// All candidates that are not in the audit set, in their order.
pub fn all_but_audit(candidates: &[Candidate], why: &'static str) -> Vec<Drawn> {
    let others = candidates.iter().filter(|candidate| !candidate.audit);
    others.map(|candidate| Drawn { image: candidate.image, why, probability: 1.0 }).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a list has far fewer than 2^52 images")]
fn part(from: &[&Candidate], size: usize, why: &'static str, rng: &mut impl Rng) -> Vec<Drawn> {
    let probability = size as f64 / from.len().max(1) as f64;
    from.sample(rng, size).map(|candidate| Drawn { image: candidate.image, why, probability }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use uuid::Uuid;

    use super::*;
    use crate::{domain::ImageId, statistics};

    fn candidate(number: u128, listing: Option<&str>, bits: i64, audit: bool) -> Candidate {
        Candidate {
            image: ImageId(Uuid::from_u128(number)),
            listing: listing.map(str::to_owned),
            phash: Some(PerceptualHash::from_i64(bits)),
            audit,
        }
    }

    #[test]
    fn of_a_listings_near_copies_the_first_stays_and_other_listings_keep_theirs() {
        let list = vec![
            candidate(0, Some("a"), 0, false),
            candidate(1, Some("a"), 0b1111, false),
            candidate(2, Some("a"), 0b1_1111, false),
            candidate(3, Some("b"), 0, false),
            candidate(4, None, 0, false),
            candidate(5, None, 0, false),
        ];
        let kept: Vec<_> = without_near_copies(list).iter().map(|kept| kept.image.0.as_u128()).collect();
        assert_eq!(kept, [0, 2, 3, 4, 5]);
    }

    proptest! {
        #[test]
        fn a_sample_has_its_size_no_image_twice_and_its_share_of_the_audit_set(
            audit in proptest::collection::vec(any::<bool>(), 0..300), size in 0..320_usize, seed: u64,
        ) {
            let candidates: Vec<_> =
                audit.iter().enumerate().map(|(number, audit)| candidate(number as u128, None, 0, *audit)).collect();
            let list = sample(&candidates, size, &mut statistics::Rng::seed_from_u64(seed));
            prop_assert_eq!(list.len(), size.min(candidates.len()));
            let mut images: Vec<_> = list.iter().map(|drawn| drawn.image).collect();
            images.sort_unstable();
            images.dedup();
            prop_assert_eq!(images.len(), list.len());
            let all_audit = audit.iter().filter(|audit| **audit).count();
            let drawn_audit = list.iter().filter(|drawn| drawn.why == "audit set").count();
            let share = list.len() as f64 * all_audit as f64 / candidates.len().max(1) as f64;
            prop_assert!((drawn_audit as f64) >= share - 1e-9 && (drawn_audit as f64) < share + 1.0);
            prop_assert!(list.iter().all(|drawn| drawn.probability > 0.0 && drawn.probability <= 1.0));
        }
    }

    #[test]
    fn bulk_leaves_the_audit_set_out() {
        let list = [candidate(0, None, 0, true), candidate(1, None, 0, false)];
        assert_eq!(all_but_audit(&list, "chosen").len(), 1);
    }
}
