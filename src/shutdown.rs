//! Two-stage stop: the first signal lets work in hand finish, a second one (or a delay) ends the process.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long work in hand may take after the first signal.
pub const GRACE: Duration = Duration::from_secs(20);

/// A token that the first SIGINT or SIGTERM cancels. A second signal ends the process at once: whatever
/// was in hand is picked up again at the next start.
///
/// # Errors
/// When the process cannot listen for signals.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::info!("stopping: work in hand is finished first; another signal stops at once");
        first.cancel();
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::warn!("stopped at the second signal");
        std::process::exit(130);
    });
    Ok(stop)
}
