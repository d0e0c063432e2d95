//! `chronograde import-labels`: watch labels from outside, of two folders or a table.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Context,
    analyse::print,
    score::{find, printable, progress_bar},
    table::Table,
};
use crate::{
    domain::{ContentHash, ImageId},
    export::unguarded,
    score::Question,
    store::label_imports::{self, Kept},
};

/// Unknown pictures that are named one by one.
const NAMED: usize = 10;

/// Bring watch labels in from outside: two folders of pictures, or a table
///
/// A label is of the image with the same bytes. It counts where nobody here has said anything that does, and never in the audit
/// set. The same labels twice change nothing.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("from").required(true).args(["table", "folders"]))]
pub struct Args {
    /// A table with a column sha256, or file (the name of a picture of the catalog), and a column verdict, or watch (1 or 0)
    #[arg(value_name = "FILE.csv")]
    table: Option<PathBuf>,
    /// A folder of watches, and a folder of other pictures, both with all their sub-folders
    #[arg(long, num_args = 2, value_names = ["WATCH_DIR", "OTHER_DIR"])]
    folders: Option<Vec<PathBuf>>,
    /// What the labels are called: a later import under the same name replaces what this one said [default: the file's or
    /// the folders' names]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// What the labels answer
    #[arg(long, value_parser = [Question::Watch.as_str(), Question::WatchOrClock.as_str()], default_value = Question::Watch.as_str())]
    question: String,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// A label, and where it was read.
struct Given {
    place: String,
    picture: Picture,
    watch: bool,
}

enum Picture {
    Bytes(ContentHash),
    Name(String),
}

/// What was read and what became of it; adds up to `labels`.
#[derive(Debug, Default)]
struct Outcome {
    labels: usize,
    kept: Kept,
    repeated: usize,
    audit: usize,
    unknown: Vec<String>,
}

/// Runs `chronograde import-labels`. Exit status 1: no picture of the labels is in the catalog.
///
/// # Errors
/// The labels cannot be read or contradict each other, or the database refuses; nothing is kept then.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let (given, without, name) = match (&args.table, &args.folders) {
        (Some(table), _) => {
            let (given, without) = from_table(table)?;
            (given, without, file_name(table))
        }
        (None, Some(folders)) => (
            from_folders(folders)?,
            0,
            folders.iter().map(|path| file_name(path)).collect::<Vec<_>>().join(" and "),
        ),
        (None, None) => bail!("give a table, or --folders WATCH_DIR OTHER_DIR"),
    };
    let source = args.source.clone().unwrap_or(name);
    ensure!(!source.trim().is_empty(), "--source must not be empty");
    let outcome =
        context.with_database(async |pool: &PgPool| keep(pool, given, &source, &args).await).await?;
    let said = in_words(&outcome, without, &source, args.dry_run);
    let Outcome { labels, kept, repeated, audit, unknown } = &outcome;
    print(context, &said, || {
        Ok(json!({
            "source": source, "labels": labels, "new": kept.new, "changed": kept.changed, "same": kept.same, "repeated": repeated,
            "audit": audit, "unknown": unknown.len(), "without_label": without, "dry_run": args.dry_run,
        }))
    })?;
    Ok(if *labels > 0 && unknown.len() == *labels { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Every picture of both folders, by its bytes.
fn from_folders(folders: &[PathBuf]) -> anyhow::Result<Vec<Given>> {
    let mut files = Vec::new();
    for (folder, watch) in folders.iter().zip([true, false]) {
        ensure!(folder.is_dir(), "{} is no folder", folder.display());
        files.extend(
            find(folder).into_iter().filter(|file| !file.may_be_no_picture).map(|file| (file.path, watch)),
        );
    }
    let bar = progress_bar(files.len());
    let mut given = Vec::with_capacity(files.len());
    for (path, watch) in files {
        let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        given.push(Given {
            place: printable(&path),
            picture: Picture::Bytes(ContentHash::of(&bytes)),
            watch,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(given)
}

/// The table's rows with a label, and the number of those without one.
fn from_table(path: &Path) -> anyhow::Result<(Vec<Given>, usize)> {
    let table = Table::with_header(path)?;
    // What people said here, if the table is one of our exports: its column `watch` may be the model's word.
    let label = match table.optional_column("verdict") {
        Some(column) => column,
        None => table.column("watch")?,
    };
    let sha256 = table.optional_column("sha256");
    let file = table.optional_column("file").or_else(|| table.optional_column("filename"));
    let (mut given, mut without) = (Vec::new(), 0);
    for row in table.rows() {
        let cell = row.cell(label);
        if cell.text().is_empty() {
            without += 1;
            continue;
        }
        let watch = cell.verdict()?;
        let hash = sha256.map(|column| row.cell(column)).filter(|cell| !cell.text().is_empty());
        let name = hash.or_else(|| file.map(|column| row.cell(column))).map_or("", |cell| cell.text());
        let place = format!("{name} ({}, line {})", path.display(), row.line());
        let picture = match (hash, file) {
            (Some(hash), _) => {
                Picture::Bytes(hash.text().parse().with_context(|| format!("{hash}: this is no SHA-256"))?)
            }
            (None, Some(file)) => Picture::Name(unguarded(row.cell(file).text()).to_owned()),
            (None, None) => {
                bail!("{}: a column sha256 or file must say which picture is meant", path.display())
            }
        };
        given.push(Given { place, picture, watch });
    }
    Ok((given, without))
}

/// Keeps the labels in one transaction.
async fn keep(pool: &PgPool, given: Vec<Given>, source: &str, args: &Args) -> anyhow::Result<Outcome> {
    let mut tx = pool.begin().await?;
    let found = find_pictures(&mut tx, &given).await?;
    let mut outcome = Outcome { labels: given.len(), ..Outcome::default() };
    let labels = matched(given, &found, &mut outcome)?;
    outcome.kept = label_imports::keep(&mut tx, source, &args.question, &labels).await?;
    if args.dry_run {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(outcome)
}

/// For each label the image that it is of, if there is one.
async fn find_pictures(
    conn: &mut PgConnection,
    given: &[Given],
) -> anyhow::Result<Vec<Option<label_imports::Found>>> {
    let names: Vec<String> = given
        .iter()
        .filter_map(|given| match &given.picture {
            Picture::Name(name) => Some(name.clone()),
            Picture::Bytes(_) => None,
        })
        .collect();
    let named: HashMap<String, ContentHash> =
        label_imports::named(&mut *conn, &names).await?.into_iter().collect();
    let hashes: Vec<Option<ContentHash>> = given
        .iter()
        .map(|given| match &given.picture {
            Picture::Bytes(hash) => Some(*hash),
            Picture::Name(name) => named.get(name).copied(),
        })
        .collect();
    let wanted: Vec<ContentHash> = hashes.iter().copied().flatten().collect();
    let found = label_imports::find(conn, &wanted).await?;
    let found: HashMap<ContentHash, label_imports::Found> =
        found.into_iter().map(|found| (found.hash, found)).collect();
    Ok(hashes.into_iter().map(|hash| found.get(&hash?).copied()).collect())
}

/// The labels of images, each once, by image; what is none of them is counted.
fn matched(
    given: Vec<Given>,
    found: &[Option<label_imports::Found>],
    outcome: &mut Outcome,
) -> anyhow::Result<Vec<(ImageId, bool)>> {
    let mut labels: HashMap<ImageId, (bool, String)> = HashMap::new();
    for (given, found) in given.into_iter().zip(found) {
        match found {
            None => outcome.unknown.push(given.place),
            Some(found) if found.audit => outcome.audit += 1,
            Some(found) => match labels.insert(found.image, (given.watch, given.place.clone())) {
                Some((watch, place)) if watch != given.watch => {
                    bail!(
                        "{place} and {} are the same picture with different labels; nothing was kept",
                        given.place
                    )
                }
                Some(_) => outcome.repeated += 1,
                None => {}
            },
        }
    }
    let mut labels: Vec<(ImageId, bool)> =
        labels.into_iter().map(|(image, (watch, _))| (image, watch)).collect();
    labels.sort_unstable_by_key(|(image, _)| image.0);
    Ok(labels)
}

fn in_words(outcome: &Outcome, without: usize, source: &str, dry_run: bool) -> String {
    let Outcome { labels, kept, repeated, audit, unknown } = outcome;
    let mut text = format!(
        "{labels} labels of {source:?}: {} new, {} changed, {} as before, {repeated} said twice, {audit} of the audit set (left out), {} of pictures that are \
         not in the catalog\n",
        kept.new,
        kept.changed,
        kept.same,
        unknown.len()
    );
    if without > 0 {
        text += &format!("{without} rows without a label were passed over\n");
    }
    for place in unknown.iter().take(NAMED) {
        text += &format!("not in the catalog: {place}\n");
    }
    if unknown.len() > NAMED {
        text += &format!("and {} more\n", unknown.len() - NAMED);
    }
    if !unknown.is_empty() {
        text += "Drop these pictures in the upload directory first, then import their labels again.\n";
    }
    if dry_run {
        text += "Nothing was kept (--dry-run).\n";
    }
    text
}
