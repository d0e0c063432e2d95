//! What changed between the ledger and the disk: a function of two listings, nothing else.

use std::collections::BTreeMap;

use crate::domain::{SightingId, SightingState};

/// A path relative to its root, as the bytes that the file system gave.
pub type PathBytes = Vec<u8>;

/// What tells a file that changed from one that did not, without opening it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Size in bytes.
    pub size_bytes: i64,
    /// Time of the last change of its bytes, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Time of the last change of its bytes or its permissions, in nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl Stamp {
    /// Whether the bytes may be others.
    const fn bytes_differ(self, other: Self) -> bool {
        self.size_bytes != other.size_bytes || self.mtime_ns != other.mtime_ns
    }
}

/// What a directory listing says of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File(Stamp),
    /// Something that is never opened, and why.
    Odd(&'static str),
}

/// What the ledger says of one path: its current sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The sighting.
    pub id: SightingId,
    /// The file as it was when it was last looked at.
    pub stamp: Stamp,
    /// The sighting's state.
    pub state: SightingState,
    /// Whether the bytes lie in the image store, so that the dropped file may go.
    pub stored: bool,
}

/// What is to be written into the ledger, each path at most once over all fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Paths that were never seen.
    pub new: Vec<(PathBytes, Entry)>,
    /// Paths where something else lies now: the sighting is closed, another one opened.
    pub replaced: Vec<(PathBytes, SightingId, Entry)>,
    /// Paths that are looked at again: still growing, failed before and different now, or back.
    pub again: Vec<(PathBytes, SightingId, Stamp)>,
    /// Paths that are not there any more.
    pub gone: Vec<SightingId>,
    /// Paths that wait to settle and are as they were.
    pub settling: Vec<(PathBytes, SightingId, Stamp)>,
}

impl Changes {
    /// The paths that wait to settle once the changes are written.
    pub fn paths(&self) -> impl Iterator<Item = &PathBytes> {
        let new = self.new.iter().map(|(path, _entry)| path);
        let replaced = self.replaced.iter().map(|(path, ..)| path);
        new.chain(replaced).chain(self.again.iter().chain(&self.settling).map(|(path, ..)| path))
    }
}

/// Compares the disk with the ledger.
pub fn diff(disk: &BTreeMap<PathBytes, Entry>, ledger: &BTreeMap<PathBytes, Known>) -> Changes {
    let mut changes = Changes::default();
    for (path, entry) in disk {
        match (ledger.get(path), entry) {
            (None, _) => changes.new.push((path.clone(), *entry)),
            (Some(known), Entry::File(stamp)) => compare(&mut changes, path, *known, *stamp),
            (Some(known), Entry::Odd(_)) if known.state != SightingState::Ignored => {
                changes.replaced.push((path.clone(), known.id, *entry));
            }
            (Some(_), Entry::Odd(_)) => {}
        }
    }
    let absent = ledger.iter().filter(|(path, known)| !disk.contains_key(*path) && !is_gone(**known));
    changes.gone.extend(absent.map(|(_path, known)| known.id));
    changes
}

fn compare(changes: &mut Changes, path: &PathBytes, known: Known, stamp: Stamp) {
    use SightingState::{Duplicate, Failed, Ignored, Imported, Missing, Settling};
    let place = || (path.clone(), known.id, stamp);
    let other = || (path.clone(), known.id, Entry::File(stamp));
    match known.state {
        Settling if known.stamp == stamp => changes.settling.push(place()),
        // A change of its permissions is reason enough to try a failed file again.
        Failed if known.stamp == stamp => {}
        // What was set aside by hand stays so until it has other bytes.
        Ignored if !known.stamp.bytes_differ(stamp) => {}
        // What is back with other bytes is another file; the history of the first one stays its own.
        Imported | Duplicate | Missing if known.stamp.bytes_differ(stamp) => changes.replaced.push(other()),
        // A stored file that is back under its name was dropped anew, maybe with its old time.
        Imported | Duplicate if known.stored && known.stamp != stamp => changes.again.push(place()),
        Imported | Duplicate => {}
        Settling | Failed | Ignored | Missing => changes.again.push(place()),
    }
}

