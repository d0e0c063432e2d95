//! Progress bars, on stderr.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for `count` steps of `what`; it disappears when it is dropped.
pub(super) fn bar(what: &'static str, count: usize) -> Bar {
    let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
    let bar = match ProgressStyle::with_template("{msg:20} {bar:30} {pos}/{len} {per_sec} {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    Bar(bar.with_message(what))
}

/// One bar.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// `done` steps are done.
    pub(super) fn at(&self, done: usize) {
        self.0.set_position(done as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
