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
            print(if context.json { Ok(verdicts.json()?) } else { Err(&verdicts) })?;
        }
        What::Agreement { file } => {
            let agreement = agreement::Agreement::read(file)?;
            print(if context.json { Ok(agreement.json()) } else { Err(&agreement) })?;
        }
        What::Mos { file } => {
            let scores = mos::Scores::read(file)?;
            print(if context.json { Ok(scores.json()) } else { Err(&scores) })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints for programs, or for people.
pub(super) fn print(output: Result<serde_json::Value, &dyn Display>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let printed = match output {
        Ok(json) => writeln!(out, "{json}"),
        Err(text) => write!(out, "{text}"),
    };
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
