//! The server of one cluster: made, started, waited for, stopped.
//!
//! The server process and all its children inherit the locked file `server.lock` as their standard input.
//! The kernel drops that lock when the last of them is gone, however they ended, so "is a server alive?" has
//! one true answer, which needs no process number: can `server.lock` be locked? Whoever can lock it is the
//! one who may start the server.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::PathBuf,
    process::{Child, Output, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::{
    ClusterError,
    binaries::Binaries,
    place::Place,
    settings::{self, Durability, NAME, PORT},
};

/// Time between two looks at a server that starts or stops.
const LOOK: Duration = Duration::from_millis(40);
/// A server that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(90);
/// A server that has not stopped after this time is left to itself.
const STOPPING: Duration = Duration::from_secs(300);

/// PostgreSQL's SQLSTATE codes that we meet on the way to a connection.
mod sqlstate {
    pub(super) const ADMIN_SHUTDOWN: &str = "57P01";
    pub(super) const CRASH_SHUTDOWN: &str = "57P02";
    pub(super) const CANNOT_CONNECT_NOW: &str = "57P03";
    pub(super) const NO_SUCH_DATABASE: &str = "3D000";
    pub(super) const DUPLICATE_DATABASE: &str = "42P04";
    pub(super) const UNIQUE_VIOLATION: &str = "23505";
}

/// One cluster and the way to its server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) place: Place,
    pub(super) durability: Durability,
}

impl Server {
    /// Address of the database.
    pub(super) fn url(&self) -> String {
        let socket_dir = self.place.socket_dir();
        format!("postgres://{NAME}@localhost:{PORT}/{NAME}?host={}&sslmode=disable", socket_dir.display())
    }

