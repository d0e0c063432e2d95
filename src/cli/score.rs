//! `chronograde score`: what the models say about files and folders, without a database.

mod files;
mod line;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt, future::try_join_all, stream};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{sync::Semaphore, task::spawn_blocking};

use self::line::{Layout, Line, Scores};
pub(super) use self::{
    files::{Found, find},
    line::printable,
};
use super::{Context, telemetry};
use crate::{
    config::Settings,
    decode::{self, Budget, Header, Limits, Need, SIGNALS_PX, Tensor},
    domain::Task,
    score::{Answer, Catalogue, EngineSettings, Model, Runtime},
};

/// Arguments of `chronograde score`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Score with this model, at most one per task [default: the default model of each task]
    #[arg(long = "model", value_name = "NAME")]
    model: Vec<String>,
    /// Print a table with the notebook's columns: path, quality_score, watch_pred
    #[arg(long)]
    csv: bool,
    /// Pictures, or folders, which are searched with all their sub-folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// How a command that could begin has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    AllScored,
    SomeFailed,
}

/// Runs `chronograde score`. Exit status 0: all scored; 1: some failed; 2: wrong usage or no model.
///
/// # Errors
/// Standard output cannot be written.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let prepared = match prepare(context, &args).await {
        Ok(prepared) => prepared,
        Err(error) => {
            writeln!(io::stderr(), "chronograde: {error:#}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let (scorer, layout) = prepared;
    match score_all(Arc::new(scorer), layout, &args.paths, &mut io::stdout()).await {
        Ok(Outcome::AllScored) => Ok(ExitCode::SUCCESS),
        Ok(Outcome::SomeFailed) => Ok(ExitCode::FAILURE),
        // Whoever reads our lines has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}

async fn prepare(context: &Context, args: &Args) -> anyhow::Result<(Scorer, Layout)> {
    ensure!(!(context.json && args.csv), "--json and --csv exclude each other");
    let scorer = Scorer::load(&context.settings, &args.model).await?;
    let tasks = (scorer.has(Task::Watch), scorer.has(Task::Quality));
    let layout = match (context.json, args.csv) {
        (true, _) => Layout::Json,
        (_, true) => Layout::csv(tasks),
        _ => Layout::Text,
    };
    Ok((scorer, layout))
}

/// Prints one line per picture, in the order of the paths, while later ones are being decoded.
async fn score_all(
    scorer: Arc<Scorer>,
    layout: Layout,
    paths: &[PathBuf],
    out: &mut impl Write,
) -> io::Result<Outcome> {
    let files: Vec<Found> = paths.iter().flat_map(|path| find(path)).collect();
    let bar = progress_bar(files.len());
    let mut lines = stream::iter(files)
        .map(|file| {
            let scorer = scorer.clone();
            async move { scorer.line(file).await }
        })
        .buffered(scorer.at_once);
    if let Some(header) = layout.header() {
        writeln!(out, "{header}")?;
    }
    let mut outcome = Outcome::AllScored;
    let mut printed = 0_usize;
    while let Some(line) = lines.next().await {
        bar.inc(1);
        let Some(line) = line else { continue };
        bar.suspend(|| line.print(layout, out, &mut io::stderr()))?;
        printed += 1;
        if line.scores.is_err() {
            outcome = Outcome::SomeFailed;
        }
    }
    bar.finish_and_clear();
    if printed == 0 {
        writeln!(io::stderr(), "no pictures were found")?;
    }
    out.flush()?;
    Ok(outcome)
}

/// A bar of files, on standard error.
pub(super) fn progress_bar(files: usize) -> ProgressBar {
    let bar = telemetry::below_the_log(ProgressBar::new(files as u64));
    match ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The models with what it takes to feed them.
pub(super) struct Scorer {
    models: Vec<Model>,
    limits: Limits,
    need: Need,
    memory: Budget,
    decoders: Semaphore,
    at_once: usize,
}

impl Scorer {
    /// Loads the models of these names, or the default of each task if there are none.
    pub(super) async fn load(settings: &Settings, names: &[String]) -> anyhow::Result<Self> {
        let catalogue = Catalogue::read(&settings.models)?;
        let names = chosen(&catalogue, names)?;
        let runtime = Runtime::load(&settings.libraries())?;
        // Nobody else is served by this process: no need to give way.
        let engine = EngineSettings { gives_way: false, ..settings.engine() };
        let models =
            try_join_all(names.iter().map(|name| Model::load(&catalogue, name, runtime, engine))).await?;
        let decoders = settings.decode_threads.get();
        Ok(Self {
            limits: settings.limits(),
            // The scale at which the service decodes too.
            need: models.iter().flat_map(Model::inputs).fold(Need::long_side(SIGNALS_PX), Need::and_model),
            memory: settings.decode_budget(),
            decoders: Semaphore::new(decoders),
            at_once: decoders + 2 * settings.batch.get(),
            models,
        })
    }

    fn has(&self, task: Task) -> bool {
        self.models.iter().any(|model| model.manifest().task == task)
    }

    /// How many pictures should be under way at once.
    pub(super) const fn at_once(&self) -> usize {
        self.at_once
    }

    /// `None` for a file of a folder that is no picture and does not claim to be one.
    pub(super) async fn line(&self, file: Found) -> Option<Line> {
        let scores = match file.problem {
            Some(problem) => Err(problem),
            None => self.score(&file.path, file.may_be_no_picture).await.transpose()?,
        };
        Some(Line { path: file.path, scores })
    }

    async fn score(&self, path: &Path, may_be_no_picture: bool) -> Result<Option<Scores>, String> {
        let Some(tensors) = self.tensors(path, may_be_no_picture).await? else { return Ok(None) };
        let asked = self.models.iter().zip(tensors).map(|(model, tensors)| model.score(tensors));
        let predictions = try_join_all(asked).await.map_err(|error| error.to_string())?;
        let mut scores = Scores::default();
        for (model, prediction) in self.models.iter().zip(predictions) {
            match prediction.answer {
                Answer::Watch(watch) => {
                    let is_watch = model.manifest().threshold.value.is_watch(watch.confidence);
                    scores.watch = Some((is_watch, watch));
                }
                Answer::Quality(distribution) => scores.quality = Some(distribution),
            }
        }
        Ok(Some(scores))
    }

    /// Reads and decodes on other threads: as many at once as there are decoders, within the memory budget.
    async fn tensors(
        &self,
        path: &Path,
        may_be_no_picture: bool,
    ) -> Result<Option<Vec<Vec<Tensor>>>, String> {
        let _decoder = self.decoders.acquire().await.map_err(|error| error.to_string())?;
        let (owned, limits) = (path.to_owned(), self.limits);
        let read = spawn_blocking(move || read(&owned, &limits)).await.map_err(|error| error.to_string())?;
        let (bytes, header) = match read {
            Err(ReadError::NotAnImage(_)) if may_be_no_picture => return Ok(None),
            read => read.map_err(|error| error.to_string())?,
        };
        let _memory = self.memory.take(header.decode_bytes(self.need)).await;
        let need = self.need;
        let picture = spawn_blocking(move || decode::decode_probed(&bytes, &header, need))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let inputs: Vec<Vec<_>> = self.models.iter().map(|model| model.inputs().cloned().collect()).collect();
        let all = move || {
            let tensors =
                |inputs: &Vec<_>| inputs.iter().map(|input| decode::tensor(&picture.rgb, input)).collect();
            inputs.iter().map(tensors).collect()
        };
        spawn_blocking(all).await.map(Some).map_err(|error| error.to_string())
    }
}

/// The models that were asked for, or the default of each task; never two of one task.
fn chosen(catalogue: &Catalogue, names: &[String]) -> anyhow::Result<Vec<String>> {
    if names.is_empty() {
        let default = |task: &Task| catalogue.default_for(*task).map(|manifest| manifest.name.clone());
        return Ok(Task::ALL.iter().map(default).collect::<Result<_, _>>()?);
    }
    let mut tasks = Vec::new();
    for name in names {
        let task = catalogue.get(name)?.task;
        if tasks.contains(&task) {
            bail!("two models of the task {task} were named: give at most one --model per task");
        }
        tasks.push(task);
    }
    Ok(names.to_vec())
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("{0}")]
    NotAnImage(decode::DecodeError),
    #[error(transparent)]
    Decode(decode::DecodeError),
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

fn read(path: &Path, limits: &Limits) -> Result<(Vec<u8>, Header), ReadError> {
    limits.check_file_bytes(fs::metadata(path)?.len()).map_err(ReadError::Decode)?;
    let bytes = fs::read(path)?;
    match decode::probe(&bytes, limits) {
        Ok(header) => Ok((bytes, header)),
        Err(error @ decode::DecodeError::NotAnImage) => Err(ReadError::NotAnImage(error)),
        Err(error) => Err(ReadError::Decode(error)),
    }
}

#[cfg(test)]
mod tests;
