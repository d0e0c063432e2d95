//! People against the model, and people against each other.
//!
//! Everything here is a function of values. [`VoteCounts`] are the votes on one image; [`compare`] sets them against a
//! model's distributions; [`HumanScore`] says how sure a mean of votes is; [`gaps`] which images people and model disagree
//! on by more than chance; [`noise_ceiling`] how well any model could do. [`Ratings`] know who voted: [`p910`] estimates
//! scores, bias and inconsistency from them, [`Coincidences`] how far people agree at all (Krippendorff's alpha).
//!
//! Formulas and sources: docs/MATHEMATICS.md.

mod agreement;
mod ceiling;
mod correlation;
mod distance;
mod gap;
mod human;
mod krippendorff;
mod p910;
mod ratings;
mod votes;

pub use agreement::{Agreement, Comparison, Pair, compare};
pub use ceiling::{Ceiling, NoiseCeiling, noise_ceiling};
pub use correlation::spearman;
pub use distance::{emd, wasserstein};
pub use gap::{Gap, gaps};
pub use human::{HumanScore, Pool};
pub use krippendorff::{Alpha, Alphas, Coincidences, Level, alphas};
pub use p910::{Doubt, Floor, ImageScore, Mos, RaterScore, p910};
pub use ratings::{Rating, Ratings, RatingsError};
pub use votes::{NoVotes, VoteCounts};

#[cfg(test)]
mod golden;
