//! Takes what annotators say about the images that were handed to them. Every judgement carries a key that its sender
//! made: the same one twice is stored once.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{FeedbackError, Seat};
use crate::{
    domain::{ImageId, RoundState, Score, SkipKind},
    store::{
        BEGIN_BY_KEY, corrections, evidence, image_views,
        reservations::{self, Reservation},
        round_images,
        rounds::{self, Round},
        skips,
        votes::{self, Circumstances},
    },
};

/// What somebody said about an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The image.
    pub image: ImageId,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
    /// Made by the sender for this judgement.
    pub key: Uuid,
    /// The score, where the round asks for one.
    pub score: Option<Score>,
    /// The answer to the watch question, where the round asks it.
    pub is_watch: Option<bool>,
    /// Seconds from picture shown to answer.
    pub seconds: Option<f64>,
    /// Longer side of the picture as it was shown, in device pixels.
    pub pixels_shown: Option<i32>,
}

/// What became of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is stored, the first one of this person on this image.
    First,
    /// It is stored; the earlier one is kept and superseded.
    Changed,
    /// They had said the same before.
    Same,
    /// This very judgement was stored already.
    Again,
}

/// Stores a judgement, and what follows from it for the catalog.
///
/// A judgement of an image that was handed out is always taken, also when the reservation has expired, or the round
/// was closed meanwhile: it may have waited for the network. Only a change needs an open round.
///
/// # Errors
/// See [`FeedbackError`].
pub async fn submit(seat: &Seat<'_>, judgement: &Judgement) -> Result<Taken, FeedbackError> {
    let mut tx = seat.pool.begin_with(BEGIN_BY_KEY).await?;
    if !evidence::lock(&mut tx, judgement.image).await? {
        return Err(FeedbackError::NotServed);
    }
    if votes::by_key(&mut tx, seat.whose, judgement.key).await?.is_some() {
        return Ok(Taken::Again);
    }
    let round = rounds::find(&mut tx, seat.whose.round).await?.ok_or(FeedbackError::NoRound)?;
    fits(&round, judgement)?;
    let reservation = reservations::find(&mut tx, seat.whose, judgement.image, judgement.occurrence).await?;
    let reservation = reservation.ok_or(FeedbackError::NotServed)?;
    let circumstances = circumstances(seat, &mut tx, &round, judgement, reservation).await?;
    let (taken, judged) = store(seat, &mut tx, &round, judgement, &circumstances).await?;
    if matches!(taken, Taken::First | Taken::Changed) && judgement.occurrence == 0 {
        refresh(&mut tx, &round, judgement.image).await?;
    }
    let is_first = taken == Taken::First;
    if is_first {
        let what = (judgement.image, judgement.occurrence);
        reservations::set_state(&mut tx, seat.whose, what, "answered", seat.now()).await?;
        skips::withdraw(&mut tx, seat.whose, judgement.image, seat.now()).await?;
    }
    tx.commit().await?;
    if judged >= i32::from(round.plan.judgements) {
        // After the commit: of two last judgements at the same moment one must see the other.
        close_if_done(seat, &round).await?;
    }
    Ok(taken)
}

/// Recounts what people say about an image, as far as the round asks for it.
async fn refresh(conn: &mut PgConnection, round: &Round, image: ImageId) -> sqlx::Result<()> {
    if round.plan.asks_quality {
        evidence::refresh_votes(&mut *conn, &[image.0]).await?;
    }
    if round.plan.question.is_some() {
        evidence::refresh_answers(conn, &[image.0]).await?;
    }
    Ok(())
}

/// Closes the round if this was the last judgement that it lacked.
async fn close_if_done(seat: &Seat<'_>, round: &Round) -> Result<(), FeedbackError> {
    let mut conn = seat.pool.acquire().await?;
    rounds::close_if_done(&mut conn, round.id, seat.now()).await?;
    Ok(())
}

fn fits(round: &Round, judgement: &Judgement) -> Result<(), FeedbackError> {
    let (quality, question) = (round.plan.asks_quality, round.plan.question);
    if judgement.score.is_some() == quality && judgement.is_watch.is_some() == question.is_some() {
        Ok(())
    } else {
        Err(FeedbackError::WrongAnswer { quality, question })
    }
}

async fn circumstances(
    seat: &Seat<'_>,
    conn: &mut PgConnection,
    round: &Round,
    judgement: &Judgement,
    reservation: Reservation,
) -> Result<Circumstances, FeedbackError> {
    let has_seen = image_views::has_seen(conn, seat.whose.annotator, judgement.image).await?;
    let saw = !round.plan.blind || has_seen;
    Ok(Circumstances {
        image: judgement.image,
        occurrence: judgement.occurrence,
        key: judgement.key,
        seconds: judgement.seconds,
        saw_model: saw,
        saw_others: saw,
        pixels_shown: judgement.pixels_shown,
        served_why: reservation.why,
        served_probability: reservation.probability,
        at: seat.now(),
    })
}

