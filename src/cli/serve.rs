//! `chronograde serve`: the service, in the foreground.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use super::Context;
use crate::{clock::Clock, config::Role, shutdown, startup::Application};

/// Runs the service
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Parts of the service to run in this process
    #[arg(long, value_delimiter = ',', default_values = ["web", "ingest", "score"])]
    roles: Vec<Role>,
    /// Address of the pages and the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Folder in which pictures are dropped [default: upload in the data directory]
    #[arg(long, value_name = "DIR")]
    upload_dir: Option<PathBuf>,
    /// Never offer to fetch anything from the internet
    #[arg(long)]
    offline: bool,
}

impl Args {
    /// Everything in one process.
    pub fn at(listen: Option<SocketAddr>) -> Self {
        Self { roles: vec![Role::Web, Role::Ingest, Role::Score], listen, upload_dir: None, offline: false }
    }
}

/// Runs the service until a signal ends it.
///
/// # Errors
/// What kept it from starting, or ended it.
pub async fn run(context: Context, args: Args) -> anyhow::Result<ExitCode> {
    let mut settings = context.settings;
    settings.listen = args.listen.unwrap_or(settings.listen);
    settings.upload_dir = args.upload_dir.or(settings.upload_dir);
    settings.offline |= args.offline;
    let stop = shutdown::on_signal()?;
    let upload_dir = settings.upload_dir();
    let application = Application::build(settings, &args.roles, Clock::System).await?;
    if let (Some(listen), Some(address)) = (application.address(), application.public_address()) {
        tracing::info!(%listen, upload_dir = %upload_dir.display(), "chronograde is ready at {address}");
        if let Some(set_up) = application.set_up().await? {
            tracing::warn!("{}", set_up.in_words(&address));
        }
    }
    application.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}
