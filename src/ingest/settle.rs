//! Waiting until a file stops growing.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::diff::{PathBytes, Stamp};

/// Files that were seen, and how long each has stood still.
#[derive(Clone, Debug)]
pub struct Settling {
    minimum_age: TimeDelta,
    since: HashMap<PathBytes, (Stamp, DateTime<Utc>)>,
}

impl Settling {
    /// Nothing is waiting yet; a file must stand still for `minimum_age`.
    pub fn new(minimum_age: TimeDelta) -> Self {
        Self { minimum_age, since: HashMap::new() }
    }

    /// How long a file must stand still.
    pub fn minimum_age(&self) -> Duration {
        self.minimum_age.to_std().unwrap_or_default()
    }

    /// Looks at a file at `now`. Answers whether it may be taken: an earlier look saw the same stamp at least
    /// the minimum age ago.
    pub fn look(&mut self, path: &[u8], stamp: Stamp, now: DateTime<Utc>) -> bool {
        match self.since.get(path) {
            Some((before, since)) if *before == stamp && *since <= now => {
                now - *since >= self.minimum_age && now > *since
            }
            // Another file, or a clock that was set back.
            _ => {
                self.since.insert(path.to_vec(), (stamp, now));
                false
            }
        }
    }

    /// Forgets a file that was taken or is gone.
    pub fn forget(&mut self, path: &[u8]) {
        self.since.remove(path);
    }

    /// Paths that still wait.
    pub fn waiting(&self) -> impl Iterator<Item = &PathBytes> {
        self.since.keys()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(size_bytes: i64) -> Stamp {
        Stamp { size_bytes, mtime_ns: 0, ctime_ns: 0 }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn one_look_is_not_enough_however_old_the_file() {
        let mut settling = Settling::new(TimeDelta::zero());
        assert!(!settling.look(b"a", stamp(1), at(1_000)));
        assert!(settling.look(b"a", stamp(1), at(1_001)));
    }

    #[test]
    fn a_growing_file_starts_over() {
        let mut settling = Settling::new(TimeDelta::seconds(2));
        assert!(!settling.look(b"a", stamp(1), at(0)));
        assert!(!settling.look(b"a", stamp(2), at(2)));
        assert!(!settling.look(b"a", stamp(2), at(3)));
        assert!(settling.look(b"a", stamp(2), at(4)));
    }

    proptest! {
        #[test]
        fn a_file_is_taken_only_after_standing_still_for_the_minimum_age(
            looks in prop::collection::vec((0..3_i64, 1..5_i64), 1..40), minimum in 0..8_i64,
        ) {
            let mut settling = Settling::new(TimeDelta::seconds(minimum));
            let (mut now, mut size, mut still_since) = (0, -1, 0);
            for (new_size, pause) in looks {
                now += pause;
                if new_size != size {
                    (size, still_since) = (new_size, now);
                }
                let taken = settling.look(b"a", stamp(size), at(now));
                prop_assert_eq!(taken, now > still_since && now - still_since >= minimum);
            }
        }
    }
}
