//! The file system's events: a hint where to look at once. Everything still works without them.

use std::{
    collections::BTreeSet,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer_opt,
    notify::{Config, EventKind, RecommendedWatcher, RecursiveMode},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::diff::PathBytes;

/// Events of one file within this time are one.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// Paths that events named, relative to the root.
pub(super) struct Events {
    receiver: mpsc::UnboundedReceiver<PathBytes>,
    found: BTreeSet<PathBytes>,
    /// Dropping it ends the events.
    _watcher: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
    stop: CancellationToken,
}

impl Events {
    /// Watches `root` and everything in it. Where that is impossible (too many folders for the system's limit,
    /// a network share) a warning says so, and the sweep does the work.
    pub(super) fn start(root: &Path, stop: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let watcher = watch(root.to_owned(), sender)
            .inspect_err(|error| {
                tracing::warn!(
                    %error,
                    "the upload directory's events cannot be had: new files are found by the sweep alone. If the \
                     system's limit is reached, raise fs.inotify.max_user_watches"
                );
            })
            .ok();
        Self { receiver, found: BTreeSet::new(), _watcher: watcher, stop }
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

fn watch(
    root: PathBuf,
    sender: mpsc::UnboundedSender<PathBytes>,
) -> notify_debouncer_full::notify::Result<Debouncer<RecommendedWatcher, RecommendedCache>> {
    let folder = root.clone();
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
    let mut watcher = new_debouncer_opt(DEBOUNCE, None, tell, RecommendedCache::default(), config)?;
    watcher.watch(&folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}
