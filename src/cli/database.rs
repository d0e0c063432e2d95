//! `chronograde database run -- CMD…`: a command with a database, for the checks of this repository.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{ConnectOptions, Connection};
use tokio::{process::Child, signal::unix::SignalKind};

use super::Context;
use crate::{
    cluster::{Database, Durability},
    store::MIGRATOR,
};

/// Arguments of `chronograde database`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Run a command with DATABASE_URL set to a migrated database; its exit status is passed on
    Run {
        /// Make an empty database for it, which is fast but not durable, and throw it away afterwards
        #[arg(long)]
        throw_away: bool,
        /// The command and its arguments
        #[arg(required = true, last = true)]
        command: Vec<OsString>,
    },
}

/// Runs `chronograde database`.
///
/// # Errors
/// There is no database, or the command cannot be started.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let Action::Run { throw_away, command } = args.action;
    if throw_away {
        let dir = ThrowAwayDir::new()?;
        let database = Database::private(&dir.0, Durability::ThrowAway).await?;
        return with(database, &command).await;
    }
    let settings = &context.settings;
    let url = settings.database_url.as_ref().map(crate::config::Secret::reveal);
    with(Database::open(url, &settings.data_dir).await?, &command).await
}

/// Runs `command` and closes the database after it, also when Ctrl-C ended it.
async fn with(database: Database, command: &[OsString]) -> anyhow::Result<ExitCode> {
    let (program, arguments) = command.split_first().context("no command to run")?;
    let ran = async {
        migrate(&database).await.context("cannot migrate the database")?;
        let child = tokio::process::Command::new(program)
            .args(arguments)
            .env("DATABASE_URL", database.url())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        wait(child).await
    };
    let ran = ran.await;
    database.close().await?;
    ran
}

async fn migrate(database: &Database) -> anyhow::Result<()> {
    let mut connection = database.connect_options()?.connect().await?;
    MIGRATOR.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Waits for the command to end. Ctrl-C reaches it without our help, but must not end us before it; what
/// `kill` sends to us is passed on.
async fn wait(mut child: Child) -> anyhow::Result<ExitCode> {
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let code = status?.code().and_then(|code| u8::try_from(code).ok());
                return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
            }
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
                    // It may just have ended by itself.
                    let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
                }
            }
        }
    }
}

/// A directory that is removed when this value is dropped.
struct ThrowAwayDir(PathBuf);

impl ThrowAwayDir {
    fn new() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("chronograde-throw-away-{}", std::process::id()));
        std::fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for ThrowAwayDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("cannot remove {}: {error}", self.0.display());
        }
    }
}
