//! The figures of the galleries, for programs and for people.

use std::fmt;

use serde::Serialize;

use super::{GalleryPlan, Measured};
use crate::bench::Machine;

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct GalleryReport {
    version: &'static str,
    warnings: Vec<String>,
    machine: Machine,
    /// Requests per second.
    pub rate: u32,
    /// Seconds for which each list was asked for.
    pub seconds: f64,
    /// Images per second through the networks while nothing else happens; none where no pictures were named.
    pub networks_alone: Option<f64>,
    /// Every list at every size.
    pub lists: Vec<Measured>,
}

impl GalleryReport {
    pub(super) fn new(
        machine: Machine,
        plan: &GalleryPlan,
        networks_alone: Option<f64>,
        lists: Vec<Measured>,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            warnings: machine.warnings(),
            machine,
            rate: plan.rate,
            seconds: plan.time.as_secs_f64(),
            networks_alone,
            lists,
        }
    }
}

impl fmt::Display for GalleryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        for warning in &self.warnings {
            writeln!(f, "WARNING: {warning}")?;
        }
        writeln!(
            f,
            "{} requests per second, {:.0} s for each list; milliseconds\n",
            self.rate, self.seconds
        )?;
        if let Some(alone) = self.networks_alone {
            writeln!(f, "the networks alone: {alone:.1} images per second\n")?;
        }
        writeln!(
            f,
            "{:>9}  {:<20}{:>9}{:>9}{:>9}{:>11}{:>9}{:>10}{:>10}{:>8}{:>9}",
            "images",
            "list",
            "p50",
            "p99",
            "max",
            "scoring p50",
            "p99",
            "written/s",
            "networks",
            "share",
            "KB"
        )?;
        for Measured { images, list, page_bytes, idle, scoring, scored, unasked, .. } in &self.lists {
            let networks =
                scored.networks_per_second.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
            // Of the pace at which they ran while the same rows were written and nobody asked for a page.
            let share = scored.networks_per_second.zip(unasked.networks_per_second);
            let share = share.map_or_else(|| "-".to_owned(), |(now, then)| format!("{:.2}", now / then));
            writeln!(
                f,
                "{images:>9}  {list:<20}{:>9.2}{:>9.2}{:>9.2}{:>11.2}{:>9.2}{:>10.1}{networks:>10}{share:>8}{:>9.1}",
                idle.p50_ms,
                idle.p99_ms,
                idle.max_ms,
                scoring.p50_ms,
                scoring.p99_ms,
                scored.written_per_second,
                *page_bytes as f64 / 1e3,
            )?;
        }
        Ok(())
    }
}
