//! `chronograde models`: what networks there are, whether they are what their manifests say, how they come here, and
//! how they are made smaller.

mod accept;
mod activate;
mod check;
mod list;
mod pull;
mod quantize;
mod spinner;

use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use self::spinner::spinning;
use super::Context;
use crate::score::{Catalogue, add};

/// List the models, check them, and bring their weights to this machine
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the models of the models folder
    List,
    /// Load models as the service would: checksum, names, shapes, types, golden picture
    Check {
        /// The models [default: all whose weights are here, and every manifest that cannot be read]
        names: Vec<String>,
    },
    Pull(pull::Args),
    Quantize(quantize::Args),
    Activate(activate::Args),
    /// Accept what a model says since its numbers moved, as another version by which every image is scored
    Accept {
        /// The model
        name: String,
    },
    /// Put a weights file that was fetched elsewhere where its manifest wants it
    Add {
        /// The file; its manifest is found by its SHA-256
        file: PathBuf,
    },
}

/// Runs `chronograde models`. Exit status 1: a model did not come, or is not what its manifest says.
///
/// # Errors
/// The models folder cannot be used, a name is unknown, or no manifest wants the file.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::read(&context.settings.models)?;
    match args.command {
        Command::List => list::run(context, &catalogue).await,
        Command::Check { names } => check::run(context, &catalogue, &names).await,
        Command::Pull(args) => pull::run(context, &catalogue, args).await,
        Command::Activate(args) => activate::run(context, args).await,
        Command::Accept { name } => accept::run(context, &name).await,
        Command::Quantize(args) => quantize::run(context, &catalogue, args).await,
        Command::Add { file } => bring(context, &catalogue, file).await,
    }
}

async fn bring(context: &Context, catalogue: &Catalogue, file: PathBuf) -> anyhow::Result<ExitCode> {
    let searched = catalogue.clone();
    let what = format!("{} is read, and put in its place", file.display());
    let adding = tokio::task::spawn_blocking(move || add(&searched, &file));
    let added = spinning(context, what, adding).await??;
    let mut all_well = true;
    for model in added {
        let line = json!({ "name": model.name, "outcome": "added", "file": model.file });
        say(context, &line, &format!("{}: {}", model.name, model.file.display()));
        all_well &= check::one(context, &model.name).await;
    }
    Ok(exit(all_well))
}

/// Tells of the manifests that cannot be read; whether there are none.
fn tell_of_refused(context: &Context, catalogue: &Catalogue) -> bool {
    for refused in catalogue.refused() {
        let (name, problem) = (refused.name(), refused.to_string());
        let line = json!({ "name": name, "outcome": "refused", "problem": problem });
        say(context, &line, &format!("{name}: {problem}"));
    }
    catalogue.refused().is_empty()
}

/// One line of data, for programs or for people.
#[expect(clippy::print_stdout, reason = "the command's data")]
fn say(context: &Context, json: &serde_json::Value, text: &str) {
    if context.json {
        println!("{json}");
    } else {
        println!("{text}");
    }
}

fn exit(all_well: bool) -> ExitCode {
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
