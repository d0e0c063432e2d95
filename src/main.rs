//! The `chronograde` program: parses the command line, starts the log, calls the command.

use std::process::ExitCode;

use chronograde::cli::{Cli, telemetry};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match telemetry::start() {
        Ok(()) => cli.run().await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place where a failed command says why")]
            {
                eprintln!("chronograde: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
