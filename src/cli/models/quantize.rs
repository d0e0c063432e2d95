//! `chronograde models quantize`: an int8 model of a float one, calibrated on the catalog's own pictures, and compared with its
//! original on others.

mod naming;
mod pictures;

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use self::naming::{file, new_name};
use super::{exit, say};
use crate::{
    cli::{Context, score::progress_bar},
    decode::Tensor,
    domain::Task,
    score::{
        Catalogue, EngineSettings, Manifest, Model, Network, Runtime,
        quantize::{Comparison, Parity, derived, write_npy},
    },
};

/// Fewer pictures say nothing about a model.
const LEAST: usize = 20;

/// Make an int8 model of a float one, calibrated on the catalog's own pictures
///
/// It needs Python 3 and fetches ONNX Runtime's tooling on its first run. The new model is compared with its original on pictures
/// that did not calibrate it, and kept only if it says nearly the same: a report beside it says how near.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The model
    name: String,
    /// What the new model is called [default: NAME-quantized]
    #[arg(long = "as", value_name = "NEW_NAME")]
    called: Option<String>,
    /// Pictures, or folders of them, instead of the catalog's, whose audit set is left out
    #[arg(long, value_name = "PATH", num_args = 1..)]
    images: Vec<PathBuf>,
    /// A table with the columns file and watch (1 or 0), as `evaluate` takes it, for comparing how well both tell watches [default: the
    /// labels of the catalog's pictures]. Its files are the pictures where --images names none; else they lie in a folder of --images
    #[arg(long, value_name = "FILE.csv")]
    labels: Option<PathBuf>,
    /// Pictures that calibrate it
    #[arg(long, value_name = "N", default_value_t = 200)]
    calibrate: usize,
    /// Pictures that it is compared on
    #[arg(long, value_name = "N", default_value_t = 200)]
    compare: usize,
    /// How ranges are found
    #[arg(long, value_parser = ["minmax", "entropy", "percentile"], default_value = "minmax")]
    method: String,
    /// The script that quantizes [default: scripts/convert beside the models folder]
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// What the network is given of a picture, and people's label, if there is one.
type Picture = (Tensor, Option<bool>);

/// Quantizes, compares, and keeps what may serve. Exit status 1: the new model may not serve, and is not kept.
pub(super) async fn run(context: &Context, catalogue: &Catalogue, args: Args) -> anyhow::Result<ExitCode> {
    let original = catalogue.get(&args.name)?;
    let network = single(original)?;
    ensure!(
        args.labels.is_none() || original.task == Task::Watch,
        "--labels says what is a watch, and {} is a quality model: leave it out",
        original.name
    );
    let folder = original.path.parent().unwrap_or(Path::new(".")).to_owned();
    let name = new_name(&args, catalogue, &folder)?;
    let script = script(context, args.script.as_deref())?;
    let (calibrating, others) = pictures(context, &args, network).await?;
    let scratch = TempDir::with_prefix_in(".quantize-", &folder)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    let made = scratch.path().join(file(&name));
    let tensors = made.with_extension("npy");
    write(&tensors, network, calibrating)?;
    let tooling = quantize(&script, network, &tensors, &made, &args.method).await?;
    let weights = fs::read(&made)?;
    let manifest = scratch.path().join(format!("{name}.toml"));
    fs::write(&manifest, derived(&original.path, &file(&name), &weights, true)?)?;
    let quantized = Catalogue::read(scratch.path())?;
    let parity = compare(context, [(catalogue, &original.name), (&quantized, &name)], &others).await?;
    let failures = parity.failures();
    let report = json!({ "original": original.name, "name": name, "parity": parity, "failures": failures, "tooling": tooling });
    let ending = if failures.is_empty() { "parity" } else { "refused" };
    let report_file = folder.join(format!("{name}.{ending}.json"));
    fs::write(&report_file, serde_json::to_string_pretty(&report)? + "\n")?;
    if failures.is_empty() {
        fs::write(&manifest, derived(&original.path, &file(&name), &weights, false)?)?;
        keep([&made, &manifest], &folder)?;
    }
    say(context, &report, &in_words(&name, &parity, &failures, &report_file));
    Ok(exit(failures.is_empty()))
}

