//! How fast images are scored, and how long it will take, in words: the same on every page.

use chrono::TimeDelta;

use super::words;
use crate::store::ledger::Pace;

/// The pace is measured over so long.
pub(super) const OVER: TimeDelta = TimeDelta::seconds(60);

/// Shorter times say nothing.
const LEAST_MS: i64 = 1_000;

/// Images per second with one decimal; none where that says nothing.
pub(super) fn per_second(pace: Pace) -> Option<String> {
    let tenths = pace.scored.saturating_mul(10_000) / pace.busy_ms.max(LEAST_MS);
    (tenths > 0).then(|| format!("{}.{}", words::count(tenths / 10), tenths % 10))
}

/// `about 7 minutes left`; none where that cannot be told.
pub(super) fn left(pace: Pace, waiting: i64) -> Option<String> {
    let left_ms = waiting.saturating_mul(pace.busy_ms.max(LEAST_MS)).checked_div(pace.scored)?;
    Some(format!("about {} left", words::span(TimeDelta::try_milliseconds(left_ms)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_is_not() {
        let pace = Pace { scored: 100, busy_ms: 40_000 };
        assert_eq!(per_second(pace).unwrap(), "2.5");
        assert_eq!(left(pace, 1_000).unwrap(), "about 7 minutes left");
        assert_eq!(left(Pace { scored: 0, ..pace }, 1_000), None);
        let slow = Pace { scored: 1, busy_ms: 30_000 };
        assert_eq!((per_second(slow), left(slow, 2).unwrap().as_str()), (None, "about 60 seconds left"));
    }
}
