//! Comma-separated values (RFC 4180), which spreadsheets may open.

use ::csv::{Terminator, WriterBuilder};
use serde_json::Value;

use super::Table;

const IMAGES: &str = "image_id sha256 number filename listing format width height taken_at ingested_at audit hidden watch_model \
    watch_model_fingerprint watch_confidence threshold watch verdict corrections_for corrections_against quality_model \
    quality_model_fingerprint quality_mean quality_std bin_1 bin_2 bin_3 bin_4 bin_5 bin_6 bin_7 bin_8 bin_9 bin_10 votes \
    human_mean human_std votes_1 votes_2 votes_3 votes_4 votes_5 votes_6 votes_7 votes_8 votes_9 votes_10";
const VOTES: &str = "vote_id image_id sha256 filename listing annotator_id excluded round_id round blind serving_order \
    asks_quality watch_question judgements_per_image guide guide_version occurrence score \
    created_at superseded_at seconds saw_model saw_others pixels_shown served_why served_probability client_key counts \
    quality_model quality_model_fingerprint quality_mean quality_std bin_1 bin_2 bin_3 bin_4 bin_5 bin_6 bin_7 bin_8 bin_9 bin_10";
const CORRECTIONS: &str = "correction_id image_id sha256 filename listing annotator_id excluded round_id round blind serving_order \
    asks_quality watch_question judgements_per_image guide guide_version kind question occurrence \
    is_watch created_at superseded_at seconds saw_model saw_others pixels_shown served_why served_probability client_key audit \
    watch_model watch_model_fingerprint watch_confidence verdict";

/// What makes a spreadsheet take a cell for a formula (OWASP, CSV injection).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The names of the table's columns, in order.
fn columns(table: Table) -> impl Iterator<Item = &'static str> {
    match table {
        Table::Images => IMAGES,
        Table::Votes => VOTES,
        Table::Corrections => CORRECTIONS,
    }
    .split_whitespace()
}

/// The header's line.
pub(super) fn header(table: Table) -> String {
    record(columns(table).map(str::to_owned))
}

/// The line of a row that is given as a JSON object; nothing for what is none.
pub(super) fn row(table: Table, line: &str) -> Option<String> {
    let row: Value = serde_json::from_str(line).ok()?;
    Some(record(columns(table).map(|column| match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => guarded(text),
        Some(other) => other.to_string(),
    })))
}

/// Text that no spreadsheet takes for a formula: an apostrophe is put before what looks like one, and before what begins with
/// an apostrophe, so that it can be taken away again.
pub fn guarded(text: &str) -> String {
    match text.chars().next() {
        Some(first) if first == '\'' || FORMULA.contains(&first) => format!("'{text}"),
        _ => text.to_owned(),
    }
}

/// What [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if text.starts_with('\'') || text.starts_with(FORMULA) => text,
        _ => cell,
    }
}

fn record(cells: impl Iterator<Item = String>) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    // A vector takes everything.
    let _ = writer.write_record(cells.collect::<Vec<_>>());
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_never_begins_like_a_formula_and_comes_back_as_it_was() {
        for text in ["=1+1", "+49", "-3 sterling", "@user", "\tx", "'quoted", "''", "plain", "", "a=b"] {
            let cell = guarded(text);
            assert!(!cell.starts_with(FORMULA), "{cell}");
            assert_eq!(unguarded(&cell), text);
        }
    }

    #[test]
    fn any_text_survives_a_reader_of_csv() {
        let filename = "a \"b\", c\nd.jpg";
        let line =
            serde_json::json!({ "image_id": "1", "filename": filename, "listing": "=cmd" }).to_string();
        let text = header(Table::Images) + &row(Table::Images, &line).unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().unwrap().clone();
        let at = |name: &str| names.iter().position(|column| column == name).unwrap();
        let record = reader.records().next().unwrap().unwrap();
        assert_eq!(&record[at("filename")], filename);
        assert_eq!(&record[at("listing")], "'=cmd");
    }

    #[test]
    fn a_number_of_the_database_leaves_digit_for_digit() {
        let mut state = 1_u64;
        for _ in 0..2_000 {
            // The linear congruential generator of Knuth's MMIX.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (state >> 11) as f64 / (1_u64 << 53) as f64 * 10.0;
            let line = format!("{{\"image_id\":\"1\",\"quality_mean\":{number}}}");
            let row = row(Table::Images, &line).unwrap();
            assert!(row.contains(&format!(",{number},")), "{number}: {row}");
        }
    }
}