/// Moves weights and manifest into the models folder, whole and on the disk before they have their names there. The manifest comes
/// last: without it the weights are nobody's, and the next run replaces them.
fn keep(files: [&Path; 2], folder: &Path) -> anyhow::Result<()> {
    for file in files {
        fs::File::open(file)?.sync_all()?;
        fs::rename(file, folder.join(file.file_name().unwrap_or_default()))?;
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Pictures to calibrate with, and others to compare on.
async fn pictures(
    context: &Context,
    args: &Args,
    network: &Network,
) -> anyhow::Result<(Vec<Picture>, Vec<Picture>)> {
    ensure!(
        args.calibrate >= LEAST && args.compare >= LEAST,
        "at least {LEAST} pictures are needed for each part"
    );
    let mut pictures =
        pictures::find_all(context, args, &network.input, args.calibrate + args.compare).await?;
    ensure!(
        pictures.len() >= 2 * LEAST,
        "only {} pictures could be read, and {} are needed: name some with --images",
        pictures.len(),
        2 * LEAST
    );
    // What has a label is wanted where it tells something: it calibrates only where nothing else is left.
    pictures.sort_by_key(|(_, label)| label.is_some());
    // Too few of them: both parts get their share.
    let share = (pictures.len() * args.calibrate / (args.calibrate + args.compare)).min(args.calibrate);
    let others = pictures.split_off(share);
    Ok((pictures, others))
}

/// The one network of a model, whose weights are here.
fn single(manifest: &Manifest) -> anyhow::Result<&Network> {
    let Some(network) = manifest.network() else {
        bail!(
            "{} is not one network: quantize its members, and name them in an ensemble of their own",
            manifest.name
        );
    };
    ensure!(
        network.is_downloaded(),
        "the weights of {} are not here: fetch them with `chronograde models pull {}`",
        manifest.name,
        manifest.name
    );
    Ok(network)
}

fn script(context: &Context, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let beside = context
        .settings
        .models
        .canonicalize()
        .ok()
        .and_then(|models| Some(models.parent()?.join("scripts/convert")));
    let candidates = match named {
        Some(path) => vec![path.to_owned()],
        None => beside.into_iter().chain([PathBuf::from("scripts/convert")]).collect(),
    };
    candidates.iter().find(|path| path.is_file()).cloned().with_context(|| {
        let looked: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
        format!(
            "the script that quantizes is not here (looked for {}): name it with --script",
            looked.join(", ")
        )
    })
}

/// Writes what the network is given of the pictures for the tooling.
fn write(to: &Path, network: &Network, pictures: Vec<Picture>) -> anyhow::Result<()> {
    let values: Vec<Tensor> = pictures.into_iter().map(|(tensor, _)| tensor).collect();
    let mut file = BufWriter::new(fs::File::create(to)?);
    write_npy(&mut file, &network.input, &values)?;
    Ok(file.flush()?)
}

/// Has ONNX Runtime's tooling write `made`; what it reports.
async fn quantize(
    script: &Path,
    network: &Network,
    tensors: &Path,
    made: &Path,
    method: &str,
) -> anyhow::Result<Value> {
    let output = Command::new(script)
        .arg("quantize")
        .args([&network.file, tensors, made])
        .args(["--method", method])
        .stderr(Stdio::inherit())
        .output()
        .await
        .with_context(|| format!("{} cannot be run", script.display()))?;
    ensure!(
        output.status.success(),
        "{} did not quantize the model; its words stand above",
        script.display()
    );
    fs::remove_file(tensors)?;
    serde_json::from_slice(&output.stdout).context("the script's report is no JSON")
}

/// Asks both models about the pictures, batch by batch.
async fn compare(
    context: &Context,
    models: [(&Catalogue, &str); 2],
    pictures: &[Picture],
) -> anyhow::Result<Parity> {
    let runtime = Runtime::load(&context.settings.libraries())?;
    let engine = EngineSettings { gives_way: false, ..context.settings.engine() };
    let [original, quantized] = models;
    let original = Model::load(original.0, original.1, runtime, engine).await?;
    let quantized = Model::load(quantized.0, quantized.1, runtime, engine).await?;
    let mut comparison = Comparison::of(original.manifest().task);
    let bar = progress_bar(pictures.len());
    for batch in pictures.chunks(context.settings.batch.get()) {
        comparison.add([&original, &quantized], batch).await?;
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(comparison.finish())
}

fn in_words(name: &str, parity: &Parity, failures: &[String], report: &Path) -> String {
    let mut text = format!(
        "{name}: on {} pictures that did not calibrate it: rank correlation {:.4}, largest difference {:.4}",
        parity.images, parity.srcc, parity.largest_difference
    );
    if let Some(auc) = parity.auc {
        text += &format!(
            "; area under the ROC curve {:.4}, was {:.4} ({} labelled)",
            auc.quantized, auc.original, auc.labelled
        );
    }
    text += &format!(
        "; {:.2} times as fast ({:.1} images a second, was {:.1})",
        parity.speed_ratio, parity.quantized_per_second, parity.original_per_second
    );
    if let Some(remark) = &parity.auc_not_compared {
        text += &format!("\nMind: {remark}.");
    }
    match failures {
        [] => text += "\nIt may serve, and lies beside its original.",
        failures => text += &format!("\nIt may not serve, and was not kept: {}.", failures.join("; ")),
    }
    format!("{text}\nReport: {}", report.display())
}