    /// Waits until the server answers; starts it, after making the cluster, when nobody else does.
    pub(super) async fn ready(&self) -> Result<(), ClusterError> {
        let mut heard = Instant::now();
        let mut child = None;
        loop {
            match self.connect().await {
                Ok(()) => break,
                Err(error) if is_starting(&error) => heard = Instant::now(),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(lock) = self.try_lock()? {
                if child.is_some() {
                    return Err(self.start_error());
                }
                child = Some(self.start(lock).await?);
                heard = Instant::now();
            }
            if heard.elapsed() > SILENCE {
                return Err(ClusterError::Silent { dir: self.place.pgdata(), log: self.log() });
            }
            tokio::time::sleep(LOOK).await;
        }
        child.map_or(Ok(()), reap)
    }

    /// Whether a server process is alive, answering or not.
    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.try_lock(), Ok(Some(_)))
    }

    /// Stops the server and waits until its last process is gone. The caller sees to it that nobody uses it.
    pub(super) fn stop(&self) -> Result<(), ClusterError> {
        let asked = Instant::now();
        let mut signalled = None;
        while self.try_lock()?.is_none() {
            if let Some(pid) = self.postmaster().filter(|&pid| signalled != Some(pid)) {
                // A "fast" shutdown: connections are closed, everything is written, nothing is lost.
                kill(pid, Signal::SIGINT).map_err(|errno| {
                    ClusterError::io("stop the server in", self.place.pgdata())(errno.into())
                })?;
                signalled = Some(pid);
            }
            if asked.elapsed() > STOPPING {
                return Err(ClusterError::Stop { dir: self.place.pgdata() });
            }
            std::thread::sleep(LOOK);
        }
        // Best effort: the directory is empty, and made again by the next start.
        let _ = fs::remove_dir(self.place.socket_dir());
        Ok(())
    }

    /// The lock that says that no server is alive; `None` while one is.
    fn try_lock(&self) -> Result<Option<File>, ClusterError> {
        self.place.try_lock("server.lock")
    }

    /// Connects, and makes the database when the cluster has just been made.
    async fn connect(&self) -> sqlx::Result<()> {
        let options: PgConnectOptions = self.url().parse()?;
        match options.connect().await {
            Err(error) if has_code(&error, &[sqlstate::NO_SUCH_DATABASE]) => {}
            connected => return connected?.close().await,
        }
        let mut connection = PgConnection::connect_with(&options.database("postgres")).await?;
        let made = sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {NAME}")))
            .execute(&mut connection)
            .await;
        connection.close().await?;
        match made {
            // Somebody else was faster.
            Err(error) if has_code(&error, &[sqlstate::DUPLICATE_DATABASE, sqlstate::UNIQUE_VIOLATION]) => {
                Ok(())
            }
            made => made.map(drop),
        }
    }

    /// Starts the server, which keeps `lock`.
    async fn start(&self, lock: File) -> Result<Child, ClusterError> {
        let binaries = Binaries::find(self.made_by()?, &self.place.pgdata())?;
        if self.made_by()?.is_none() {
            self.init(&binaries, &lock).await?;
        }
        let socket_dir = self.place.make_socket_dir()?;
        // We hold the lock, so what a killed server left here is nobody's.
        let _ = fs::remove_file(socket_dir.join(format!(".s.PGSQL.{PORT}.lock")));
        settings::write(&self.place, &socket_dir, self.durability)?;
        let log = self.new_log()?;
        let program = binaries.program("postgres");
        let mut command = self.place.owner.command(&program);
        command.arg("-D").arg(self.place.pgdata());
        command.arg("-c").arg(format!("config_file={}", self.place.file("postgresql.conf").display()));
        if let Some(pid) = self.recorded_pid() {
            // We hold the lock, so this process is not the server, whatever its number says. PostgreSQL would
            // refuse to start beside a living process of that number, unless it is its "grandparent".
            command.env("PG_GRANDPARENT_PID", pid.to_string());
        }
        let log_too = log.try_clone().map_err(ClusterError::io("open", self.log()))?;
        command.stdin(lock).stdout(log).stderr(log_too).spawn().map_err(ClusterError::io("run", program))
    }

    /// Makes the cluster under another name and renames it, so that a half-made one is never taken for whole.
    async fn init(&self, binaries: &Binaries, lock: &File) -> Result<(), ClusterError> {
        let (new, pgdata) = (self.place.file("pgdata.new"), self.place.pgdata());
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ClusterError::io("remove", new)(error));
            }
            _ => self.place.make_private_dir(&new)?,
        }
        tracing::info!("making a database in {}", pgdata.display());
        let program = binaries.program("initdb");
        let mut command = self.place.owner.command(&program);
        command.arg("-D").arg(&new).args(["--username", NAME, "--encoding", "UTF8", "--data-checksums"]);
        command.args(["--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C"]);
        command.args(["--lc-monetary=C", "--lc-numeric=C", "--lc-time=C", "--auth=reject"]);
        if self.durability == Durability::ThrowAway {
            command.arg("--no-sync");
        }
        let lock = lock.try_clone().map_err(ClusterError::io("open", self.place.file("server.lock")))?;
        command.stdin(lock).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(ClusterError::io("run", program))?;
        if !output.status.success() {
            return Err(ClusterError::Init { dir: pgdata, output: printed(&output) });
        }
        fs::rename(&new, &pgdata).map_err(ClusterError::io("name", pgdata))
    }

    /// The major version that made the cluster; `None` while there is no cluster.
    fn made_by(&self) -> Result<Option<u32>, ClusterError> {
        let path = self.place.pgdata().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ClusterError::io("read", path)(error)),
        }
    }

    /// The process number in `postmaster.pid`, which outlives a killed server.
    fn recorded_pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.place.pgdata().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok().filter(|&pid| pid > 0).map(Pid::from_raw)
    }

    /// The server's main process, if the recorded process really is one of this cluster.
    fn postmaster(&self) -> Option<Pid> {
        let pid = self.recorded_pid()?;
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let pgdata = self.place.pgdata();
        arguments
            .split(|&byte| byte == 0)
            .any(|one| one == pgdata.as_os_str().as_encoded_bytes())
            .then_some(pid)
    }

    fn log(&self) -> PathBuf {
        self.place.file("server.log")
    }

    /// An empty log; the one of the server's last life is kept beside it.
    fn new_log(&self) -> Result<File, ClusterError> {
        let log = self.log();
        let _ = fs::rename(&log, self.place.file("server.log.1"));
        OpenOptions::new().append(true).create_new(true).open(&log).map_err(ClusterError::io("create", log))
    }

    fn start_error(&self) -> ClusterError {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n");
        ClusterError::Start { dir: self.place.pgdata(), log: last }
    }
}

fn printed(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{}", out.trim(), err.trim())
}

/// Collects the server's exit status whenever it ends, so that no zombie stays behind.
fn reap(mut child: Child) -> Result<(), ClusterError> {
    std::thread::Builder::new()
        .name("postgres-exit".to_owned())
        .spawn(move || child.wait())
        .map(drop)
        .map_err(ClusterError::io("watch", "the server"))
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| codes.contains(&&*code))
}

/// The server is there, but is starting, recovering or stopping.
fn is_starting(error: &sqlx::Error) -> bool {
    has_code(error, &[sqlstate::CANNOT_CONNECT_NOW, sqlstate::ADMIN_SHUTDOWN, sqlstate::CRASH_SHUTDOWN])
}

/// There is no server, or it went away while we spoke to it.
fn is_absent(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_))
}
