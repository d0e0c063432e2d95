//! What takes seconds and has no measure of how far it is.

use std::{future::Future, time::Duration};

use indicatif::ProgressBar;

use crate::cli::{Context, telemetry};

/// Does `work`, and says meanwhile at a terminal what goes on.
pub(super) async fn spinning<T>(
    context: &Context,
    what: impl Into<String>,
    work: impl Future<Output = T>,
) -> T {
    let spinner = if context.json {
        ProgressBar::hidden()
    } else {
        telemetry::below_the_log(ProgressBar::new_spinner())
    };
    spinner.set_message(what.into());
    spinner.enable_steady_tick(Duration::from_millis(100));
    let done = work.await;
    spinner.finish_and_clear();
    done
}
