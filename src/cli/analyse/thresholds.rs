//! Thresholds from a table of verdicts and confidences.

use std::path::Path;

use anyhow::Context as _;

use super::Names;
use crate::{
    calibration::Label,
    cli::{table::Table, verdicts::Verdicts},
    domain::Confidence,
};

/// Reads `file` and evaluates it.
pub(super) fn read(file: &Path) -> anyhow::Result<Verdicts> {
    let of = format!(
        "{}: watch against watch_confidence, label is 1 when confidence > threshold (strict)",
        file.display()
    );
    Verdicts::new(of, &labels(file)?, None).with_context(|| format!("{} cannot be evaluated", file.display()))
}

/// The labelled images of a table with the columns watch, watch_confidence and, if there is one, listing.
pub(in crate::cli) fn labels(file: &Path) -> anyhow::Result<Vec<Label>> {
    let table = Table::with_header(file)?;
    let (watch, confidence) = (table.column("watch")?, table.column("watch_confidence")?);
    let listing = table.optional_column("listing");
    let mut listings = Names::default();
    table
        .rows()
        .map(|row| {
            let cell = row.cell(confidence);
            let confidence = Confidence::new(cell.parse("a number")?).map_err(|error| cell.refuse(error))?;
            let name = listing.map(|column| row.cell(column).text()).filter(|name| !name.is_empty());
            let group = name.map(|name| listings.number(name));
            Ok(Label { group, ..Label::new(confidence, row.cell(watch).verdict()?) })
        })
        .collect()
}
