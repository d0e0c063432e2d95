//! The file system's events: a hint where to look at once. Everything still works without them.

use std::{collections::BTreeSet, ffi::OsStr, iter, os::unix::ffi::OsStrExt, path::PathBuf, time::Duration};

use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer_opt,
    notify::{self, Config, EventKind, RecommendedWatcher, RecursiveMode},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{diff::PathBytes, sweep::Looked};
use crate::store::roots::RootState;

/// Events of one file within this time are one.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// Paths that events named, relative to the root.
pub(super) struct Events {
    root: PathBuf,
    receiver: mpsc::UnboundedReceiver<PathBytes>,
    found: BTreeSet<PathBytes>,
    /// Dropping it ends the events.
    watcher: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
    /// The folders whose events were asked for; the root is the empty path.
    watched: BTreeSet<PathBytes>,
    stop: CancellationToken,
}

impl Events {
    /// Watches the folder `root`; those in it follow as they are listed, so that none that is passed over is
    /// ever opened. Where events cannot be had a warning says so, and the sweep does the work.
    pub(super) fn start(root: PathBuf, stop: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let watcher = watcher(root.clone(), sender).inspect_err(warn).ok();
        let mut events =
            Self { root, receiver, found: BTreeSet::new(), watcher, watched: BTreeSet::new(), stop };
        events.add(&[PathBytes::new()]);
        events
    }

    /// Watches what a sweep has listed. A root that was away is another folder when it is back, and all in it.
    pub(super) fn cover(&mut self, swept: &Looked) {
        if swept.root != RootState::Ok {
            self.watched.clear();
            return;
        }
        let folders: BTreeSet<PathBytes> =
            iter::once(PathBytes::new()).chain(swept.folders.iter().cloned()).collect();
        self.watched.retain(|folder| folders.contains(folder));
        let new: Vec<PathBytes> = folders.difference(&self.watched).cloned().collect();
        self.add(&new);
    }

    /// Watches folders that are new, or made anew.
    pub(super) fn add(&mut self, folders: &[PathBytes]) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut failed = None;
        for folder in folders {
            let path =
                if folder.is_empty() { self.root.clone() } else { self.root.join(OsStr::from_bytes(folder)) };
            failed = watcher.watch(&path, RecursiveMode::NonRecursive).err().or(failed);
            // One that is refused is not asked for again at every sweep.
            self.watched.insert(folder.clone());
        }
        failed.iter().for_each(warn);
    }

    /// Waits for the next event; forever if there are none.
    pub(super) async fn wait(&mut self) {
        match self.receiver.recv().await {
            Some(path) => {
                self.found.insert(path);
            }
            None => self.stop.cancelled().await,
        }
    }

    /// The paths that were named since the last call.
    pub(super) fn take(&mut self) -> BTreeSet<PathBytes> {
        while let Ok(path) = self.receiver.try_recv() {
            self.found.insert(path);
        }
        std::mem::take(&mut self.found)
    }
}

fn warn(error: &notify::Error) {
    tracing::warn!(
        %error,
        "not all events of the upload directory can be had: what they would have told is found by the sweep. If \
         the system's limit is reached, raise fs.inotify.max_user_watches"
    );
}

fn watcher(
    root: PathBuf,
    sender: mpsc::UnboundedSender<PathBytes>,
) -> notify::Result<Debouncer<RecommendedWatcher, RecommendedCache>> {
    let tell = move |events: DebounceEventResult| match events {
        Ok(events) => {
            for event in events.iter().filter(|event| !matches!(event.kind, EventKind::Access(_))) {
                for path in &event.paths {
                    if let Ok(path) = path.strip_prefix(&root) {
                        // A receiver that is gone means that the service stops.
                        let _ = sender.send(path.as_os_str().as_bytes().to_vec());
                    }
                }
            }
        }
        Err(errors) => {
            tracing::warn!(?errors, "some events were lost; the sweep finds what they would have told")
        }
    };
    // Links are not followed here either: what they lead to is not ours to open, and may be the whole disk.
    let config = Config::default().with_follow_symlinks(false);
    new_debouncer_opt(DEBOUNCE, None, tell, RecommendedCache::default(), config)
}
