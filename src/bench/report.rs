//! The figures, for programs and for people.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{
    bare::{ModelRate, Runs},
    end_to_end::EndToEnd,
    figures::{median, one_after_the_other},
    machine::Machine,
    pictures::Pictures,
    stages::Stage,
    sweep::Sweep,
};
use crate::config::Settings;

/// What was measured with.
#[derive(Clone, Debug, Serialize)]
pub struct Workload {
    /// Different pictures; copies of them fill up what is dropped.
    pub pictures: usize,
    /// Files of the folder that are no pictures.
    pub skipped: usize,
    /// Median size of a file in bytes.
    pub median_bytes: f64,
    /// Median width in pixels.
    pub median_width_px: f64,
    /// Median height in pixels.
    pub median_height_px: f64,
    /// Most images that a network is given at once.
    pub batch: usize,
    /// Copies of each network that run side by side.
    pub score_copies: usize,
    /// Threads of each copy.
    pub score_threads: usize,
    /// Pictures that are decoded at the same time.
    pub decode_threads: usize,
    /// Jobs in hand at the same time.
    pub score_jobs: usize,
}

impl Workload {
    pub(super) fn new(pictures: &Pictures, settings: &Settings) -> Self {
        let middle = |figure: &dyn Fn(&super::pictures::Source) -> f64| {
            median(&pictures.sources.iter().map(figure).collect::<Vec<_>>()).unwrap_or_default()
        };
        Self {
            pictures: pictures.sources.len(),
            skipped: pictures.skipped,
            median_bytes: middle(&|source| source.bytes as f64),
            median_width_px: middle(&|source| source.width_px.into()),
            median_height_px: middle(&|source| source.height_px.into()),
            batch: settings.batch.get(),
            score_copies: settings.engine().threads.get(),
            score_threads: settings.engine().intra_threads.get(),
            decode_threads: settings.decode_threads.get(),
            score_jobs: settings.score_jobs.get(),
        }
    }
}

/// One round: networks alone, service, networks alone.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// Each network alone.
    pub models: Vec<ModelRate>,
    /// Images per second through all networks, one network after the other.
    pub bare_images_per_second: f64,
    /// The service.
    pub end_to_end: EndToEnd,
    /// The service's rate by the networks'.
    pub ratio: f64,
    /// The same without the settling time.
    pub ratio_settled: f64,
}

impl Round {
    pub(super) fn new(runs: &[Runs], end_to_end: EndToEnd) -> Self {
        let models: Vec<ModelRate> = runs.iter().map(Runs::rate).collect();
        let bare = one_after_the_other(models.iter().map(|model| model.images_per_second));
        Self {
            models,
            bare_images_per_second: bare,
            end_to_end,
            ratio: end_to_end.images_per_second / bare,
            ratio_settled: end_to_end.images_per_second_settled / bare,
        }
    }
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// On what.
    pub machine: Machine,
    /// With what.
    pub workload: Workload,
    /// Networks alone, and the service.
    pub rounds: Vec<Round>,
    /// What an image costs at each stage.
    pub stages: Vec<Stage>,
    /// Looking at files that did not change.
    pub sweep: Sweep,
}

