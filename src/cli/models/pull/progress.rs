//! How far a pull is: a bar at a terminal, lines of the log elsewhere.

use std::time::Duration;

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

use crate::{cli::telemetry, score::Event};

/// What is shown of one pull.
pub(super) struct Progress<'a> {
    model: &'a str,
    bytes: u64,
    bar: ProgressBar,
    /// Tenths of the file that were told of.
    tenths: u64,
}

impl<'a> Progress<'a> {
    /// That of the weights of `model`, of so many bytes.
    pub(super) fn new(model: &'a str, bytes: u64) -> Self {
        let bar = telemetry::below_the_log(ProgressBar::new(bytes));
        bar.enable_steady_tick(Duration::from_millis(500));
        let style = ProgressStyle::with_template(
            "{prefix} {bar:30} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta} left {msg}",
        );
        let bar = match style {
            Ok(style) => bar.with_style(style).with_prefix(model.to_owned()),
            Err(_) => bar,
        };
        Self { model, bytes, bar, tenths: 0 }
    }

    pub(super) fn show(&mut self, event: &Event<'_>) {
        let (model, bar) = (self.model, &self.bar);
        match event {
            Event::Asking { url, there } => {
                bar.set_position(*there);
                bar.reset_eta();
                tracing::debug!(url, there, "asking");
                self.tenths = self.tenths_of(*there);
            }
            Event::Progress(there) => {
                bar.set_message("");
                bar.set_position(*there);
                self.tell(*there);
            }
            Event::Pausing { problem, pause } => {
                let said = format!("{problem}; again in {} s", pause.as_secs());
                if bar.is_hidden() {
                    tracing::info!(model, "{said}");
                }
                bar.set_message(format!("({said})"));
            }
            Event::GaveUp { url, problem } => {
                tracing::warn!(url, "this address was given up: {problem}");
            }
        }
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }

    /// Where nobody sees the bar, a line for each tenth.
    fn tell(&mut self, there: u64) {
        let tenths = self.tenths_of(there);
        if self.bar.is_hidden() && tenths > self.tenths {
            self.tenths = tenths;
            tracing::info!(model = self.model, "{} % of {} are here", 10 * tenths, DecimalBytes(self.bytes));
        }
    }

    const fn tenths_of(&self, there: u64) -> u64 {
        there.saturating_mul(10) / if self.bytes == 0 { 1 } else { self.bytes }
    }
}
