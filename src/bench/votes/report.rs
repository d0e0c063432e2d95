//! The figures of the votes, for programs and for people.

use std::fmt;

use serde::Serialize;

use super::{Measured, VotesPlan};
use crate::bench::Machine;

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct VotesReport {
    version: &'static str,
    warnings: Vec<String>,
    machine: Machine,
    /// Images in the catalog.
    pub images: u32,
    /// People who voted, each once a second.
    pub annotators: u8,
    /// Seconds that were measured.
    pub seconds: f64,
    /// While nothing else happens.
    pub idle: Measured,
    /// While images are scored.
    pub scoring: Measured,
}

impl VotesReport {
    pub(super) fn new(machine: Machine, plan: &VotesPlan, idle: Measured, scoring: Measured) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            warnings: machine.warnings(),
            machine,
            images: plan.images,
            annotators: plan.annotators,
            seconds: plan.time.as_secs_f64(),
            idle,
            scoring,
        }
    }
}

impl fmt::Display for VotesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        for warning in &self.warnings {
            writeln!(f, "WARNING: {warning}")?;
        }
        writeln!(
            f,
            "{} annotators, one vote a second each, {:.0} s; {} images in the catalog; milliseconds\n",
            self.annotators, self.seconds, self.images
        )?;
        writeln!(
            f,
            "{:<9}{:>8}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}{:>6}{:>8}{:>8}{:>9}{:>7}",
            "",
            "votes",
            "p50",
            "p99",
            "max",
            "repeated",
            "cut off",
            "refused",
            "lost",
            "double",
            "over k",
            "no image",
            "kept"
        )?;
        for (when, measured) in [("idle", &self.idle), ("scoring", &self.scoring)] {
            let Measured { latency, kept, .. } = measured;
            writeln!(
                f,
                "{when:<9}{:>8}{:>9.2}{:>9.2}{:>9.2}{:>10}{:>9}{:>9}{:>6}{:>8}{:>8}{:>9}{:>7}",
                measured.accepted,
                latency.p50_ms,
                latency.p99_ms,
                latency.max_ms,
                measured.repeated,
                measured.cut_off,
                measured.refused,
                kept.lost,
                kept.double,
                kept.beyond,
                measured.without_image,
                kept.votes,
            )?;
        }
        if let Some(scored) = self.scoring.scored {
            write!(
                f,
                "\nmeanwhile the rows of {:.1} images a second were written",
                scored.written_per_second
            )?;
            let networks = scored.networks_per_second;
            let networks = networks.map(|rate| format!(", and the networks took {rate:.1} images a second"));
            writeln!(f, "{}", networks.unwrap_or_default())?;
        }
        Ok(())
    }
}
