//! `chronograde evaluate`: the original notebook's table for labelled pictures of one's own, without a database.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt, stream};

use super::{
    Context,
    analyse::{Names, print},
    score::{Found, Scorer, find, printable, progress_bar},
    table::Table,
    verdicts::Verdicts,
};
use crate::{calibration::Label, domain::Task, score::Catalogue};

/// Arguments of `chronograde evaluate`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["labels", "folders"]))]
pub struct Args {
    /// A table with the columns file and watch (1 or 0), and listing if there is one
    #[arg(long, value_name = "FILE.csv")]
    labels: Option<PathBuf>,
    /// The folder that the table's files lie in [default: the table's folder, or images/ in it]
    #[arg(long, value_name = "DIR", requires = "labels")]
    images: Option<PathBuf>,
    /// A folder of watches, and a folder of other pictures, both with all their sub-folders
    #[arg(long, num_args = 2, value_names = ["WATCH_DIR", "OTHER_DIR"])]
    folders: Option<Vec<PathBuf>>,
    /// Score with this watch model [default: the default watch model]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
}

/// A picture with what people said about it.
pub(super) struct Labelled {
    pub(super) file: Found,
    pub(super) watch: bool,
    group: Option<u32>,
}

/// Runs `chronograde evaluate`. Exit status 0: all scored; 1: some failed, and the table is about the rest.
///
/// # Errors
/// The labels or the model cannot be read, or the labels are of one class.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let (pictures, source) = match (&args.labels, &args.folders) {
        (Some(table), _) => (from_table(table, args.images.as_deref())?, table.display().to_string()),
        (None, Some(folders)) => (from_folders(folders)?, "two folders".to_owned()),
        (None, None) => anyhow::bail!("give --labels FILE.csv, or --folders WATCH_DIR OTHER_DIR"),
    };
    let catalogue = Catalogue::read(&context.settings.models)?;
    let manifest = match &args.model {
        Some(name) => catalogue.get(name)?,
        None => catalogue.default_for(Task::Watch)?,
    };
    ensure!(manifest.task == Task::Watch, "{} is no watch model; evaluate needs one", manifest.name);
    let (name, threshold) = (manifest.name.clone(), manifest.threshold.value);
    let scorer = Scorer::load(&context.settings, std::slice::from_ref(&name)).await?;
    let (labels, failed) = score_all(Arc::new(scorer), pictures).await?;
    let of = format!(
        "{source}: watch against the confidence of {name}, label is 1 when confidence > threshold (strict)"
    );
    let verdicts = Verdicts::new(of, &labels, Some(threshold))?;
    print(context, &verdicts, || {
        let mut json = verdicts.json()?;
        json["model"] = name.into();
        json["failed"] = failed.into();
        Ok(json)
    })?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Scores the pictures; those that cannot be scored are named on standard error and counted.
async fn score_all(scorer: Arc<Scorer>, pictures: Vec<Labelled>) -> anyhow::Result<(Vec<Label>, usize)> {
    let bar = progress_bar(pictures.len());
    let at_once = scorer.at_once();
    let mut scored = stream::iter(pictures)
        .map(|picture| {
            let scorer = scorer.clone();
            async move { (scorer.line(picture.file).await, picture.watch, picture.group) }
        })
        .buffered(at_once);
    let (mut labels, mut failed) = (Vec::new(), 0);
    while let Some((line, watch, group)) = scored.next().await {
        bar.inc(1);
        let Some(line) = line else { continue };
        match line.scores {
            Ok(scores) => {
                let confidence = scores.watch.context("the model gave no watch confidence")?.1.confidence;
                labels.push(Label { group, ..Label::new(confidence, watch) });
            }
            Err(problem) => {
                failed += 1;
                bar.suspend(|| writeln!(io::stderr(), "{}: {problem}", printable(&line.path)))?;
            }
        }
    }
    bar.finish_and_clear();
    Ok((labels, failed))
}

fn from_folders(folders: &[PathBuf]) -> anyhow::Result<Vec<Labelled>> {
    let mut pictures = Vec::new();
    for (folder, watch) in folders.iter().zip([true, false]) {
        ensure!(folder.is_dir(), "{} is no folder", folder.display());
        pictures.extend(find(folder).into_iter().map(|file| Labelled { file, watch, group: None }));
    }
    Ok(pictures)
}

/// The pictures that a table of labels names, which lie in the folder `images`, else beside the table, else in `images/` there.
pub(super) fn from_table(path: &Path, images: Option<&Path>) -> anyhow::Result<Vec<Labelled>> {
    let table = Table::with_header(path)?;
    let (file, watch) = (table.column("file")?, table.column("watch")?);
    let listing = table.optional_column("listing");
    let mut listings = Names::default();
    table
        .rows()
        .map(|row| {
            let name = Path::new(row.cell(file).text());
            ensure!(name != Path::new(""), "{}: the file's name is missing", row.cell(file));
            let listing = listing.map(|column| row.cell(column).text()).filter(|name| !name.is_empty());
            Ok(Labelled {
                // A name that leads nowhere becomes a failure of its own.
                file: Found { path: placed(name, path, images), problem: None, may_be_no_picture: false },
                watch: row.cell(watch).verdict()?,
                group: listing.map(|name| listings.number(name)),
            })
        })
        .collect()
}

/// Where a file of the table lies.
fn placed(name: &Path, table: &Path, images: Option<&Path>) -> PathBuf {
    let beside = table.parent().unwrap_or(Path::new(""));
    let candidates = match images {
        Some(folder) => vec![folder.join(name)],
        None => vec![beside.join(name), beside.join("images").join(name)],
    };
    let found = candidates.iter().find(|path| path.is_file()).or(candidates.first());
    found.cloned().unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_tables_files_lie_in_the_given_folder_or_beside_it_or_in_images() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("images")).unwrap();
        fs::create_dir_all(at("elsewhere")).unwrap();
        for name in ["beside.jpg", "images/inside.jpg", "elsewhere/beside.jpg"] {
            fs::write(at(name), "").unwrap();
        }
        let table = at("labels.csv");
        assert_eq!(placed(Path::new("beside.jpg"), &table, None), at("beside.jpg"));
        assert_eq!(placed(Path::new("inside.jpg"), &table, None), at("images/inside.jpg"));
        let elsewhere = at("elsewhere");
        assert_eq!(placed(Path::new("beside.jpg"), &table, Some(&elsewhere)), at("elsewhere/beside.jpg"));
        assert_eq!(placed(Path::new("nowhere.jpg"), &table, None), at("nowhere.jpg"));
    }

    #[test]
    fn a_row_of_the_table_becomes_a_labelled_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        fs::write(&path, "watch,file,listing\nyes,a.jpg,7\n0,b.jpg,\n1,c.jpg,7\n").unwrap();
        let pictures = from_table(&path, None).unwrap();
        let rows: Vec<_> = pictures.iter().map(|picture| (picture.watch, picture.group)).collect();
        assert_eq!(rows, [(true, Some(0)), (false, None), (true, Some(0))]);
        fs::write(&path, "watch,file\nmaybe,a.jpg\n").unwrap();
        let error = from_table(&path, None).err().unwrap().to_string();
        assert!(error.contains("line 2, column `watch`: \"maybe\" is no verdict"), "{error}");
    }
}
