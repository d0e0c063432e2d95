//! `chronograde analyse`: the product's mathematics on files of one's own.

mod agreement;
mod mos;
mod thresholds;

pub(super) use self::thresholds::labels;

use std::{
    collections::HashMap,
    fmt::Display,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use serde_json::Value;

use super::Context;

/// Arguments of `chronograde analyse`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Watch thresholds: a table with the columns watch (1 or 0), watch_confidence and, if there is one, listing
    Thresholds {
        /// A table in CSV
        file: PathBuf,
    },
    /// People against a model: a table with the columns votes_1 to votes_10 and model_1 to model_10, and image_id if there is one
    Agreement {
        /// A table in CSV
        file: PathBuf,
    },
    /// Scores freed from raters' bias: a table with the columns image, annotator, score, or a plain matrix of votes with a row per image
    /// and a column per annotator
    Mos {
        /// A table in CSV; an empty cell or nan is a missing vote
        file: PathBuf,
    },
}

/// Runs `chronograde analyse`.
///
/// # Errors
/// The file cannot be read or does not say what it must; standard output cannot be written.
pub fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Thresholds { file } => {
            let verdicts = thresholds::read(file)?;
            print(context, &verdicts, || verdicts.json())?;
        }
        What::Agreement { file } => {
            let agreement = agreement::Agreement::read(file)?;
            print(context, &agreement, || Ok(agreement.json()))?;
        }
        What::Mos { file } => {
            let scores = mos::Scores::read(file)?;
            print(context, &scores, || Ok(scores.json()))?;
            if let Some(doubt) = scores.doubt() {
                writeln!(io::stderr(), "warning: do not rely on scores and inconsistencies. {doubt}")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints `text` for people, or `json` if a program reads.
pub(super) fn print(
    context: &Context,
    text: &impl Display,
    json: impl FnOnce() -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    print_as(context.json, text, json)
}

/// Prints `text`, or `json` if `is_json`.
pub(super) fn print_as(
    is_json: bool,
    text: &impl Display,
    json: impl FnOnce() -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let printed = if is_json { writeln!(out, "{}", json()?) } else { write!(out, "{text}") };
    match printed.and_then(|()| out.flush()) {
        // Whoever reads our lines has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}

/// Numbers for names, in the order in which they first appear.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// The number of a name.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }

    /// The names by number.
    pub(super) fn as_slice(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests;
