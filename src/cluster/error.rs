//! What can go wrong with the private cluster, each in a sentence that names the way out.

use std::{io, path::PathBuf};

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The machine has no usable PostgreSQL.
    #[error(
        "PostgreSQL {minimum} or newer is not installed. Install it with `sudo apt-get install postgresql`, \
         or set DATABASE_URL to a server of your own"
    )]
    NotInstalled {
        /// The oldest major version that serves us.
        minimum: u32,
    },
    /// The cluster was made by another major version than any that is installed.
    #[error(
        "the database in {} was made by PostgreSQL {made_by}, but this machine has only {installed}. Install the \
         old version beside it with `sudo apt-get install postgresql-{made_by}` (if your distribution no longer has \
         it: https://wiki.postgresql.org/wiki/Apt), then start again", .dir.display()
    )]
    Version {
        /// The cluster's directory.
        dir: PathBuf,
        /// The major version that made it.
        made_by: u32,
        /// The major versions on this machine, as text.
        installed: String,
    },
    /// A client program is absent or too old.
    #[error(
        "{name} of PostgreSQL {server_major} or newer is needed for this database; this machine has {}. Install it \
         with `sudo apt-get install postgresql-client-{server_major}`",
        if installed.is_empty() { "none" } else { installed.as_str() }
    )]
    NoClient {
        /// The program.
        name: &'static str,
        /// The database's major version.
        server_major: u32,
        /// The major versions on this machine, as text.
        installed: String,
    },
    /// The cluster belongs to somebody else.
    #[error(
        "the database in {} belongs to the user {owner}. Run the command as {owner} or as root, or name another \
         directory with --data-dir", .dir.display()
    )]
    Foreign {
        /// The cluster's directory.
        dir: PathBuf,
        /// Name or number of its owner.
        owner: String,
    },
    /// The cluster belongs to root.
    #[error(
        "the database in {} belongs to root, as whom PostgreSQL refuses to run. Give it to the user it had before: \
         `chown -R postgres {}`", .dir.display(), .dir.display()
    )]
    BelongsToRoot {
        /// The cluster's directory.
        dir: PathBuf,
    },
    /// root found no user under whom it could run the server.
    #[error("PostgreSQL does not run as root, and there is neither a user `postgres` nor a user `nobody`")]
    NoUser,
    /// Somebody else's directory stands where our socket belongs.
    #[error("{} should be a directory of mode 0700 that belongs to the user {owner}. Remove it and start again", .dir.display())]
    SocketDir {
        /// The directory.
        dir: PathBuf,
        /// Name or number of the user that it should belong to.
        owner: String,
    },
    /// A file or directory could not be read or written, or a program not be run.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// The file, directory or program.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("cannot create the database in {}: initdb says:\n{output}", .dir.display())]
    Init {
        /// The cluster's directory.
        dir: PathBuf,
        /// What initdb printed.
        output: String,
    },
    /// The server ended before it was ready.
    #[error("the database server in {} does not start. Its log says:\n{log}", .dir.display())]
    Start {
        /// The cluster's directory.
        dir: PathBuf,
        /// The end of the server's log.
        log: String,
    },
    /// Some server holds the cluster, but does not answer.
    #[error(
        "a database server holds {} but does not answer. If another container, or a service with a \
         /tmp of its own, uses the same directory, stop that one; otherwise look into {}", .dir.display(), .log.display()
    )]
    Silent {
        /// The cluster's directory.
        dir: PathBuf,
        /// The server's log.
        log: PathBuf,
    },
    /// The server was told to stop, and has not.
    #[error("the database server in {} has not stopped yet; it goes on stopping by itself", .dir.display())]
    Stop {
        /// The cluster's directory.
        dir: PathBuf,
    },
    /// The server of `DATABASE_URL` does not let us in, or does not answer.
    #[error("the database at {place} {why}; start the server, or correct DATABASE_URL")]
    Away {
        /// Host and port.
        place: String,
        /// What it does, or does not.
        why: String,
        /// Whether another try may succeed: nobody answers, or the server is starting.
        may_pass: bool,
    },
    /// The server answered with an error, or `DATABASE_URL` is not an address.
    #[error("the database refuses the connection")]
    Connect(#[from] sqlx::Error),
}

impl ClusterError {
    /// Wraps an I/O error with what was tried and where.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
