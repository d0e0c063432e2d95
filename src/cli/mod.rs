//! The command line: one file per subcommand.
//!
//! Data goes to stdout; progress bars and logs go to stderr.

mod analyse;
mod backup;
mod bench;
mod database;
mod demo;
mod doctor;
mod evaluate;
mod export;
mod healthcheck;
mod import_judgements;
mod import_labels;
mod ingest;
mod migrate;
mod models;
mod restore;
mod score;
mod serve;
mod table;
mod telemetry;
mod text;
mod tokens;
mod users;
mod verdicts;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use sqlx::PgPool;

use crate::{
    cluster::{self, Database},
    config::{Secret, Settings},
    shutdown, startup,
};

/// The program: parses the command line, starts the log, runs the command, and says why it failed.
///
/// It is here and not beside `fn main`, because an `async fn` is compiled by the crate that awaits it: there all of the service would be
/// compiled with the binary.
pub fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let code = runtime.block_on(run());
    // A network that is being opened takes as long as it takes, and nobody wants it any more.
    runtime.shutdown_timeout(LAST_CALL);
    code
}

/// How long the program waits, when its command has ended, for what is still computed or read.
const LAST_CALL: Duration = Duration::from_secs(5);

async fn run() -> ExitCode {
    let cli = Cli::parse();
    let ended = match telemetry::start() {
        Ok(()) => cli.run().await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where a failed command says why")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("chronograde: {error:#}");
    ExitCode::FAILURE
}

/// A self-hosted catalog service for watch photographs with a feedback loop.
#[derive(Debug, Parser)]
#[command(name = "chronograde", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
struct Global {
    /// Print JSON, one object per line, instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Folder of the database, renditions and stored originals [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder of the model manifests [default: models]
    #[arg(long, global = true, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// What a command is given besides its own arguments.
#[derive(Debug)]
pub struct Context {
    /// Whether the output is read by a program.
    pub json: bool,
    /// The settings, flags applied.
    pub settings: Settings,
}

impl Context {
    /// Refuses where there is no catalog: another would be made in the wrong folder, empty, and be taken for the right one.
    ///
    /// # Errors
    /// Neither is a database named, nor has the data directory one.
    pub fn ensure_catalog(&self) -> anyhow::Result<()> {
        let folder = &self.settings.data_dir;
        if self.settings.database_url.is_some() || cluster::is_made(folder) {
            return Ok(());
        }
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        anyhow::bail!(
            "there is no catalog in {}: name its data directory with --data-dir or CHRONOGRADE_DATA_DIR (it is ./data of the folder that \
             one is in unless one says otherwise), or start `chronograde serve`, which makes one",
            folder.display()
        )
    }

    /// Does `work` on the settings' database, which is there, brought up to date first, and closes it afterwards.
    ///
    /// # Errors
    /// There is no catalog, a migration failed, or the work did.
    pub async fn with_database<T>(
        &self,
        work: impl AsyncFnOnce(&PgPool) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.ensure_catalog()?;
        self.with_new_database(work).await
    }

    /// The same without bringing it up to date: for what only looks. A database of another version may refuse.
    ///
    /// # Errors
    /// There is no catalog, or the work failed.
    pub async fn with_database_as_it_is<T>(
        &self,
        work: impl AsyncFnOnce(&PgPool) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.ensure_catalog()?;
        self.on_database(false, work).await
    }

    /// The same on a database that is made if there is none.
    ///
    /// # Errors
    /// There is no database, a migration failed, or the work did.
    pub async fn with_new_database<T>(
        &self,
        work: impl AsyncFnOnce(&PgPool) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.on_database(true, work).await
    }

    async fn on_database<T>(
        &self,
        migrates: bool,
        work: impl AsyncFnOnce(&PgPool) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let stop = shutdown::on_signal()?;
        let url = self.settings.database_url.as_ref().map(Secret::reveal);
        let database = Database::open(url, &self.settings.data_dir).await?;
        let worked = async {
            let pool = startup::connect(&database, &self.settings).await?;
            if migrates {
                startup::migrate(&pool).await?;
            }
            // A signal must not leave the private server running with nobody to stop it.
            let worked = tokio::select! {
                worked = work(&pool) => worked,
                () = stop.cancelled() => Err(anyhow::anyhow!("stopped by a signal; what was done until then stays")),
            };
            pool.close().await;
            worked
        };
        let worked = worked.await;
        database.close().await?;
        worked
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serve::Args),
    /// Score pictures and folders without a database, one line per picture
    Score(score::Args),
    Ingest(ingest::Args),
    ImportLabels(import_labels::Args),
    ImportJudgements(import_judgements::Args),
    Export(export::Args),
    /// Measure the watch model on labelled pictures, without a database
    Evaluate(evaluate::Args),
    /// Work out thresholds, agreement or scores from a table of one's own
    Analyse(analyse::Args),
    /// Measure how fast pictures are scored and stored on this machine
    Bench(bench::Args),
    Models(models::Args),
    /// Bring the database's tables up to date
    Migrate,
    Tokens(tokens::Args),
    Users(users::Args),
    Demo(demo::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Doctor(doctor::Args),
    /// Succeed when the service of these settings answers
    #[command(hide = true)]
    Healthcheck,
    /// Run another program with a database
    #[command(hide = true)]
    Database(database::Args),
}

impl Cli {
    /// Reads the settings and runs the command.
    ///
    /// # Errors
    /// Whatever stopped the command, as a chain from what was tried to what went wrong.
    async fn run(self) -> anyhow::Result<ExitCode> {
        let Global { json, data_dir, models } = self.global;
        let mut settings = match Settings::from_environment(environment()) {
            Err(error) if matches!(self.command, Command::Doctor(_)) => {
                return doctor::without_settings(json, error);
            }
            settings => settings?,
        };
        settings.data_dir = data_dir.unwrap_or(settings.data_dir);
        settings.models = models.unwrap_or(settings.models);
        let context = Context { json, settings };
        match self.command {
            Command::Serve(args) => serve::run(context, args).await,
            Command::Score(args) => score::run(&context, args).await,
            Command::Ingest(args) => ingest::run(&context, args).await,
            Command::Evaluate(args) => evaluate::run(&context, args).await,
            Command::ImportLabels(args) => import_labels::run(&context, args).await,
            Command::ImportJudgements(args) => import_judgements::run(&context, args).await,
            Command::Export(args) => export::run(&context, args).await,
            Command::Analyse(args) => analyse::run(&context, &args),
            Command::Bench(args) => Box::pin(bench::run(&context, args)).await,
            Command::Models(args) => models::run(&context, args).await,
            Command::Migrate => migrate::run(&context).await,
            Command::Tokens(args) => tokens::run(&context, args).await,
            Command::Demo(args) => demo::run(context, args).await,
            Command::Users(args) => users::run(&context, args).await,
            Command::Backup(args) => backup::run(&context, args).await,
            Command::Restore(args) => restore::run(&context, args).await,
            Command::Doctor(args) => doctor::run(&context, args).await,
            Command::Healthcheck => healthcheck::run(&context),
            Command::Database(args) => database::run(&context, args).await,
        }
    }
}

/// The process's environment; a variable that is not UTF-8 is none of ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
