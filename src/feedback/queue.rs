//! Hands the images of a round out. An image is offered while its current judgements and other people's live
//! reservations are fewer than it needs; nobody gets one twice, except as a silent repeat.

use chrono::{DateTime, Utc};
use rand::{Rng, RngExt};
use sqlx::{Connection as _, PgConnection};

use super::{FeedbackError, Seat, order};
use crate::{
    domain::{RoundState, ServingOrder},
    store::{
        BEGIN_BY_KEY_WITHOUT_WAIT,
        reservations::{self, Held, Served},
        round_annotators::{self, Place},
        round_images::{self, Listed, Offer},
        rounds::{self, Round},
    },
};

/// An annotator holds so many images: the one that is shown, and three that are preloaded.
pub const HOLD: usize = 4;

/// Between a picture and its silent repeat at least so many others are shown.
pub const REPEAT_APART: i32 = 50;

/// In doubtful-first order this share of the images is chosen at random.
pub const RANDOM_SHARE: f64 = 0.2;

/// Places that are looked at in one query, first, then; after that the rest at once.
const CHUNKS: [usize; 2] = [4, 256];

/// What chance says about the next image.
#[derive(Clone, Copy, Debug)]
struct Dice {
    seed: i64,
    is_random: bool,
    repeats: f64,
    shuffle: i64,
}

impl Dice {
    fn throw(rng: &mut impl Rng) -> Self {
        Self {
            seed: rng.random(),
            is_random: rng.random::<f64>() < RANDOM_SHARE,
            repeats: rng.random(),
            shuffle: rng.random(),
        }
    }
}

/// Fills somebody's hands with up to [`HOLD`] images, and answers what they hold, next one first. Nothing when there
/// is nothing for them now: [`waiting`] says why.
///
/// # Errors
/// When there is no such round, or the database refuses.
pub async fn fill(seat: &Seat<'_>, rng: &mut impl Rng) -> Result<Vec<Held>, FeedbackError> {
    let mut conn = seat.pool.acquire().await?;
    let round = rounds::find(&mut conn, seat.whose.round).await?.ok_or(FeedbackError::NoRound)?;
    let now = seat.now();
    if !round.is_serving(now) {
        rounds::close_if_done(&mut conn, round.id, now).await?;
        return Ok(vec![]);
    }
    reservations::renew(&mut conn, seat.whose, now).await?;
    // Each choice is a transaction of its own: none ever waits for two images.
    for _ in reservations::in_hand(&mut conn, seat.whose, now).await?..HOLD {
        if !choose(seat, &mut conn, &round, Dice::throw(rng)).await? {
            break;
        }
    }
    let held = reservations::held(&mut conn, seat.whose, now).await?;
    if held.is_empty() {
        rounds::close_if_done(&mut conn, round.id, now).await?;
    }
    Ok(held)
}

/// What was found for somebody.
enum Next {
    Serve(Served),
    Nothing,
    /// Somebody else was faster with an image: look again, with nothing locked.
    Again,
}

/// Chooses one more image for somebody. Whether there was one, and they had a hand free.
async fn choose(
    seat: &Seat<'_>,
    conn: &mut PgConnection,
    round: &Round,
    dice: Dice,
) -> Result<bool, FeedbackError> {
    let (whose, now) = (seat.whose, seat.now());
    loop {
        let mut tx = conn.begin_with(BEGIN_BY_KEY_WITHOUT_WAIT).await?;
        let place =
            round_annotators::take_place(&mut tx, whose.round, whose.annotator, dice.seed, now).await?;
        // Another tab of theirs may have been faster.
        let has_full_hands = reservations::in_hand(&mut tx, whose, now).await? >= HOLD;
        let next =
            if has_full_hands { Next::Nothing } else { next(&mut tx, seat, round, place, dice).await? };
        match next {
            Next::Again => tx.rollback().await?,
            Next::Nothing => {
                tx.commit().await?;
                return Ok(false);
            }
            Next::Serve(served) => {
                let ordinal = round_annotators::count_served(&mut tx, whose.round, whose.annotator).await?;
                reservations::hold(&mut tx, whose, served, ordinal, now).await?;
                tx.commit().await?;
                return Ok(true);
            }
        }
    }
}

/// A due repeat, else something new, else what they put off.
async fn next(
    conn: &mut PgConnection,
    seat: &Seat<'_>,
    round: &Round,
    place: Place,
    dice: Dice,
) -> Result<Next, FeedbackError> {
    if let Some(served) = repeat(conn, seat, round, place).await? {
        return Ok(Next::Serve(served));
    }
    match fresh(conn, seat, round, place, dice).await? {
        Next::Nothing => put_off(conn, seat, round).await,
        next => Ok(next),
    }
}

/// A picture of theirs that is due to be shown again.
async fn repeat(
    conn: &mut PgConnection,
    seat: &Seat<'_>,
    round: &Round,
    place: Place,
) -> Result<Option<Served>, FeedbackError> {
    if round.plan.repeat_share <= 0.0 {
        return Ok(None);
    }
    let due = reservations::due_repeat(conn, seat.whose, place.served, REPEAT_APART).await?;
    Ok(due.map(|(image, position)| Served {
        image,
        position,
        occurrence: 1,
        why: "repeat",
        probability: Some(round.plan.repeat_share),
        to_repeat: false,
    }))
}