impl Report {
    /// The median over the rounds.
    pub fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(&self.rounds.iter().map(figure).collect::<Vec<_>>()).unwrap_or_default()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 11)?;
        report.serialize_field("version", env!("CARGO_PKG_VERSION"))?;
        report.serialize_field("warnings", &self.machine.warnings())?;
        report.serialize_field("machine", &self.machine)?;
        report.serialize_field("workload", &self.workload)?;
        let bare = self.median(|round| round.bare_images_per_second);
        report.serialize_field("bare_images_per_second", &bare)?;
        let end_to_end = self.median(|round| round.end_to_end.images_per_second);
        report.serialize_field("end_to_end_images_per_second", &end_to_end)?;
        report.serialize_field("ratio", &self.median(|round| round.ratio))?;
        report.serialize_field("ratio_settled", &self.median(|round| round.ratio_settled))?;
        report.serialize_field("rounds", &self.rounds)?;
        report.serialize_field("stages", &self.stages)?;
        report.serialize_field("sweep", &self.sweep)?;
        report.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, workload: load, .. } = self;
        writeln!(f, "{machine}")?;
        for warning in machine.warnings() {
            writeln!(f, "WARNING: {warning}")?;
        }
        writeln!(
            f,
            "{} pictures ({} files are none), median {:.0} KB, {:.0}×{:.0} px; batch {}, {} copies of each network with \
             {} threads, {} decoders, {} jobs in hand",
            load.pictures,
            load.skipped,
            load.median_bytes / 1e3,
            load.median_width_px,
            load.median_height_px,
            load.batch,
            load.score_copies,
            load.score_threads,
            load.decode_threads,
            load.score_jobs,
        )?;
        self.rounds.iter().try_for_each(|round| write_round(f, round))?;
        if self.rounds.len() > 1 {
            let (ratio, settled) =
                (self.median(|round| round.ratio), self.median(|round| round.ratio_settled));
            writeln!(
                f,
                "\nmedian of {} rounds: ratio {ratio:.3}, {settled:.3} without settling",
                self.rounds.len()
            )?;
        }
        writeln!(f, "\n{:<36}{:>10}{:>10}{:>10}{:>9}", "ms per image", "median", "p95", "mean", "images")?;
        for Stage { stage, what, images, spread } in &self.stages {
            let (median, p95, mean) = (spread.median_ms, spread.p95_ms, spread.mean_ms);
            writeln!(f, "{stage:<36}{median:>10.3}{p95:>10.3}{mean:>10.3}{images:>9}  {what}")?;
        }
        write_sweep(f, &self.sweep)
    }
}

fn write_round(f: &mut fmt::Formatter<'_>, round: &Round) -> fmt::Result {
    writeln!(f)?;
    for model in &round.models {
        let ModelRate { name, task, images_per_second, images, .. } = model;
        writeln!(f, "{name:<36}{images_per_second:>10.1} images/s  ({task}, alone, {images} images)")?;
    }
    let EndToEnd { files, seconds, settling_seconds, cpu_ms_per_image, memory, .. } = round.end_to_end;
    writeln!(f, "{:<36}{:>10.1} images/s", "both, in turn", round.bare_images_per_second)?;
    let whole = round.end_to_end.images_per_second;
    writeln!(f, "{:<36}{whole:>10.1} images/s  ({files} files in {seconds:.1} s)", "dropped to ranked")?;
    let settled = round.end_to_end.images_per_second_settled;
    writeln!(
        f,
        "{:<36}{settled:>10.1} images/s  (the first file settled for {settling_seconds:.1} s)",
        "without settling"
    )?;
    writeln!(
        f,
        "{:<36}{:>10.3}             {:.3} without settling",
        "ratio", round.ratio, round.ratio_settled
    )?;
    writeln!(f, "{:<36}{cpu_ms_per_image:>10.2} ms per image, without the database's", "CPU of the service")?;
    writeln!(
        f,
        "{:<36}{:>10.0} MiB at most, growing by {:.2} MiB per 1,000 images",
        "memory", memory.most_mib, memory.growth_mib_per_1000
    )
}

fn write_sweep(f: &mut fmt::Formatter<'_>, sweep: &Sweep) -> fmt::Result {
    let Sweep { files, seconds, cpu_seconds, rest_seconds, .. } = sweep;
    let database = match sweep.database_cpu_seconds {
        Some(seconds) => format!("{seconds:.2} s of the database"),
        None => "an unknown time of the database".to_owned(),
    };
    writeln!(
        f,
        "\nsweep over {files} unchanged files: {seconds:.2} s; CPU {cpu_seconds:.2} s and {database}; with a rest of \
         {rest_seconds:.1} s that is {:.1} % of a core",
        sweep.share_of_a_core * 100.0
    )
}
