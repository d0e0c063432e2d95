//! Logs go to stderr: `CHRONOGRADE_LOG` says how much, `CHRONOGRADE_LOG_FORMAT=json` for machines.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::LazyLock,
};

use anyhow::bail;
use indicatif::{MultiProgress, ProgressBar};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Our own messages, and other crates' only when something is wrong. A worker that ends, for other models are run, warns of every job
/// that it had in hand, and completes it.
const DEFAULT_FILTER: &str = "warn,chronograde=info,graphile_worker::batcher=error";

/// The bars that lines of the log are written above.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A bar on stderr that stays below what is logged meanwhile. It must not be suspended to log something: logging does that.
pub(super) fn below_the_log(bar: ProgressBar) -> ProgressBar {
    BARS.add(bar)
}

/// Stderr, with the bars out of the way while a line is written.
struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Starts the log. Called once, by `main`.
///
/// # Errors
/// One of the two variables says something that there is not.
pub fn start() -> anyhow::Result<()> {
    let filter = filter(std::env::var("CHRONOGRADE_LOG").ok())?;
    let json = is_json(std::env::var("CHRONOGRADE_LOG_FORMAT").ok())?;
    let has_colours = std::io::stderr().is_terminal();
    let text =
        (!json).then(|| fmt::layer().with_writer(|| AboveBars).with_ansi(has_colours).with_target(false));
    let json = json.then(|| fmt::layer().json().with_writer(|| AboveBars));
    tracing_subscriber::registry().with(filter).with(text).with(json).init();
    Ok(())
}

fn filter(value: Option<String>) -> anyhow::Result<EnvFilter> {
    let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(EnvFilter::new(DEFAULT_FILTER)) };
    match EnvFilter::try_new(&text) {
        Ok(filter) => Ok(filter),
        Err(_) => bail!(
            "CHRONOGRADE_LOG must be a level or a filter, such as debug or chronograde=debug, not “{text}”"
        ),
    }
}

fn is_json(value: Option<String>) -> anyhow::Result<bool> {
    match value.as_deref() {
        Some("json") => Ok(true),
        None | Some("" | "text") => Ok(false),
        Some(other) => bail!("CHRONOGRADE_LOG_FORMAT must be text or json, not “{other}”"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_and_no_format_is_refused() {
        assert!(filter(Some("((".to_owned())).unwrap_err().to_string().contains("CHRONOGRADE_LOG must be"));
        assert!(is_json(Some("xml".to_owned())).unwrap_err().to_string().contains("text or json"));
        assert!(filter(Some("chronograde=debug".to_owned())).is_ok() && filter(None).is_ok());
        assert!(is_json(Some("json".to_owned())).unwrap() && !is_json(None).unwrap());
    }
}
