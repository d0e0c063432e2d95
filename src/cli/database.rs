//! `chronograde database run -- CMD…`: a command with a database, for the checks of this repository.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Context as _;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{process::Child, signal::unix::SignalKind};

use super::Context;
use crate::{
    cluster::{Database, Durability},
    config::{Secret, Settings},
    startup,
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
    let settings = &context.settings;
    if throw_away {
        throw_away::sweep().await;
        let dir = throw_away::dir(std::process::id());
        std::fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let database = Database::private(&dir, Durability::ThrowAway).await?;
        let ran = with(database, settings, &command).await;
        throw_away::remove(&dir).await;
        return ran;
    }
    let url = settings.database_url.as_ref().map(Secret::reveal);
    with(Database::open(url, &settings.data_dir).await?, settings, &command).await
}

/// Runs `command` and closes the database after it, also when Ctrl-C ended it.
async fn with(database: Database, settings: &Settings, command: &[OsString]) -> anyhow::Result<ExitCode> {
    let (program, arguments) = command.split_first().context("no command to run")?;
    let ran = async {
        let pool = startup::connect(&database, settings).await?;
        startup::migrate(&pool).await?;
        pool.close().await;
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

/// Directories of databases that last as long as one process.
mod throw_away {
    use std::{
        os::unix::fs::MetadataExt,
        path::{Path, PathBuf},
    };

    use nix::unistd::Uid;

    use crate::cluster::Database;

    /// Not the user's own folder for temporary files: the server's user may be unable to reach it.
    const PARENT: &str = "/tmp";
    const PREFIX: &str = "chronograde-throw-away-";

    /// The directory of the process `pid`.
    pub(super) fn dir(pid: u32) -> PathBuf {
        Path::new(PARENT).join(format!("{PREFIX}{pid}"))
    }

    /// Removes the directories, and ends the servers, of processes that were killed.
    pub(super) async fn sweep() {
        for entry in std::fs::read_dir(PARENT).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let ours = entry.metadata().is_ok_and(|meta| meta.uid() == Uid::effective().as_raw());
            let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
            if let Some(pid) = pid.filter(|pid| ours && !Path::new(&format!("/proc/{pid}")).exists()) {
                remove(&dir(pid)).await;
            }
        }
    }

    /// Removes a directory that nobody uses; a failure is worth a word, but not worth more.
    pub(super) async fn remove(dir: &Path) {
        let remove = async {
            if Database::discard(dir).await? {
                std::fs::remove_dir_all(dir)?;
            }
            anyhow::Ok(())
        };
        if let Err(error) = remove.await {
            tracing::warn!("{} is left behind: {error:#}", dir.display());
        }
    }
}
