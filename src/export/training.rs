//! The formats that trainers of NIMA read: an image's counts of votes, 1 to 10.
//!
//! Both name images by whole numbers. Ours is the first 48 bits of the SHA-256 of the file's bytes (column `number` of the table of
//! images): it is the same everywhere, and below 2^53.

use serde_json::Value;

/// A row of `AVA.txt` (Murray, Marchesotti and Perronnin, 2012): index, image, counts of the scores 1 to 10, two semantic tags
/// and a challenge, none of which we know. None for an image without votes.
pub(super) fn ava(line: &str, index: u64) -> Option<String> {
    let (number, counts) = counts(line)?;
    let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
    Some(format!("{index} {number} {} 0 0 0\n", counts.join(" ")))
}

/// An element of the list; none for an image without votes.
pub(super) fn nima(line: &str, is_first: bool) -> Option<String> {
    let (number, counts) = counts(line)?;
    let separator = if is_first { "" } else { "," };
    let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
    Some(format!("{separator}\n{{\"image_id\":\"{number}\",\"label\":[{}]}}", counts.join(",")))
}

fn counts(line: &str) -> Option<(u64, Vec<u64>)> {
    let row: Value = serde_json::from_str(line).ok()?;
    let counts: Vec<u64> =
        (1..=10).map(|score| row.get(format!("votes_{score}"))?.as_u64()).collect::<Option<_>>()?;
    let number = row.get("number")?.as_u64()?;
    (counts.iter().sum::<u64>() > 0).then_some((number, counts))
}
