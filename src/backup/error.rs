//! What can go wrong with a backup, each in a sentence that names the way out.

use std::{fmt, io, path::PathBuf};

use crate::{cluster::ClusterError, startup::StartupError};

/// Why a backup was not written, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Reason,
    },
    /// There is a file of that name.
    #[error("{} is there already and is left as it is: name another file", .0.display())]
    Exists(PathBuf),
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// The file is none of ours.
    #[error("{} is not a backup that chronograde wrote: it does not begin with chronograde-backup.json", .0.display())]
    NoBackup(PathBuf),
    /// The file is of a later version.
    #[error(
        "this backup was made by chronograde {0}, which is newer than this one: restore it with that version"
    )]
    Newer(String),
    /// The file is of a later PostgreSQL than the database that is to take it.
    #[error(
        "this backup comes from PostgreSQL {backup}, but the database is PostgreSQL {server}, which may not understand it: \
         restore into PostgreSQL {backup} or newer (sudo apt-get install postgresql-{backup})"
    )]
    NewerServer {
        /// The major version that the backup comes from.
        backup: u32,
        /// The major version that is here.
        server: u32,
    },
    /// The file is not whole.
    #[error("the backup is damaged: {0}. Nothing was restored; use another one")]
    Damaged(String),
    /// There is a catalog already.
    #[error(
        "{0} is not empty, and a backup is restored into an empty place only: name another --data-dir or database"
    )]
    NotEmpty(String),
    /// After restoring, the database has other rows than it had.
    #[error(
        "restored, but the table {table} has {found} rows and should have {expected}: do not use this database"
    )]
    Rows {
        /// The table.
        table: String,
        /// Its rows then.
        expected: i64,
        /// Its rows now.
        found: i64,
    },
    /// No database.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database answers, but not as it should.
    #[error("the database refused")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error(transparent)]
    Startup(#[from] StartupError),
    /// A mistake of ours.
    #[error("a part of the work ended unexpectedly")]
    Panicked(#[from] tokio::task::JoinError),
}

/// What the system said, in its own words: an error of `tempfile` names the temporary file, which means nothing to anybody.
#[derive(Debug)]
pub struct Reason(io::Error);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.get_ref().and_then(|inner| inner.source());
        match inner {
            Some(cause) => write!(f, "{cause}"),
            None => write!(f, "{}", self.0),
        }
    }
}

impl std::error::Error for Reason {}

impl BackupError {
    /// Wraps an I/O error with what was tried and where.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: Reason(source) }
    }
}
