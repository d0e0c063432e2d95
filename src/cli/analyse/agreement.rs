//! People against a model, from a table of votes and distributions.

use std::{fmt, path::Path};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{
    cli::{
        table::{Row, Table},
        text::{aligned, cells, interval, number},
    },
    comparison::{Comparison, Gap, NoiseCeiling, Pair, Pool, VoteCounts, compare, gaps, noise_ceiling},
    domain::Distribution,
    statistics::Sampling,
};

/// How far a written distribution's sum may lie from 1: a table has rounded digits.
const SUM_TOLERANCE: f64 = 1e-3;

/// How many images are shown on which people and model differ most.
const WORST: usize = 20;

/// What a table says about a model.
#[derive(Debug)]
pub(super) struct Agreement {
    of: String,
    comparison: Comparison,
    ceiling: Option<NoiseCeiling>,
    /// In the order of the table, with the image's name.
    gaps: Vec<(String, Gap)>,
}

impl Agreement {
    /// Reads `file` and compares.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let table = Table::with_header(file)?;
        let columns = |kind: &str| -> anyhow::Result<Vec<usize>> {
            (1..=10).map(|score| table.column(&format!("{kind}_{score}"))).collect()
        };
        let (votes, model) = (columns("votes")?, columns("model")?);
        let name = table.optional_column("image_id");
        let mut names = Vec::new();
        let mut pairs = Vec::new();
        for row in table.rows() {
            let name = name.map_or("", |column| row.cell(column).text());
            names.push(if name.is_empty() { format!("line {}", row.line()) } else { name.to_owned() });
            pairs.push(pair(row, &votes, &model)?);
        }
        ensure!(pairs.len() > 1, "{}: one image says nothing about agreement", file.display());
        let people: Vec<VoteCounts> = pairs.iter().map(|pair| pair.votes).collect();
        Ok(Self {
            of: format!("{}: human votes per score 1..10 against a model distribution", file.display()),
            comparison: compare(&pairs, Sampling::default()),
            ceiling: noise_ceiling(&people, Sampling { draws: 100, ..Sampling::default() }),
            gaps: names.into_iter().zip(gaps(&pairs, &Pool::of(&people))).collect(),
        })
    }

    /// Everything, under the names that SciPy's figures have in the reference files.
    pub(super) fn json(&self) -> Value {
        let mut json = json!({ "of": self.of, "n": self.comparison.n });
        let figures = json!(self.comparison.figures);
        if let (Some(json), Value::Object(figures)) = (json.as_object_mut(), figures) {
            json.extend(figures);
            json.insert("first".to_owned(), json!(self.gaps.first().map(|(_, gap)| gap)));
            json.insert("intervals_95".to_owned(), json!(self.comparison.intervals));
            json.insert("noise_ceiling".to_owned(), json!(self.ceiling));
            let worst = self.worst().map(|(name, gap)| json!({ "image_id": name, "people_and_model": gap }));
            json.insert("worst".to_owned(), worst.collect());
        }
        json
    }

    /// The images with the widest gaps, the widest first.
    fn worst(&self) -> impl Iterator<Item = &(String, Gap)> {
        let mut sorted: Vec<_> = self.gaps.iter().collect();
        sorted.sort_by(|(_, a), (_, b)| b.gap.abs().total_cmp(&a.gap.abs()));
        sorted.into_iter().take(WORST)
    }

    fn figures(&self) -> Vec<Vec<String>> {
        let Comparison { figures, intervals, .. } = &self.comparison;
        let row = |name: &str, value, found| vec![name.to_owned(), number(value), interval(found)];
        vec![
            cells(["", "value", "95 % interval"]),
            row("SRCC of the means", figures.srcc, intervals.srcc),
            row("PLCC of the means", figures.plcc, intervals.plcc),
            row("KRCC of the means (tau-b)", figures.krcc_tau_b, intervals.krcc_tau_b),
            row("RMSE", figures.rmse, intervals.rmse),
            row("MAE", figures.mae, intervals.mae),
            row("bias (model − people)", figures.bias_model_minus_human, intervals.bias_model_minus_human),
            row("EMD, r = 1", figures.emd_r1_mean, intervals.emd_r1_mean),
            row("EMD, r = 2", figures.emd_r2_mean, intervals.emd_r2_mean),
            row(
                "Wasserstein (scores)",
                figures.wasserstein_score_units_mean,
                intervals.wasserstein_score_units_mean,
            ),
            row("accuracy at the cut 5", figures.accuracy_cut_5, intervals.accuracy_cut_5),
            row("SRCC of the spreads", figures.std_srcc, intervals.std_srcc),
            row("PLCC of the spreads", figures.std_plcc, intervals.std_plcc),
        ]
    }
}

fn pair(row: Row<'_>, votes: &[usize], model: &[usize]) -> anyhow::Result<Pair> {
    let mut counts = [0; 10];
    for (count, column) in counts.iter_mut().zip(votes) {
        *count = row.cell(*column).parse("a number of votes")?;
    }
    let mut bins = [0.0; 10];
    for (bin, column) in bins.iter_mut().zip(model) {
        *bin = row.cell(*column).parse("a probability")?;
    }
    Ok(Pair {
        votes: VoteCounts::new(counts).map_err(|error| row.cell(votes[0]).refuse(error))?,
        model: Distribution::normalised(bins, SUM_TOLERANCE)
            .map_err(|error| row.cell(model[0]).refuse(error))?,
        group: None,
    })
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{} images\n", self.of, self.comparison.n)?;
        writeln!(f, "{}", aligned(&self.figures()))?;
        match &self.ceiling {
            Some(NoiseCeiling { ranks, linear, splits, .. }) => writeln!(
                f,
                "With so many votes no model can be expected above SRCC {:.4}, PLCC {:.4} (split halves agree at {:.4} and \
                 {:.4}; {splits} splits).",
                ranks.model, linear.model, ranks.half, linear.half
            )?,
            None => writeln!(f, "Too few votes to say how well people agree with each other.")?,
        }
        let certain = self.gaps.iter().filter(|(_, gap)| gap.is_more_than_chance()).count();
        writeln!(f, "On {certain} images people and model differ by more than chance. The widest gaps:\n")?;
        let mut rows = vec![cells(["image", "votes", "people", "model", "gap", "q"])];
        rows.extend(self.worst().map(|(name, gap)| {
            vec![
                name.clone(),
                gap.votes.to_string(),
                format!("{:.2}", gap.human_mean),
                format!("{:.2}", gap.model_mean),
                format!("{:+.2}", gap.gap),
                number(gap.q_value),
            ]
        }));
        write!(f, "{}", aligned(&rows))
    }
}
