//! One look at the disk: list, compare with the ledger, write what changed, take what has settled.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use nix::time::{ClockId, clock_gettime};

use super::{
    Ingest,
    diff::{self, Changes, Entry, Known, PathBytes},
    import::{ImportError, Imported, Settled, Told},
    original::absolute,
    tree,
};
use crate::{
    config::IngestMode,
    domain::SightingState,
    metrics,
    store::{
        roots::{self, RootState},
        sightings,
    },
};

/// After a sweep that cost a second the next comes 25 seconds later. 20 would be a twentieth of a core by our own
/// count; the rest is for what the database does meanwhile, which is not all in that count.
const REST: u32 = 25;

/// Most files that wait to settle that are looked at between two sweeps; a sweep looks at all.
const MOST_LOOKED_AT: usize = 5_000;

/// What one look did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Paths that were new, replaced or looked at again.
    pub noticed: usize,
    /// Files that were read, whatever became of them.
    pub imported: usize,
    /// CPU time that listing, reading the ledger and comparing took.
    pub cpu: Duration,
    /// The folders that were listed, whose events are worth having.
    pub(super) folders: Vec<PathBytes>,
    /// Whether the directory's listing is believed; nothing is taken while it is not.
    pub root: RootState,
}

impl Looked {
    /// How long to rest until the next sweep.
    pub fn rest(&self, at_least: Duration) -> Duration {
        at_least.max(self.cpu * REST)
    }
}