/// Appends the answers that differ from the current ones. What became of them, and how many judgements the image has if this
/// was one more; else 0.
async fn store(
    seat: &Seat<'_>,
    conn: &mut PgConnection,
    round: &Round,
    judgement: &Judgement,
    with: &Circumstances,
) -> Result<(Taken, i32), FeedbackError> {
    let (whose, image, occurrence) = (seat.whose, judgement.image, judgement.occurrence);
    let vote = match round.plan.asks_quality {
        true => votes::current(conn, whose, image, occurrence).await?,
        false => None,
    };
    let answer = match round.plan.question {
        Some(_) => corrections::current(conn, whose, image, occurrence).await?,
        None => None,
    };
    let is_first = vote.is_none() && answer.is_none();
    let new_score = judgement.score.filter(|score| vote.is_none_or(|vote| vote.score != score.get()));
    let new_answer = round.plan.question.zip(judgement.is_watch);
    let new_answer = new_answer.filter(|(_, is)| answer.is_none_or(|answer| answer.is_watch != *is));
    if new_score.is_none() && new_answer.is_none() {
        return Ok((Taken::Same, 0));
    }
    if !is_first && round.state != RoundState::Open {
        return Err(FeedbackError::Closed);
    }
    if let Some(score) = new_score {
        if let Some(vote) = vote {
            votes::supersede(conn, vote.id, with.at).await?;
        }
        votes::add(conn, whose, score, with).await?;
    }
    if let Some(new) = new_answer {
        if let Some(answer) = answer {
            corrections::supersede(conn, answer.id, with.at).await?;
        }
        corrections::add(conn, whose, new, with).await?;
    }
    if !is_first {
        return Ok((Taken::Changed, 0));
    }
    let judged = match occurrence {
        0 => round_images::count(conn, whose.round, image, 1).await?,
        _ => 0,
    };
    Ok((Taken::First, judged))
}

/// An image that somebody leaves unjudged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The image.
    pub image: ImageId,
    /// 1 for a silent repeat, else 0.
    pub occurrence: i16,
    /// Made by the sender for this skip.
    pub key: Uuid,
    /// Until later, or for good.
    pub kind: SkipKind,
    /// Why it cannot be judged.
    pub why: Option<String>,
}

/// Stores a skip: the image is free for others at once.
///
/// # Errors
/// See [`FeedbackError`].
pub async fn skip(seat: &Seat<'_>, skip: &Skip) -> Result<(), FeedbackError> {
    let mut tx = seat.pool.begin().await?;
    if !evidence::lock(&mut tx, skip.image).await? {
        return Err(FeedbackError::NotServed);
    }
    let reservation = reservations::find(&mut tx, seat.whose, skip.image, skip.occurrence).await?;
    reservation.ok_or(FeedbackError::NotServed)?;
    let is_judged = votes::current(&mut tx, seat.whose, skip.image, skip.occurrence).await?.is_some()
        || corrections::current(&mut tx, seat.whose, skip.image, skip.occurrence).await?.is_some();
    let why = skip.why.as_deref();
    let stamp = (skip.key, seat.now());
    if !is_judged && skips::add(&mut tx, seat.whose, skip.image, (skip.kind, why), stamp).await? {
        let what = (skip.image, skip.occurrence);
        reservations::set_state(&mut tx, seat.whose, what, "skipped", seat.now()).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Takes back what somebody said under this key, judgement or skip, and gives the image into their hands again. Twice
/// is once. The image.
///
/// # Errors
/// See [`FeedbackError`]; a judgement of a closed round stays.
pub async fn undo(seat: &Seat<'_>, key: Uuid) -> Result<Option<ImageId>, FeedbackError> {
    let mut tx = seat.pool.begin().await?;
    if let Some(image) = skips::by_key(&mut tx, seat.whose, key).await? {
        evidence::lock(&mut tx, image).await?;
        if skips::withdraw(&mut tx, seat.whose, image, seat.now()).await? {
            reservations::unskip(&mut tx, seat.whose, image, seat.now()).await?;
        }
        tx.commit().await?;
        return Ok(Some(image));
    }
    let Some(stored) = votes::by_key(&mut tx, seat.whose, key).await? else { return Ok(None) };
    evidence::lock(&mut tx, stored.image).await?;
    if !rounds::keep_open(&mut tx, seat.whose.round).await? {
        return Err(FeedbackError::Closed);
    }
    let round = rounds::find(&mut tx, seat.whose.round).await?.ok_or(FeedbackError::NoRound)?;
    let vote = votes::current(&mut tx, seat.whose, stored.image, stored.occurrence).await?;
    let answer = corrections::current(&mut tx, seat.whose, stored.image, stored.occurrence).await?;
    if let Some(vote) = vote {
        votes::supersede(&mut tx, vote.id, seat.now()).await?;
    }
    if let Some(answer) = answer {
        corrections::supersede(&mut tx, answer.id, seat.now()).await?;
    }
    if vote.is_some() || answer.is_some() {
        let what = (stored.image, stored.occurrence);
        reservations::set_state(&mut tx, seat.whose, what, "held", seat.now()).await?;
        if stored.occurrence == 0 {
            round_images::count(&mut tx, seat.whose.round, stored.image, -1).await?;
            refresh(&mut tx, &round, stored.image).await?;
        }
    }
    tx.commit().await?;
    Ok(Some(stored.image))
}
