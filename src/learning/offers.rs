//! The proposal that Home offers unasked: worked out beside the requests, when what it rests on has changed.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Semaphore;

use super::{goal, recalibration::LabelSets};
use crate::{
    calibration::{Objective, PairedGain, Proposal},
    clock::Clock,
    domain::{ModelId, Threshold},
    gallery::words,
    statistics::Interval,
    store::{
        labels,
        thresholds::{self, Mark},
        viewpoint::Viewpoint,
    },
};

/// Labels that come one by one are not worth a recalculation each.
const SOONEST: TimeDelta = TimeDelta::seconds(30);
/// Then the work is done again even if no label changed: the catalog, whose confidences weigh them, may have.
const LATEST: TimeDelta = TimeDelta::minutes(15);

/// A threshold that the labels speak for with certainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    model: ModelId,
    /// The threshold in use.
    pub current: Threshold,
    /// The one that is better.
    pub proposed: Threshold,
    /// What it is better for.
    pub objective: Objective,
    /// By how much, on images that did not choose it.
    pub gain: PairedGain,
}

impl Offer {
    /// The offer in a sentence.
    pub fn in_words(&self, model: &str) -> String {
        let [current, proposed] =
            [self.current, self.proposed].map(|threshold| words::probability(threshold.get()));
        let gain = match self.gain.interval {
            Some(Interval { low, high }) => {
                format!("{:.3} (95 % interval {low:.3} to {high:.3})", self.gain.gain)
            }
            None => format!("{:.3}", self.gain.gain),
        };
        format!(
            "People’s labels speak for a threshold of {proposed} instead of {current} for “{model}”: {} rises by {gain} on \
             images that did not choose it.",
            goal::measure(self.objective),
        )
    }

    /// The page that shows it.
    pub fn path(&self) -> String {
        format!("/threshold?{}", goal::query(self.objective))
    }
}

/// What was worked out last.
#[derive(Clone, Debug)]
struct Known {
    from: Mark,
    at: DateTime<Utc>,
    offer: Option<Offer>,
}

/// The latest offer of this process.
#[derive(Clone, Debug)]
pub struct Offers {
    known: Arc<Mutex<Option<Known>>>,
    /// One calculation at a time.
    turn: Arc<Semaphore>,
    clock: Clock,
}

impl Offers {
    /// Nothing is known yet.
    pub fn new(clock: Clock) -> Self {
        Self { known: Arc::default(), turn: Arc::new(Semaphore::new(1)), clock }
    }

    /// The offer for the threshold in use, if there is one; the first look, and the first after a change, only start the
    /// calculation, so that no page waits for it.
    ///
    /// # Errors
    /// When the database refuses to say what the labels are.
    pub async fn look(
        &self,
        pool: &PgPool,
        conn: &mut PgConnection,
        view: &Viewpoint,
    ) -> sqlx::Result<Option<Offer>> {
        let Some(current) = view.threshold else { return Ok(None) };
        let mark = thresholds::mark(conn, view.watch_model).await?;
        let known = self.known();
        let age = known.as_ref().map_or(TimeDelta::MAX, |known| self.clock.now() - known.at);
        let is_changed = known.as_ref().is_none_or(|known| known.from != mark);
        if age > LATEST || (is_changed && age > SOONEST) {
            self.work_out(pool.clone(), view.clone(), mark);
        }
        let offer = known.and_then(|known| known.offer);
        Ok(offer.filter(|offer| offer.model == view.watch_model && offer.current == current))
    }

    /// Starts a calculation, unless one is under way.
    fn work_out(&self, pool: PgPool, view: Viewpoint, from: Mark) {
        let Ok(turn) = self.turn.clone().try_acquire_owned() else { return };
        let offers = self.clone();
        tokio::spawn(async move {
            match offer(&pool, &view).await {
                Ok(offer) => {
                    let known = Known { from, at: offers.clock.now(), offer };
                    *offers.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
                }
                Err(error) => {
                    tracing::warn!(%error, "the proposal for Home could not be worked out; it is tried again")
                }
            }
            drop(turn);
        });
    }

    fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The offer that the labels of this moment make, for what the threshold in use was chosen for.
async fn offer(pool: &PgPool, view: &Viewpoint) -> sqlx::Result<Option<Offer>> {
    let Some(current) = view.threshold else { return Ok(None) };
    let mut conn = pool.acquire().await?;
    let images = labels::all(&mut conn, view).await?;
    let catalog = labels::histogram(&mut conn, view).await?;
    let objective = thresholds::objective(&mut conn, view.watch_model).await?.unwrap_or(Objective::F1);
    drop(conn);
    // Too few labels, or of one class: there is nothing to offer, and the Threshold page says why.
    let proposal = LabelSets::of(&images).propose(catalog, current, objective).await.ok();
    let worthy = proposal.filter(Proposal::is_worth_offering);
    Ok(worthy.map(|proposal| Offer {
        model: view.watch_model,
        current,
        proposed: proposal.best.threshold,
        objective,
        gain: proposal.gain,
    }))
}
