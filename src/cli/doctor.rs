//! `chronograde doctor`: what is well and what is not, each with the way out.

mod database;
mod machine;
mod models;

use std::{fmt, process::ExitCode};

use serde::Serialize;

use super::{Context, analyse::print_as};
use crate::config::{Settings, SettingsError};

/// Examine settings, folders, database, models and queue; also while the service runs, or when something is away
#[derive(Debug, clap::Args)]
pub struct Args {}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Problem,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What is the matter, and the way out.
    text: String,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, text: text.into() }
    }

    fn warning(check: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, ..Self::ok(check, text) }
    }

    fn problem(check: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Problem, ..Self::ok(check, text) }
    }

    /// An error with everything that led to it, in one line.
    fn error(check: &'static str, error: impl Into<anyhow::Error>) -> Self {
        let text = format!("{:#}", error.into());
        Self::problem(check, text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// All findings, in the order of the checks.
#[derive(Debug, Serialize)]
struct Report {
    verdict: Verdict,
    findings: Vec<Finding>,
}

impl Report {
    fn of(findings: Vec<Finding>) -> Self {
        let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
        Self { verdict, findings }
    }

    /// Prints it. Warnings are no failure.
    fn print(&self, json: bool) -> anyhow::Result<ExitCode> {
        print_as(json, self, || Ok(serde_json::to_value(self)?))?;
        Ok(if self.verdict == Verdict::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, verdict, text } in &self.findings {
            let word = match verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Problem => "problem",
            };
            writeln!(f, "{word:<8} {check:<17} {text}")?;
        }
        Ok(())
    }
}

/// Runs every check. The database is started if it is a private one that does not run, and never made.
///
/// # Errors
/// Standard output cannot be written. What is found is no error of the command, but of its exit status.
pub async fn run(context: &Context, _: Args) -> anyhow::Result<ExitCode> {
    let settings = &context.settings;
    let mut findings = vec![Finding::ok("settings", settings_in_words(settings))];
    let (of_database, known) = database::findings(settings).await;
    findings.extend(machine::findings(settings, known.listens_at));
    findings.extend(of_database);
    findings.extend(models::findings(settings, known.serving).await);
    findings.push(machine::image_store(settings, &known.originals).await);
    Report::of(findings).print(context.json)
}

/// What there is to say when not even the settings can be read.
///
/// # Errors
/// Standard output cannot be written.
pub fn without_settings(json: bool, error: SettingsError) -> anyhow::Result<ExitCode> {
    Report::of(vec![Finding::error("settings", error)]).print(json)
}

fn settings_in_words(settings: &Settings) -> String {
    let database = if settings.database_url.is_some() { "DATABASE_URL" } else { "a private one" };
    format!(
        "data in {}, uploads in {}, models in {}, database: {database}",
        settings.data_dir.display(),
        settings.upload_dir().display(),
        settings.models.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_warnings_are_no_failure() {
        let report = Report::of(vec![Finding::ok("clock", "right"), Finding::warning("admin", "none yet")]);
        assert_eq!(report.verdict, Verdict::Warning);
        let report = Report::of(vec![Finding::problem("clock", "wrong"), Finding::ok("admin", "one")]);
        assert_eq!(report.verdict, Verdict::Problem);
    }

    #[test]
    fn an_error_of_many_lines_becomes_one_line() {
        let error = anyhow::anyhow!("its log says:\nfatal\n  no room").context("cannot start");
        assert_eq!(Finding::error("database", error).text, "cannot start: its log says: fatal no room");
    }
}
