//! One line per picture: for people, as JSON, or as the notebook's table.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};

use crate::{domain::Distribution, score::WatchScore};

/// What the models said about one picture; a task that was not asked for is absent.
#[derive(Debug, Default)]
pub(in crate::cli) struct Scores {
    /// Whether the confidence is above the model's threshold, and the model's answer.
    pub(in crate::cli) watch: Option<(bool, WatchScore)>,
    pub(super) quality: Option<Distribution>,
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Text,
    Json,
    Csv { watch: bool, quality: bool },
}

impl Layout {
    /// The table, with the columns of the tasks (watch, quality) that are asked for.
    pub(super) const fn csv((watch, quality): (bool, bool)) -> Self {
        Self::Csv { watch, quality }
    }

    pub(super) fn header(self) -> Option<String> {
        let Self::Csv { watch, quality } = self else { return None };
        let columns = [Some("path"), quality.then_some("quality_score"), watch.then_some("watch_pred")];
        Some(columns.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

/// A picture with its scores, or with the reason why it has none.
#[derive(Debug)]
pub(in crate::cli) struct Line {
    pub(in crate::cli) path: PathBuf,
    pub(in crate::cli) scores: Result<Scores, String>,
}

#[derive(Serialize)]
struct Fields<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watch_confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_order")]
    positives: Option<&'a [(String, f64)]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_std: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_distribution: Option<&'a [f64; 10]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn in_order<S: Serializer>(pairs: &Option<&[(String, f64)]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.unwrap_or_default().iter().map(|(label, probability)| (label, probability)))
}

impl Line {
    /// Writes the line to `out`. A table has no column for errors: they go to `messages`.
    pub(super) fn print(
        &self,
        layout: Layout,
        out: &mut impl Write,
        messages: &mut impl Write,
    ) -> io::Result<()> {
        match layout {
            Layout::Text => writeln!(out, "{}", self.text()),
            Layout::Json => writeln!(out, "{}", self.json()?),
            Layout::Csv { watch, quality } => match &self.scores {
                Ok(scores) => writeln!(out, "{}", self.row(scores, watch, quality)),
                Err(problem) => writeln!(messages, "{}: {problem}", printable(&self.path)),
            },
        }
    }

    fn text(&self) -> String {
        let path = printable(&self.path);
        let scores = match &self.scores {
            Ok(scores) => scores,
            Err(problem) => return format!("failed    {path}: {problem}"),
        };
        let watch = scores.watch.as_ref().map(|(is_watch, score)| {
            format!("{:<8}  {:.4}  ", if *is_watch { "watch" } else { "no watch" }, score.confidence.get())
        });
        let quality = scores
            .quality
            .as_ref()
            .map(|distribution| format!("quality {:5.2} ± {:.2}  ", distribution.mean(), distribution.std()));
        format!("{}{}{path}", watch.unwrap_or_default(), quality.unwrap_or_default())
    }

    fn json(&self) -> serde_json::Result<String> {
        let scores = self.scores.as_ref().ok();
        let watch = scores.and_then(|scores| scores.watch.as_ref());
        let quality = scores.and_then(|scores| scores.quality.as_ref());
        serde_json::to_string(&Fields {
            path: &self.path.to_string_lossy(),
            watch: watch.map(|(is_watch, _)| *is_watch),
            watch_confidence: watch.map(|(_, score)| score.confidence.get()),
            positives: watch.map(|(_, score)| score.positives.as_slice()),
            quality_mean: quality.map(Distribution::mean),
            quality_std: quality.map(Distribution::std),
            quality_distribution: quality.map(Distribution::bins),
            error: self.scores.as_ref().err().map(String::as_str),
        })
    }

    /// `True` and `False` as the notebook's table has them.
    fn row(&self, scores: &Scores, watch: bool, quality: bool) -> String {
        let mean = scores.quality.as_ref().map(|distribution| distribution.mean().to_string());
        let label = scores.watch.as_ref().map(|(is_watch, _)| if *is_watch { "True" } else { "False" });
        let mut row = quoted(&self.path.to_string_lossy());
        let cells = [quality.then_some(mean.as_deref()), watch.then_some(label)];
        for cell in cells.into_iter().flatten() {
            row.push(',');
            row.push_str(cell.unwrap_or_default());
        }
        row
    }
}

/// A path on one line: a name may hold a line break.
pub(in crate::cli) fn printable(path: &Path) -> String {
    let shown = path.to_string_lossy();
    shown
        .chars()
        .map(|letter| if letter.is_control() { letter.escape_debug().to_string() } else { letter.into() })
        .collect()
}

/// A cell of a table (RFC 4180).
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Confidence;

    fn line(path: &str) -> Line {
        let bins = [0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0];
        let positives = vec![("wall clock".to_owned(), 0.25), ("analog clock".to_owned(), 0.5)];
        let score =
            WatchScore { confidence: Confidence::new(0.75).unwrap(), top: positives.clone(), positives };
        let scores = Scores { watch: Some((true, score)), quality: Some(Distribution::new(bins).unwrap()) };
        Line { path: path.into(), scores: Ok(scores) }
    }

    fn printed(line: &Line, layout: Layout) -> (String, String) {
        let (mut out, mut messages) = (Vec::new(), Vec::new());
        line.print(layout, &mut out, &mut messages).unwrap();
        (String::from_utf8(out).unwrap(), String::from_utf8(messages).unwrap())
    }

    #[test]
    fn json_has_the_fields_of_the_contract_in_its_order() {
        let (out, _) = printed(&line("a.jpg"), Layout::Json);
        let expected = r#"{"path":"a.jpg","watch":true,"watch_confidence":0.75,"positives":{"wall clock":0.25,"analog clock":0.5},"quality_mean":5.5,"quality_std":0.5,"#;
        assert!(out.starts_with(expected), "{out}");
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["quality_distribution"].as_array().unwrap().len(), 10);
        assert_eq!(value.as_object().unwrap().len(), 7);
    }

    #[test]
    fn a_failure_is_a_line_of_its_own_kind() {
        let failed = Line { path: "a\nb.jpg".into(), scores: Err("the file is empty (0 bytes)".to_owned()) };
        assert_eq!(
            printed(&failed, Layout::Json).0,
            "{\"path\":\"a\\nb.jpg\",\"error\":\"the file is empty (0 bytes)\"}\n"
        );
        assert_eq!(printed(&failed, Layout::Text).0, "failed    a\\nb.jpg: the file is empty (0 bytes)\n");
        let (out, messages) = printed(&failed, Layout::csv((true, true)));
        assert_eq!((out.as_str(), messages.as_str()), ("", "a\\nb.jpg: the file is empty (0 bytes)\n"));
    }

    #[test]
    fn the_table_has_the_notebooks_columns_and_quotes_paths() {
        assert_eq!(Layout::csv((true, true)).header().unwrap(), "path,quality_score,watch_pred");
        assert_eq!(
            printed(&line("a,\"b\".jpg"), Layout::csv((true, true))).0,
            "\"a,\"\"b\"\".jpg\",5.5,True\n"
        );
        assert_eq!(Layout::csv((true, false)).header().unwrap(), "path,watch_pred");
        assert_eq!(printed(&line("a.jpg"), Layout::csv((false, true))).0, "a.jpg,5.5\n");
    }

    #[test]
    fn text_lines_are_aligned() {
        assert_eq!(
            printed(&line("a.jpg"), Layout::Text).0,
            "watch     0.7500  quality  5.50 ± 0.50  a.jpg\n"
        );
    }
}
