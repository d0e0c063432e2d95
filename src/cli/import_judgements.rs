//! `chronograde import-judgements`: votes and answers that `chronograde export` wrote, into another catalog with the same pictures.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

use super::{Context, analyse::print};
use crate::store::judgement_imports;

/// Rows that are kept at once.
const AT_ONCE: usize = 2_000;

/// Bring in votes.jsonl or corrections.jsonl that another catalog exported
///
/// Judgements are of the pictures with the same bytes, and each comes in once, with who gave it (by number), when, in which round,
/// and what was visible. Their people cannot sign in, their rounds are closed, and they count as they did there.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE.jsonl")]
    files: Vec<PathBuf>,
}

/// What became of a file's rows.
#[derive(Debug, Default)]
struct Outcome {
    rows: usize,
    new: u64,
    unknown: i64,
}

/// Runs `chronograde import-judgements`.
///
/// # Errors
/// A file cannot be read or is none of ours, or the database refuses; nothing is kept then.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let work = async |pool: &PgPool| {
        let mut tx = pool.begin().await?;
        let mut outcomes = Vec::new();
        for file in &args.files {
            outcomes.push((file, import(&mut tx, file).await.with_context(|| file.display().to_string())?));
        }
        tx.commit().await?;
        anyhow::Ok(outcomes)
    };
    let outcomes = context.with_database(work).await?;
    for (file, outcome) in outcomes {
        let Outcome { rows, new, unknown } = outcome;
        let before = (rows as u64).saturating_sub(new + unknown.unsigned_abs());
        let text = format!(
            "{}: {rows} judgements: {new} new, {before} here already, {unknown} of pictures that are not in the catalog\n",
            file.display()
        );
        print(context, &text, || {
            Ok(json!({ "file": file, "rows": rows, "new": new, "here_already": before, "unknown": unknown }))
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn import(conn: &mut PgConnection, file: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut makers: BTreeMap<(Option<i64>, String), Value> = BTreeMap::new();
    // Once for the people and rounds, in the order of their making; once for the judgements.
    let mut lines = rows(file)?;
    while let Some(batch) = lines.next_batch()? {
        for place in judgement_imports::new(&mut *conn, &batch).await? {
            let Some(row) = usize::try_from(place).ok().and_then(|place| batch.get(place)) else { continue };
            let who = row["annotator_id"].as_str().unwrap_or_default().to_owned();
            makers.entry((row["round_id"].as_i64(), who)).or_insert_with(|| row.clone());
        }
    }
    judgement_imports::prepare(&mut *conn, &makers.into_values().collect::<Vec<_>>()).await?;
    let mut lines = rows(file)?;
    while let Some(mut batch) = lines.next_batch()? {
        outcome.rows += batch.len();
        outcome.unknown += judgement_imports::unknown(&mut *conn, &batch).await?;
        let mut new = judgement_imports::new(&mut *conn, &batch).await?.into_iter().peekable();
        let mut place = 0..;
        batch.retain(|_| new.next_if_eq(&place.next().unwrap_or_default()).is_some());
        outcome.new += judgement_imports::keep(&mut *conn, &batch).await?;
    }
    Ok(outcome)
}

/// The rows of a file, some at a time.
struct Rows {
    lines: std::iter::Enumerate<std::io::Lines<BufReader<File>>>,
}

fn rows(file: &Path) -> anyhow::Result<Rows> {
    let file = File::open(file).context("it cannot be read")?;
    Ok(Rows { lines: BufReader::new(file).lines().enumerate() })
}

impl Rows {
    /// The next rows; none at the end.
    fn next_batch(&mut self) -> anyhow::Result<Option<Vec<Value>>> {
        let mut batch = Vec::new();
        for (number, line) in self.lines.by_ref() {
            let line = line.context("it cannot be read")?;
            let row: Value =
                serde_json::from_str(&line).with_context(|| format!("line {} is no JSON", number + 1))?;
            let is_ours = ["sha256", "annotator_id", "client_key"].iter().all(|key| row[key].is_string())
                && (row["vote_id"].is_i64() != row["correction_id"].is_i64());
            ensure!(
                is_ours,
                "line {} is none of votes.jsonl or corrections.jsonl, as `chronograde export` writes them",
                number + 1
            );
            batch.push(row);
            if batch.len() == AT_ONCE {
                break;
            }
        }
        Ok((!batch.is_empty()).then_some(batch))
    }
}