/// Whether the ledger expects nothing at the path.
const fn is_gone(known: Known) -> bool {
    let taken = matches!(known.state, SightingState::Imported | SightingState::Duplicate);
    matches!(known.state, SightingState::Missing) || (taken && known.stored)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(number: i64) -> Stamp {
        Stamp { size_bytes: number, mtime_ns: number, ctime_ns: number }
    }

    fn known(state: SightingState, number: i64) -> Known {
        Known { id: SightingId(number), stamp: stamp(number), state, stored: false }
    }

    /// The row that is written for an entry.
    fn written(id: SightingId, entry: Entry) -> Known {
        let (stamp, state) = match entry {
            Entry::File(stamp) => (stamp, SightingState::Settling),
            Entry::Odd(_) => (Stamp::default(), SightingState::Ignored),
        };
        Known { id, stamp, state, stored: false }
    }

    /// The ledger after the changes were written.
    fn apply(ledger: &BTreeMap<PathBytes, Known>, changes: &Changes) -> BTreeMap<PathBytes, Known> {
        let mut ledger = ledger.clone();
        for known in ledger.values_mut() {
            if changes.gone.contains(&known.id) {
                known.state = SightingState::Missing;
            }
        }
        for (path, entry) in &changes.new {
            ledger.insert(path.clone(), written(SightingId(-1), *entry));
        }
        let again = changes.again.iter().map(|(path, id, stamp)| (path, id, Entry::File(*stamp)));
        let replaced = changes.replaced.iter().map(|(path, id, entry)| (path, id, *entry));
        for (path, id, entry) in again.chain(replaced) {
            ledger.insert(path.clone(), written(*id, entry));
        }
        ledger
    }

    fn listings() -> impl Strategy<Value = (BTreeMap<PathBytes, Entry>, BTreeMap<PathBytes, Known>)> {
        let path = || prop::collection::vec(b'a'..b'g', 1..3);
        let entry = prop_oneof![
            4 => (0..4_i64).prop_map(|n| Entry::File(stamp(n))),
            1 => Just(Entry::Odd("a pipe")),
        ];
        let disk = prop::collection::btree_map(path(), entry, 0..12);
        let state = prop::sample::select(SightingState::ALL);
        let ledger = prop::collection::btree_map(path(), (state, 0..4_i64), 0..12).prop_map(|ledger| {
            let numbered = ledger.into_iter().enumerate();
            numbered
                .map(|(index, (path, (state, number)))| {
                    let id = SightingId(i64::try_from(index).unwrap());
                    (path, Known { id, ..known(state, number) })
                })
                .collect()
        });
        (disk, ledger)
    }

    proptest! {
        #[test]
        fn after_the_changes_are_written_there_are_no_more(listings in listings()) {
            let (disk, ledger) = listings;
            let after = apply(&ledger, &diff(&disk, &ledger));
            let again = diff(&disk, &after);
            prop_assert!(again.new.is_empty() && again.replaced.is_empty());
            prop_assert!(again.again.is_empty() && again.gone.is_empty(), "{again:?}");
        }

        #[test]
        fn every_path_of_the_disk_is_in_the_ledger_afterwards_and_no_path_is_lost(listings in listings()) {
            let (disk, ledger) = listings;
            let after = apply(&ledger, &diff(&disk, &ledger));
            prop_assert!(disk.keys().chain(ledger.keys()).all(|path| after.contains_key(path)));
            for (path, known) in &after {
                prop_assert_eq!(known.state == SightingState::Missing, !disk.contains_key(path));
            }
        }
    }

    fn changes_of(known: Known, entry: Option<Entry>) -> Changes {
        let disk = entry.map(|entry| (b"a".to_vec(), entry)).into_iter().collect();
        diff(&disk, &BTreeMap::from([(b"a".to_vec(), known)]))
    }

    #[test]
    fn an_imported_file_is_looked_at_again_only_when_its_bytes_may_be_others() {
        let imported = known(SightingState::Imported, 1);
        let chmod = Stamp { ctime_ns: 9, ..stamp(1) };
        assert_eq!(changes_of(imported, Some(Entry::File(chmod))), Changes::default());
        assert_eq!(changes_of(imported, Some(Entry::File(stamp(2)))).replaced.len(), 1);
    }

    #[test]
    fn a_failed_file_is_tried_again_when_its_permissions_change() {
        let failed = known(SightingState::Failed, 1);
        assert_eq!(changes_of(failed, Some(Entry::File(stamp(1)))), Changes::default());
        let chmod = Stamp { ctime_ns: 9, ..stamp(1) };
        assert_eq!(changes_of(failed, Some(Entry::File(chmod))).again.len(), 1);
    }

    #[test]
    fn a_file_that_was_set_aside_by_hand_stays_so_until_it_has_other_bytes() {
        let aside = known(SightingState::Ignored, 1);
        let chmod = Stamp { ctime_ns: 9, ..stamp(1) };
        assert_eq!(changes_of(aside, Some(Entry::File(stamp(1)))), Changes::default());
        assert_eq!(changes_of(aside, Some(Entry::File(chmod))), Changes::default());
        assert_eq!(changes_of(aside, Some(Entry::File(stamp(2)))).again.len(), 1);
    }

    #[test]
    fn a_link_where_a_file_was_is_another_sighting() {
        let link = Entry::Odd("a link");
        for state in [SightingState::Imported, SightingState::Settling, SightingState::Failed] {
            let changes = changes_of(known(state, 1), Some(link));
            assert_eq!(changes.replaced, [(b"a".to_vec(), SightingId(1), link)], "{state}");
        }
    }

    #[test]
    fn a_file_whose_bytes_are_stored_may_go_from_the_inbox_and_may_be_dropped_anew() {
        let stored = Known { stored: true, ..known(SightingState::Imported, 1) };
        assert_eq!(changes_of(stored, None), Changes::default());
        let anew = Stamp { ctime_ns: 9, ..stamp(1) };
        assert_eq!(changes_of(stored, Some(Entry::File(anew))).again.len(), 1);
        assert_eq!(changes_of(known(SightingState::Imported, 1), None).gone, [SightingId(1)]);
    }
}
