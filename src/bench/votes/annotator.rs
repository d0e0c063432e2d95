//! Somebody who votes once a second, whatever the network does.

use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng};
use serde::Deserialize;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::{
    bench::{
        BenchError,
        synthetic::client::{Answer, Browser},
    },
    domain::RoundId,
};

/// What everybody does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    pub(super) round: RoundId,
    /// How long before their first vote everybody opens the page.
    pub(super) opening: Duration,
    /// Seconds that are not measured.
    pub(super) warm_up: u64,
    /// Votes that each gives, one a second.
    pub(super) votes: u64,
    /// Share of votes that are sent twice, and share of those that are cut off.
    pub(super) faults: f64,
}

/// Somebody who is signed in.
pub(super) struct Annotator {
    pub(super) browser: Browser,
    pub(super) shift: Shift,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) times_ms: Vec<f64>,
    /// Keys of the votes that the server said it has.
    pub(super) accepted: Vec<Uuid>,
    pub(super) repeated: usize,
    pub(super) cut_off: usize,
    pub(super) refused: usize,
    pub(super) without_image: usize,
}

/// What an answer tells.
#[derive(Debug, Deserialize)]
struct Hands {
    held: Vec<Held>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Held {
    image: Uuid,
    occurrence: i16,
}

/// What happens to a vote on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// It is sent a second time.
    Repeated,
    /// The connection breaks after that share of its bytes.
    CutOff(f64),
}

impl Fault {
    fn draw(share: f64, rng: &mut impl Rng) -> Self {
        let drawn: f64 = rng.random();
        if drawn < share {
            Self::Repeated
        } else if drawn < 2.0 * share {
            // Half of them reach the server whole, and only the answer is lost.
            Self::CutOff(if rng.random() { 1.0 } else { rng.random_range(0.1..1.0) })
        } else {
            Self::None
        }
    }
}

impl Annotator {
    /// Votes from `start` on.
    pub(super) async fn work(self, start: Instant) -> Result<Tally, BenchError> {
        let (mut rng, mut tally) = (SmallRng::from_rng(&mut rand::rng()), Tally::default());
        let path = format!("/score/{}", self.shift.round);
        sleep_until((start - self.shift.opening).into()).await;
        let opened = self.browser.connect().await?.post(&format!("{path}/next"), "").await?;
        let mut held = hands(&opened)?;
        // A connection is not kept as long as it takes until everybody is there.
        sleep_until(start.into()).await;
        let mut connection = self.browser.connect().await?;
        for number in 0..self.shift.votes {
            let due = start + Duration::from_secs(number);
            sleep_until(due.into()).await;
            let Some(next) = held.first() else {
                tally.without_image += 1;
                held = hands(&connection.post(&format!("{path}/next"), "").await?)?;
                continue;
            };
            let key = Uuid::from_u128(rng.random());
            let form = form(next, key, rng.random_range(1..=10));
            let fault = Fault::draw(self.shift.faults, &mut rng);
            if let Fault::CutOff(share) = fault {
                self.browser.connect().await?.cut_off(&path, &form, share).await?;
                tally.cut_off += 1;
            }
            let answer = connection.post(&path, &form).await?;
            if number >= self.shift.warm_up {
                tally.times_ms.push(due.elapsed().as_secs_f64() * 1e3);
            }
            if answer.status != 200 {
                tally.refused += 1;
                held.remove(0);
                continue;
            }
            tally.accepted.push(key);
            held = hands(&answer)?;
            if fault == Fault::Repeated {
                held = hands(&connection.post(&path, &form).await?)?;
                tally.repeated += 1;
            }
        }
        Ok(tally)
    }
}

impl Tally {
    /// Counts somebody else's too.
    pub(super) fn add(&mut self, other: Self) {
        self.times_ms.extend(other.times_ms);
        self.accepted.extend(other.accepted);
        self.repeated += other.repeated;
        self.cut_off += other.cut_off;
        self.refused += other.refused;
        self.without_image += other.without_image;
    }
}

fn form(held: &Held, key: Uuid, score: u8) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("image", &held.image.to_string())
        .append_pair("occurrence", &held.occurrence.to_string())
        .append_pair("key", &key.to_string())
        .append_pair("score", &score.to_string())
        .append_pair("seconds", "0.8")
        .append_pair("pixels", "1200")
        .finish()
}

fn hands(answer: &Answer) -> Result<Vec<Held>, BenchError> {
    let hands: Hands = serde_json::from_slice(&answer.body).map_err(|error| {
        let body = String::from_utf8_lossy(&answer.body);
        BenchError::Page(format!("a vote was answered with {}: {body} ({error})", answer.status))
    })?;
    Ok(hands.held)
}
