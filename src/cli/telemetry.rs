//! Logs go to stderr: `CHRONOGRADE_LOG` says how much, `CHRONOGRADE_LOG_FORMAT=json` for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Our own messages, and other crates' only when something is wrong.
const DEFAULT_FILTER: &str = "warn,chronograde=info";

/// Starts the log. Called once, by `main`.
pub fn start() {
    let filter =
        EnvFilter::try_from_env("CHRONOGRADE_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let json = std::env::var("CHRONOGRADE_LOG_FORMAT").is_ok_and(|format| format == "json");
    let has_colours = std::io::stderr().is_terminal();
    let text =
        (!json).then(|| fmt::layer().with_writer(std::io::stderr).with_ansi(has_colours).with_target(false));
    let json = json.then(|| fmt::layer().json().with_writer(std::io::stderr));
    tracing_subscriber::registry().with(filter).with(text).with(json).init();
}
