//! The folder of files that come in through the browser or the API: what it holds is on its way, and nobody's after a day.

use std::{fs, path::Path};

use chrono::{DateTime, TimeDelta, Utc};

/// What is so old came in for a process that was killed. What is younger may be on its way into another process of this folder.
const LEFT_BEHIND: TimeDelta = TimeDelta::days(1);

/// Removes what was left behind.
pub(super) fn clear(spool: &Path, now: DateTime<Utc>) {
    for entry in fs::read_dir(spool).into_iter().flatten().flatten() {
        let changed = entry.metadata().and_then(|entry| entry.modified());
        if !changed.is_ok_and(|at| now - DateTime::<Utc>::from(at) > LEFT_BEHIND) {
            continue;
        }
        let path = entry.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Ok(()) => {
                tracing::info!(path = %path.display(), "a file that came in and was left behind is removed")
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a file that was left behind cannot be removed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn what_was_left_behind_goes_after_a_day_and_what_is_on_its_way_stays() {
        let spool = tempfile::tempdir().unwrap();
        fs::create_dir(spool.path().join("weights-x")).unwrap();
        fs::write(spool.path().join("weights-x/model.onnx"), "half of it").unwrap();
        fs::write(spool.path().join(".tmpx"), "half of it").unwrap();
        let left = || fs::read_dir(spool.path()).unwrap().count();
        let now = Clock::System.now();
        clear(spool.path(), now + TimeDelta::hours(23));
        assert_eq!(left(), 2);
        clear(spool.path(), now + TimeDelta::hours(25));
        assert_eq!(left(), 0);
        clear(&spool.path().join("nowhere"), now);
    }
}
