//! What the TOML reader says of a manifest, in the words of who writes one.

use super::Fault;

/// Its words, and ours.
const WORDS: [(&str, &str); 11] = [
    ("unknown field", "unknown key"),
    ("missing field", "missing key"),
    ("unknown variant", "unknown value"),
    ("invalid type", "wrong type"),
    ("expected usize", "expected a whole number, 0 or more"),
    ("expected u64", "expected a whole number, 0 or more"),
    ("expected u32", "expected a whole number, 0 or more"),
    ("expected f64", "expected a number"),
    ("expected a boolean", "expected true or false"),
    ("expected a sequence", "expected a list in square brackets"),
    ("expected an array of length 3", "expected three numbers in square brackets"),
];

fn in_words(message: &str) -> String {
    let message = message.trim_end().replace('\n', " ");
    WORDS.iter().fold(message, |message, (theirs, ours)| message.replacen(theirs, ours, 1))
}

/// The table and key at which reading stopped, in words.
pub(super) fn fault(text: &str, error: &toml::de::Error) -> Fault {
    let problem = in_words(error.message());
    let Some(span) = error.span() else { return Fault::new("", problem) };
    let line_number = text[..span.start].matches('\n').count();
    let table = text.lines().take(line_number + 1).filter(|line| line.trim_start().starts_with('[')).last();
    let table = table.map_or("", |line| line.split('#').next().unwrap_or_default().trim());
    let line = text.lines().nth(line_number).unwrap_or_default();
    // What a table lacks is said at its beginning, which is within a line only where the table is.
    let column = span.start - text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let key = match line.split_once('=') {
        Some((key, _)) if column > key.len() || !problem.starts_with("missing key") => key.trim(),
        _ => "",
    };
    let place = format!("line {}, {table} {key}", line_number + 1);
    Fault { place: place.trim_end_matches([' ', ',']).replace(",  ", ", "), problem }
}
