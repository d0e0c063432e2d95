//! Aligned tables for people.

use crate::statistics::Interval;

/// Lines of equally wide columns: the first one flush left, the others flush right, two blanks apart.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The cells of a row.
pub(super) fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A number with four decimals, or a dash.
pub(super) fn number(value: impl Into<Option<f64>>) -> String {
    value.into().map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
}

/// An interval with four decimals, or a dash. Resamples that all say the same say nothing of how sure a number is.
pub(super) fn interval(interval: Option<Interval>) -> String {
    match interval {
        None => "–".to_owned(),
        Some(Interval { low, high }) if high - low < 1e-9 => "nothing differs to go by".to_owned(),
        Some(Interval { low, high }) => format!("{low:.4} to {high:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_without_width_is_none() {
        assert_eq!(interval(Some(Interval { low: 0.9, high: 1.0 })), "0.9000 to 1.0000");
        assert_eq!(interval(Some(Interval { low: 1.0, high: 1.0 })), "nothing differs to go by");
        assert_eq!(interval(None), "–");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [cells(["", "value"]), cells(["ROC AUC", "0.9"]), cells(["n", "–"])];
        assert_eq!(aligned(&rows), "         value\nROC AUC    0.9\nn            –\n");
    }
}
