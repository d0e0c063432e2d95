//! Stage 1: files are noticed, settle, and are taken into the ledger.
//!
//! Two things look at the upload directory, as equals: a sweep that lists all of it every few seconds, and the
//! file system's events, which only say where to look at once. The sweep alone is sufficient. What comes through the
//! browser or the API ([`upload`]) is taken by the same [`import`].

pub mod diff;
pub mod import;
pub mod listing;
pub mod original;
pub mod settle;
mod spool;
mod sweep;
pub mod tree;
pub mod upload;
mod watch;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use chrono::TimeDelta;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::{Role, Settings},
    ingest::{
        import::{ImportError, Importer},
        listing::{DEFAULT_PATTERN, ListingPattern, PatternError},
        settle::Settling,
        tree::Ignored,
    },
    objects::Objects,
    store::{
        components::{self, Condition},
        roots::RootState,
    },
};
pub use sweep::Looked;

/// How often files that wait to settle are looked at.
const SETTLE_LOOK: Duration = Duration::from_millis(250);

/// How often it says that it is alive, however long the rest between two sweeps.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// The longest wait after a failure of the service before the next look.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long files are read before the directory is looked at again, and before a stop is heeded.
const TURN: Duration = Duration::from_secs(5);

/// Most files that are read at the same time, whatever the cores: each may fill 64 MiB.
const MOST_READERS: usize = 8;

/// A setting of the ingestion that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The folder in which uploads are received.
    #[error(
        "cannot make the folder {0} for uploads: set CHRONOGRADE_DATA_DIR to one that this user may write"
    )]
    Spool(PathBuf, #[source] std::io::Error),
    /// A pattern of names to ignore.
    #[error("CHRONOGRADE_IGNORE has a pattern that is none: {0}")]
    Ignore(#[from] globset::Error),
    /// The pattern of listing keys.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The ledger names the folder as text; what lies in it may have any name.
    #[error("the folder {0:?} has a name that is not UTF-8: rename it")]
    RootName(PathBuf),
    /// The service would take its own files for pictures.
    #[error("the folder {0} holds the service's own data directory: choose one beside it, or inside it")]
    OwnFiles(PathBuf),
    /// The upload directory cannot be reached.
    #[error("the folder {path} cannot be reached: set CHRONOGRADE_UPLOAD_DIR to one that this user may read")]
    Root {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Watches one upload directory.
#[derive(Debug)]
pub struct Ingest {
    root: PathBuf,
    root_text: String,
    ignored: Ignored,
    settling: Settling,
    importer: Importer,
    taken: Arc<AtomicU64>,
    /// Files that are read at the same time.
    readers: usize,
    /// How long files are read before the directory is looked at again.
    turn: Duration,
    sweep_interval: Duration,
    /// Whether the directory was believed at the latest sweep.
    believed: RootState,
    /// What could not be looked at in it, in words.
    closed: Option<String>,
}

impl Ingest {
    /// An ingestion of the settings' upload directory.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn new(
        pool: PgPool,
        objects: Objects,
        settings: &Settings,
        clock: Clock,
    ) -> Result<Self, IngestError> {
        let path = settings.upload_dir();
        let root = path.canonicalize().map_err(|source| IngestError::Root { path, source })?;
        Self::of(root, pool, objects, settings, clock)
    }

    /// An ingestion of another folder, with everything else as the settings say.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn of(
        root: PathBuf,
        pool: PgPool,
        objects: Objects,
        settings: &Settings,
        clock: Clock,
    ) -> Result<Self, IngestError> {
        let Some(root_text) = root.to_str().map(str::to_owned) else {
            return Err(IngestError::RootName(root));
        };
        if settings.data_dir.canonicalize().is_ok_and(|data| data.starts_with(&root)) {
            return Err(IngestError::OwnFiles(root));
        }
        let pattern = settings.listing_pattern.as_deref().unwrap_or(DEFAULT_PATTERN);
        let minimum_age = TimeDelta::milliseconds(i64::try_from(settings.minimum_age_ms).unwrap_or(i64::MAX));
        Ok(Self {
            root,
            root_text,
            ignored: Ignored::new(&settings.ignore)?,
            settling: Settling::new(minimum_age),
            taken: Arc::default(),
            importer: Importer {
                pool,
                objects,
                limits: settings.limits(),
                mode: settings.ingest_mode,
                pattern: ListingPattern::new(pattern)?,
                clock,
            },
            readers: (settings.decode_threads.get() * 2).min(MOST_READERS),
            turn: Duration::MAX,
            believed: RootState::default(),
            closed: None,
            sweep_interval: Duration::from_millis(settings.sweep_interval_ms),
        })
    }

    /// The folder, as the ledger names it.
    pub fn root(&self) -> &str {
        &self.root_text
    }

    /// How long a file must stand still.
    pub fn minimum_age(&self) -> Duration {
        self.settling.minimum_age()
    }

    /// Files that wait to settle.
    pub fn waiting(&self) -> usize {
        self.settling.waiting().count()
    }

    /// What the latest sweep could not look at, in words.
    pub fn closed(&self) -> Option<&str> {
        self.closed.as_deref()
    }

    /// Counts the files that were read, whatever became of them.
    pub const fn taken(&self) -> &Arc<AtomicU64> {
        &self.taken
    }

    /// Watches until `stop` is cancelled. Whatever fails meanwhile, the files wait where they are.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut events = watch::Events::start(self.root.clone(), stop.clone());
        let mut next_sweep = tokio::time::Instant::now();
        let mut known_problem = None;
        self.turn = TURN;
        while !stop.is_cancelled() {
            let looked = if tokio::time::Instant::now() >= next_sweep {
                let swept = self.sweep().await;
                let rest = swept.as_ref().map_or(PATIENCE, |swept| swept.rest(self.sweep_interval));
                if let Ok(swept) = &swept {
                    events.cover(swept);
                }
                next_sweep = tokio::time::Instant::now() + rest;
                swept
            } else {
                let looked = self.look_at(events.take()).await;
                if let Ok(looked) = &looked {
                    events.add(&looked.folders);
                }
                looked
            };
            let failed = looked.is_err();
            self.report(looked.err(), &mut known_problem).await;
            let idle = next_sweep.saturating_duration_since(tokio::time::Instant::now()).min(HEARTBEAT);
            let pause = match (failed, self.settling.is_empty()) {
                (true, _) => PATIENCE,
                (false, false) => idle.min(SETTLE_LOOK),
                (false, true) => idle,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = events.wait(), if !failed => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Says on the pages, and once in the log, what keeps files from being taken.
    async fn report(&self, problem: Option<ImportError>, known: &mut Option<String>) {
        let problem = problem.map(|error| format!("{:#}", anyhow::Error::from(error)));
        let problem = problem.or_else(|| self.closed.clone());
        match (&problem, &*known) {
            (Some(now), before) if before.as_ref() != Some(now) => {
                tracing::error!("files wait in the upload directory: {now}");
            }
            (None, Some(_)) => tracing::info!("files are taken again"),
            _ => {}
        }
        // With the database away there is nowhere to write it; the pages say so themselves.
        let condition = Condition { problem, ..Condition::default() };
        let _ = components::report(&self.importer.pool, Role::Ingest, &condition).await;
        *known = condition.problem;
    }
}