/// A picture that they have not judged yet.
async fn fresh(
    conn: &mut PgConnection,
    seat: &Seat<'_>,
    round: &Round,
    place: Place,
    dice: Dice,
) -> Result<Next, FeedbackError> {
    let had = reservations::had(conn, seat.whose, seat.now()).await?;
    let mut is_had = vec![false; usize::try_from(round.images).unwrap_or(0)];
    for had in had.iter().filter(|had| !had.has_lapsed) {
        if let Some(is_had) = usize::try_from(had.position).ok().and_then(|place| is_had.get_mut(place)) {
            *is_had = true;
        }
    }
    let (why, mut wanted) = match round.plan.order {
        ServingOrder::Random => ("random", order::own(place.seed, round.images)),
        ServingOrder::Doubtful if dice.is_random => ("random", order::own(dice.shuffle, round.images)),
        ServingOrder::Doubtful => ("doubtful", (0..round.images).collect()),
    };
    wanted.retain(|place| usize::try_from(*place).is_ok_and(|place| !is_had[place]));
    let probability = chance(round.plan.order, why, wanted.len());
    let to_repeat = dice.repeats < round.plan.repeat_share;
    let serve = |listed: Listed| Served {
        image: listed.image,
        position: listed.position,
        occurrence: 0,
        why,
        probability,
        to_repeat,
    };
    reserve(conn, offer(seat, round), &wanted, serve).await
}

/// The probability with which this image was the next one: in random order one in as many as they had not been handed.
#[expect(clippy::cast_precision_loss, reason = "a list has far fewer than 2^52 images")]
fn chance(order: ServingOrder, why: &str, left: usize) -> Option<f64> {
    let one_of_all = 1.0 / left.max(1) as f64;
    match (order, why) {
        (ServingOrder::Random, _) => Some(one_of_all),
        (ServingOrder::Doubtful, "random") => Some(RANDOM_SHARE * one_of_all),
        (ServingOrder::Doubtful, _) => Some(1.0 - RANDOM_SHARE + RANDOM_SHARE * one_of_all),
    }
}

/// When nothing else is left: what they put off, the longest ago first.
async fn put_off(conn: &mut PgConnection, seat: &Seat<'_>, round: &Round) -> Result<Next, FeedbackError> {
    let wanted = reservations::put_off(conn, seat.whose).await?;
    let serve = |listed: Listed| Served {
        image: listed.image,
        position: listed.position,
        occurrence: 0,
        why: "later",
        probability: None,
        to_repeat: false,
    };
    reserve(conn, offer(seat, round), &wanted, serve).await
}

/// Locks the first of the places that is on offer. Seen under its lock it may be taken by now.
async fn reserve(
    conn: &mut PgConnection,
    offer: Offer,
    wanted: &[i32],
    serve: impl Fn(Listed) -> Served,
) -> Result<Next, FeedbackError> {
    let (first, rest) = wanted.split_at(CHUNKS[0].min(wanted.len()));
    let (second, third) = rest.split_at(CHUNKS[1].min(rest.len()));
    for chunk in [first, second, third] {
        if chunk.is_empty() {
            break;
        }
        let Some(listed) = round_images::first_on_offer(conn, offer, chunk).await? else { continue };
        round_images::lock(conn, offer.round, listed.image).await?;
        let still = round_images::is_on_offer(conn, offer, listed.image).await?;
        return Ok(if still { Next::Serve(serve(listed)) } else { Next::Again });
    }
    Ok(Next::Nothing)
}

fn offer(seat: &Seat<'_>, round: &Round) -> Offer {
    Offer {
        round: round.id,
        annotator: seat.whose.annotator,
        judgements: round.plan.judgements,
        now: seat.now(),
    }
}

/// Why there is nothing for somebody at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The round is closed.
    Closed,
    /// Colleagues have what is left; it comes back to them if it is not judged by then.
    WithOthers {
        /// Images.
        images: i64,
        /// When the first of them is free again.
        until: DateTime<Utc>,
    },
    /// They have judged all that they can.
    Done,
}

/// Says why [`fill`] had nothing.
///
/// # Errors
/// When there is no such round, or the database refuses.
pub async fn waiting(seat: &Seat<'_>) -> Result<Waiting, FeedbackError> {
    let mut conn = seat.pool.acquire().await?;
    let round = rounds::find(&mut conn, seat.whose.round).await?.ok_or(FeedbackError::NoRound)?;
    if round.state != RoundState::Open || !round.is_serving(seat.now()) {
        return Ok(Waiting::Closed);
    }
    let (images, until) = round_images::with_others(&mut conn, offer(seat, &round)).await?;
    Ok(until.map_or(Waiting::Done, |until| Waiting::WithOthers { images, until }))
}
