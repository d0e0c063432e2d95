//! `chronograde bench loop`: whether recalibrating from a few corrections helps, and whether it ever harms.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use serde_json::json;

use crate::{
    calibration::{Rehearsal, rehearse},
    cli::{
        Context,
        analyse::{labels, print},
        text::{aligned, cells, number},
    },
    domain::Threshold,
    statistics::Sampling,
};

/// Arguments of `chronograde bench loop`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A table with the columns watch (1 or 0) and watch_confidence
    #[arg(long, value_name = "FILE.csv")]
    labels: PathBuf,
    /// Start from this threshold; may be given several times
    #[arg(long, value_name = "THRESHOLD", required = true)]
    from: Vec<f64>,
    /// Corrections to draw each time
    #[arg(long, value_name = "N", default_value_t = 200)]
    corrections: usize,
    /// How often to draw
    #[arg(long, value_name = "N", default_value_t = 50)]
    times: usize,
    /// What the draws are made from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Runs `chronograde bench loop`.
///
/// # Errors
/// The table cannot be read, or a threshold is none.
pub fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let labels = labels(&args.labels)?;
    anyhow::ensure!(
        args.corrections < labels.len(),
        "{} holds {} images: draw fewer than that, so that some are left to judge on",
        args.labels.display(),
        labels.len()
    );
    let sampling = Sampling { draws: args.times, seed: args.seed };
    let rehearsals = args
        .from
        .iter()
        .map(|from| {
            let threshold = Threshold::new(*from).context("--from is no threshold")?;
            Ok((*from, rehearse(&labels, threshold, args.corrections, sampling)))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    print(context, &text(&rehearsals), || Ok(rehearsals.iter().map(json).collect()))?;
    Ok(ExitCode::SUCCESS)
}

fn json((from, rehearsal): &(f64, Rehearsal)) -> serde_json::Value {
    json!({
        "from": from,
        "median_gain_f1": rehearsal.quantile(0.5),
        "p05_gain_f1": rehearsal.quantile(0.05),
        "p95_gain_f1": rehearsal.quantile(0.95),
        "applied": rehearsal.applied,
        "judged": rehearsal.gains.len(),
        "unusable": rehearsal.unusable,
    })
}

fn text(rehearsals: &[(f64, Rehearsal)]) -> String {
    let mut rows =
        vec![cells(["from", "applied", "judged", "unusable", "gain in F1: 5 %", "median", "95 %"])];
    rows.extend(rehearsals.iter().map(|(from, rehearsal)| {
        let [low, median, high] = [0.05, 0.5, 0.95].map(|q| number(rehearsal.quantile(q)));
        let Rehearsal { gains, applied, unusable } = rehearsal;
        let counts = [*applied, gains.len(), *unusable].map(|count| count.to_string());
        [from.to_string()].into_iter().chain(counts).chain([low, median, high]).collect()
    }));
    aligned(&rows)
}
