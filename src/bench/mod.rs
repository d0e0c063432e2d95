//! What `chronograde bench` measures: how fast the networks alone are, how fast the whole service is, what each
//! stage costs, and what a sweep over files that did not change costs.
//!
//! Everything runs on the real parts, in a scratch folder with a private database of its own, and nothing is
//! left behind. The networks alone are measured directly before and after each run of the service, so that a
//! machine that gets slower meanwhile slows both down.

mod bare;
mod end_to_end;
mod error;
pub mod figures;
pub mod gallery;
mod machine;
mod memory;
mod pictures;
mod progress;
mod report;
mod sandbox;
mod stages;
mod sweep;
mod synthetic;
pub mod votes;

use std::{path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;

use self::{bare::Bare, pictures::Pictures, sandbox::Sandbox};
pub use self::{
    bare::ModelRate,
    end_to_end::EndToEnd,
    error::BenchError,
    machine::Machine,
    memory::Memory,
    report::{Report, Round, Workload},
    stages::Stage,
    sweep::Sweep,
    synthetic::{Latency, Scored},
};
use crate::config::Settings;

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Folder of pictures, searched with all its sub-folders.
    pub images: PathBuf,
    /// Pictures that are dropped in each round: copies of those of the folder, each with other bytes.
    pub files: usize,
    /// Rounds of networks alone, service, networks alone.
    pub repeat: usize,
    /// Files that the sweep finds unchanged.
    pub sweep_files: usize,
    /// How long each network runs alone, before and after each run of the service.
    pub bare: Duration,
    /// Where the scratch folder is made.
    pub scratch: PathBuf,
}

/// Measures everything. Cancelling `stop` ends it early; the scratch folder is removed either way.
///
/// # Errors
/// No pictures, no model, no database, or the service did not rank what was dropped.
pub async fn run(plan: &Plan, settings: &Settings, stop: CancellationToken) -> Result<Report, BenchError> {
    let machine = Machine::look(&plan.scratch);
    let bare = Bare::of(settings)?;
    let pictures = Pictures::find(&plan.images, &settings.limits(), bare.need())?;
    let sandbox = Sandbox::open(settings, &plan.scratch).await?;
    let measured = tokio::select! {
        measured = Box::pin(measure(plan, &sandbox, machine, (bare, pictures))) => measured,
        () = stop.cancelled() => Err(BenchError::Stopped),
    };
    // What went wrong before matters more than a folder that is left.
    let closed = sandbox.close().await;
    let report = measured?;
    closed?;
    Ok(report)
}

async fn measure(
    plan: &Plan,
    sandbox: &Sandbox,
    machine: Machine,
    (bare, mut pictures): (Bare, Pictures),
) -> Result<Report, BenchError> {
    let tensors = bare.tensors(&pictures)?;
    let mut rounds = Vec::with_capacity(plan.repeat);
    let mut batches = Vec::new();
    for _ in 0..plan.repeat.max(1) {
        let before = bare.run(&tensors, plan.bare).await?;
        let end_to_end = end_to_end::measure(sandbox, &mut pictures, plan.files).await?;
        let after = bare.run(&tensors, plan.bare).await?;
        let models: Vec<_> = before.into_iter().zip(after).map(|(before, after)| before.and(after)).collect();
        rounds.push(Round::new(&models, end_to_end));
        batches.push(models);
    }
    drop(tensors);
    let stages = stages::measure(sandbox, &mut pictures, &batches).await?;
    let sweep = sweep::measure(sandbox, plan.sweep_files).await?;
    let workload = Workload::new(&pictures, &sandbox.settings);
    Ok(Report { machine, workload, rounds, stages, sweep })
}

#[cfg(test)]
mod tests;