impl Ingest {
    /// Looks at the whole directory once.
    ///
    /// # Errors
    /// When the service fails; the files wait.
    pub async fn sweep(&mut self) -> Result<Looked, ImportError> {
        let (root, ignored) = (self.root.clone(), self.ignored.clone());
        let listed = tokio::task::spawn_blocking(move || {
            let started = cpu_time();
            tree::list(&root, &ignored).map(|tree| (tree, cpu_time().saturating_sub(started)))
        })
        .await
        .unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let pool = self.importer.pool.clone();
        let mut conn = pool.acquire().await?;
        let (tree, listing) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                roots::swept(&mut conn, &self.root_text, RootState::Unreachable, None, 0).await?;
                self.believe(RootState::Unreachable, Some(&error));
                return Ok(Looked { root: RootState::Unreachable, ..Looked::default() });
            }
        };
        let (compared, waiting) = (cpu_time(), Instant::now());
        let mut ledger = sightings::current(&mut conn, &self.root_text, None).await?;
        let reading = waiting.elapsed();
        // What lies in a folder that cannot be read stays in the ledger as it was.
        if !tree.closed.is_empty() {
            ledger.retain(|path, _known| tree.entries.contains_key(path) || !tree.hides(path));
        }
        self.closed = in_words(&self.root_text, &tree.closed);
        let changes = diff::diff(&tree.entries, &ledger);
        // Reading moves between threads; the time that it took is the most that it can have cost.
        let cpu = listing + reading.max(cpu_time().saturating_sub(compared));
        let device = i64::try_from(tree.device).unwrap_or(i64::MAX);
        let believed = roots::device(&mut conn, &self.root_text).await?;
        let state = judge(&tree.entries, &ledger, believed.is_none_or(|believed| believed == device));
        metrics::sweep(cpu.as_secs_f64());
        let cpu_ms = i64::try_from(cpu.as_millis()).unwrap_or(i64::MAX);
        let trusted = (state == RootState::Ok).then_some(device);
        roots::swept(&mut conn, &self.root_text, state, trusted, cpu_ms).await?;
        drop(conn);
        self.believe(state, None);
        if state != RootState::Ok {
            return Ok(Looked { cpu, root: state, ..Looked::default() });
        }
        let looked = self.take(changes, "sweep").await?;
        if self.importer.mode == IngestMode::Move {
            self.empty_inbox(&tree.entries).await?;
        }
        Ok(Looked { cpu, folders: tree.folders, ..looked })
    }

    /// Remembers whether the directory is believed, and says so when that changes.
    fn believe(&mut self, state: RootState, error: Option<&std::io::Error>) {
        if self.believed != state {
            let root = &self.root_text;
            match state {
                RootState::Ok => tracing::info!(root, "the folder is back; its files are looked at again"),
                _ => tracing::warn!(
                    root,
                    state = state.as_str(),
                    error = error.map(tracing::field::display),
                    "the folder is not as it was, as if its disk were not mounted: nothing is removed"
                ),
            }
        }
        self.believed = state;
    }

    /// Looks at the paths that events named, and at those that wait to settle.
    pub(super) async fn look_at(&mut self, named: BTreeSet<PathBytes>) -> Result<Looked, ImportError> {
        let waiting = self.settling.waiting().take(MOST_LOOKED_AT).cloned();
        let paths: BTreeSet<PathBytes> = named.into_iter().chain(waiting).collect();
        // Nothing is taken from a folder that is not believed, as when another disk is mounted there.
        if paths.is_empty() || self.believed != RootState::Ok {
            return Ok(Looked::default());
        }
        // A root that cannot be read is the sweep's to report.
        let Ok(tree) = tree::look_at(&self.root, &self.ignored, paths.iter()) else {
            return Ok(Looked::default());
        };
        let paths: Vec<PathBytes> = paths.into_iter().chain(tree.entries.keys().cloned()).collect();
        let mut conn = self.importer.pool.acquire().await?;
        let ledger = sightings::current(&mut conn, &self.root_text, Some(&paths)).await?;
        drop(conn);
        let mut changes = diff::diff(&tree.entries, &ledger);
        // Whether a file is gone, or all of them are with their mount, only the whole listing tells.
        changes.gone.clear();
        let waits: BTreeSet<&PathBytes> = changes.paths().collect();
        for path in paths.iter().filter(|path| !waits.contains(path)) {
            self.settling.forget(path);
        }
        let looked = self.take(changes, "events").await?;
        Ok(Looked { folders: tree.folders, ..looked })
    }

    /// Writes the changes, and takes the files that have stood still for long enough.
    async fn take(&mut self, changes: Changes, by: &str) -> Result<Looked, ImportError> {
        let noticed = changes.new.len() + changes.replaced.len() + changes.again.len();
        if noticed > 0 || !changes.gone.is_empty() {
            let mut tx = self.importer.pool.begin().await?;
            sightings::apply(&mut tx, &self.root_text, &changes).await?;
            if !changes.new.is_empty() {
                roots::found_by(&mut tx, &self.root_text, by).await?;
            }
            tx.commit().await?;
        }
        let settled = self.settled(&changes);
        let imported = self.import(settled).await?;
        Ok(Looked { noticed, imported, ..Looked::default() })
    }

    /// Reads files, several at a time, for a turn; those that are left have theirs at the next look. Answers
    /// how many were read.
    async fn import(&mut self, settled: Vec<(PathBytes, Settled)>) -> Result<usize, ImportError> {
        let Self { importer, taken, settling, .. } = self;
        let importer = &*importer;
        let mut outcomes = stream::iter(settled)
            .take_until(Box::pin(tokio::time::sleep(self.turn)))
            .map(|(path, settled)| async move {
                let outcome = importer.import(&settled).await?;
                tracing::debug!(path = settled.path_text, ?outcome, "file read");
                Ok::<_, ImportError>((path, outcome))
            })
            .buffer_unordered(self.readers);
        let mut imported = 0;
        while let Some((path, outcome)) = outcomes.try_next().await? {
            imported += 1;
            taken.fetch_add(1, Ordering::Relaxed);
            if outcome != Imported::Unsettled {
                settling.forget(&path);
            }
        }
        Ok(imported)
    }

    /// The files whose second look has come.
    fn settled(&mut self, changes: &Changes) -> Vec<(PathBytes, Settled)> {
        let now = self.importer.clock.now();
        for (path, entry) in &changes.new {
            if let Entry::File(stamp) = entry {
                self.settling.look(path, *stamp, now);
            }
        }
        for (path, _, entry) in &changes.replaced {
            if let Entry::File(stamp) = entry {
                self.settling.look(path, *stamp, now);
            }
        }
        for (path, _, stamp) in &changes.again {
            self.settling.look(path, *stamp, now);
        }
        let mut settled = Vec::new();
        for (path, id, stamp) in &changes.settling {
            if self.settling.look(path, *stamp, now) {
                let path_text = String::from_utf8_lossy(path).into_owned();
                let file = absolute(&self.root_text, path);
                settled.push((
                    path.clone(),
                    Settled { id: *id, path_text, file, stamp: *stamp, told: Told::default() },
                ));
            }
        }
        settled
    }

    /// Removes from the inbox what is stored, and was decoded from there.
    async fn empty_inbox(&self, disk: &BTreeMap<PathBytes, Entry>) -> Result<(), ImportError> {
        let paths: Vec<PathBytes> = disk.keys().cloned().collect();
        let mut conn = self.importer.pool.acquire().await?;
        for (path, stamp) in sightings::removable(&mut conn, &self.root_text, &paths).await? {
            let file = absolute(&self.root_text, &path);
            // Another file may have been dropped under the name since the directory was listed.
            let same = tokio::fs::symlink_metadata(&file).await.is_ok_and(|now| tree::stamp(&now) == stamp);
            if same && let Err(error) = tokio::fs::remove_file(&file).await {
                tracing::warn!(file = %file.display(), %error, "the file is stored but cannot be removed");
            }
        }
        Ok(())
    }
}

/// Whether a listing is believed. A root that lost everything at once, or that lies on another device without
/// any file that was seen, is a dropped or exchanged mount: nothing is taken for deleted.
fn judge(
    disk: &BTreeMap<PathBytes, Entry>,
    ledger: &BTreeMap<PathBytes, Known>,
    same_device: bool,
) -> RootState {
    let expected = |known: &Known| {
        matches!(known.state, SightingState::Imported | SightingState::Duplicate) && !known.stored
    };
    let mut expected =
        ledger.iter().filter(|(_path, known)| expected(known)).map(|(path, _known)| path).peekable();
    if expected.peek().is_none() {
        RootState::Ok
    } else if disk.is_empty() {
        RootState::Empty
    } else if !same_device && !expected.any(|path| disk.contains_key(path)) {
        RootState::Foreign
    } else {
        RootState::Ok
    }
}

/// What stands in the way of looking at everything.
fn in_words(root: &str, closed: &BTreeMap<PathBytes, String>) -> Option<String> {
    let (path, why) = closed.first_key_value()?;
    let others = match closed.len() - 1 {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    let path = String::from_utf8_lossy(path);
    Some(format!("{root}/{path}{others} cannot be read ({why}): its files stay in the ledger as they were"))
}

/// CPU time of this thread so far.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
