//! Scores, biases and inconsistencies from a table of votes.

use std::{collections::HashSet, fmt, path::Path};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::Names;
use crate::{
    cli::{
        table::Table,
        text::{aligned, cells, number},
    },
    comparison::{Coincidences, Floor, Level, Mos, Rating, Ratings, p910},
};

/// What a table of votes says about images and raters.
#[derive(Debug)]
pub(super) struct Scores {
    of: String,
    /// By number; empty for a matrix, whose rows and columns are numbered.
    images: Vec<String>,
    annotators: Vec<String>,
    mos: Mos,
    alpha: [(Level, Option<f64>); 3],
}

impl Scores {
    /// Reads `file`, a list or a matrix, and estimates. The formulas are those of the recommendation, without a floor.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let table = Table::without_header(file)?;
        let is_list =
            ["image", "annotator", "score"].iter().all(|name| table.optional_column(name).is_some());
        let (mut images, mut annotators) = (Names::default(), Names::default());
        let (ratings, of) = if is_list {
            (list(&Table::with_header(file)?, &mut images, &mut annotators)?, "one vote per row")
        } else {
            let of = "rows are images, columns are annotators, nan is a missing vote";
            (matrix(&table)?, of)
        };
        ensure!(!ratings.is_empty(), "{} holds no votes", file.display());
        let ratings = Ratings::new(ratings).with_context(|| format!("{} cannot be used", file.display()))?;
        // The last rows or columns of a matrix may be without votes.
        let (rows, columns) = if is_list { (0, 0) } else { table.size() };
        let ratings = ratings.with_at_least(rows, columns);
        let coincidences = Coincidences::of(&ratings);
        Ok(Self {
            of: format!("{}: {of}", file.display()),
            images: images.as_slice().to_vec(),
            annotators: annotators.as_slice().to_vec(),
            mos: p910(&ratings, Floor::NONE),
            alpha: [Level::Nominal, Level::Ordinal, Level::Interval]
                .map(|level| (level, coincidences.alpha(level))),
        })
    }

    /// Why the inconsistencies, and the scores that they weigh, are not to be relied on.
    pub(super) fn doubt(&self) -> Option<String> {
        self.mos.doubt.map(|doubt| doubt.in_words(|rater| name(&self.annotators, rater)))
    }

    /// Everything, under the names that sureal's figures have in the reference files.
    pub(super) fn json(&self) -> Value {
        let [nominal, ordinal, interval] = self.alpha.map(|(_, alpha)| alpha);
        let (images, raters) = (&self.mos.images, &self.mos.raters);
        let mut json = json!({
            "of": self.of,
            "mos_j": images.iter().map(|image| image.map(|image| image.score)).collect::<Vec<_>>(),
            "sos_j": images.iter().map(|image| (*image)?.standard_error).collect::<Vec<_>>(),
            "bias_i": raters.iter().map(|rater| rater.map(|rater| rater.bias)).collect::<Vec<_>>(),
            "inconsistency_i": raters.iter().map(|rater| rater.map(|rater| rater.inconsistency)).collect::<Vec<_>>(),
            "mos_plain": images.iter().map(|image| image.map(|image| image.plain)).collect::<Vec<_>>(),
            "krippendorff_alpha": { "nominal": nominal, "ordinal": ordinal, "interval": interval },
            "iterations": self.mos.iterations,
            "converged": self.mos.converged,
        });
        if !self.images.is_empty() {
            json["images"] = json!(self.images);
            json["annotators"] = json!(self.annotators);
        }
        json
    }
}

fn list(table: &Table, images: &mut Names, annotators: &mut Names) -> anyhow::Result<Vec<Rating>> {
    let (image, annotator, score) =
        (table.column("image")?, table.column("annotator")?, table.column("score")?);
    let mut seen = HashSet::new();
    table
        .rows()
        .filter(|row| !is_missing(row.cell(score).text()))
        .map(|row| {
            let name = |column, what| match row.cell(column).text() {
                "" => Err(row.cell(column).refuse(format_args!("{what} is missing"))),
                name => Ok(name),
            };
            let (of, by) = (name(image, "the image")?, name(annotator, "the annotator")?);
            let rating = Rating {
                image: images.number(of),
                annotator: annotators.number(by),
                score: row.cell(score).parse("a score")?,
            };
            let is_first = seen.insert((rating.image, rating.annotator));
            ensure!(is_first, "{}: {by:?} has voted on {of:?} already; keep one vote", row.cell(annotator));
            Ok(rating)
        })
        .collect()
}

fn matrix(table: &Table) -> anyhow::Result<Vec<Rating>> {
    let mut ratings = Vec::new();
    for (image, row) in table.rows().enumerate() {
        for (annotator, cell) in row.cells().enumerate().filter(|(_, cell)| !is_missing(cell.text())) {
            let score = cell.parse("a vote; a list of votes needs the columns image, annotator, score")?;
            ratings.push(Rating { image: image as u32, annotator: annotator as u32, score });
        }
    }
    Ok(ratings)
}

/// What is called so, or its number counted from 1.
fn name(names: &[String], at: usize) -> String {
    names.get(at).cloned().unwrap_or_else(|| (at + 1).to_string())
}

fn is_missing(cell: &str) -> bool {
    cell.is_empty() || cell.eq_ignore_ascii_case("nan") || cell.eq_ignore_ascii_case("na")
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.of)?;
        let alpha =
            self.alpha.map(|(level, alpha)| vec![format!("alpha, {level:?}").to_lowercase(), number(alpha)]);
        writeln!(f, "{}", aligned(&alpha))?;
        let mut rows = vec![cells(["annotator", "votes", "bias", "inconsistency"])];
        for (at, rater) in self.mos.raters.iter().enumerate().filter_map(|(at, rater)| Some((at, (*rater)?)))
        {
            let bias = format!("{:+.4}", rater.bias);
            rows.push(vec![
                name(&self.annotators, at),
                rater.votes.to_string(),
                bias,
                number(rater.inconsistency),
            ]);
        }
        writeln!(f, "{}", aligned(&rows))?;
        let mut rows = vec![cells(["image", "votes", "plain mean", "score", "standard error"])];
        for (at, image) in self.mos.images.iter().enumerate().filter_map(|(at, image)| Some((at, (*image)?)))
        {
            let votes = image.votes.to_string();
            let [plain, score, error] =
                [Some(image.plain), Some(image.score), image.standard_error].map(number);
            rows.push(vec![name(&self.images, at), votes, plain, score, error]);
        }
        write!(f, "{}", aligned(&rows))?;
        if !self.mos.converged {
            writeln!(
                f,
                "\nThe scores had not come to rest after {} iterations: do not rely on them.",
                self.mos.iterations
            )?;
        }
        Ok(())
    }
}
