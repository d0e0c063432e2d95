//! What the head of an answer says about the file.

use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, StatusCode, header};

use super::{Problem, partial::Origin};

/// A server that asks for a longer pause is asked again after this one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An answer that brings bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Where in the file its first byte stands.
    pub(super) first_byte: u64,
    /// The size of the whole file, if it says so.
    pub(super) file_bytes: Option<u64>,
    /// The content type.
    pub(super) kind: Option<String>,
}

impl Answer {
    /// Whether it gives the file from its beginning and does not say of how many bytes: that it is the right one, or whole, nothing tells but
    /// what comes.
    pub(super) const fn is_endless(&self) -> bool {
        self.first_byte == 0 && self.file_bytes.is_none()
    }

    /// Whether it is a page for people, such as one to sign in. Weights are sent as bytes of no kind, and by some as plain text.
    pub(super) fn is_page(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| {
            ["text/html", "application/xhtml+xml"].iter().any(|page| kind.eq_ignore_ascii_case(page))
        })
    }

    /// From status and headers.
    ///
    /// # Errors
    /// It brings no bytes, or does not say which.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap) -> Result<Self, Problem> {
        let kind = text(headers, &header::CONTENT_TYPE)
            .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_owned());
        match status {
            StatusCode::OK => {
                let file_bytes =
                    text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
                Ok(Self { first_byte: 0, file_bytes, kind })
            }
            StatusCode::PARTIAL_CONTENT => {
                let (first_byte, file_bytes) = text(headers, &header::CONTENT_RANGE)
                    .and_then(content_range)
                    .ok_or(Problem::OtherPart)?;
                Ok(Self { first_byte, file_bytes, kind })
            }
            status => Err(Problem::Refused { status: status.as_u16(), retry_after: retry_after(headers) }),
        }
    }
}

/// The answer's origin, if it names a validator by which the same bytes are known again: an entity tag that is
/// not weak, else the date of the last change.
pub(super) fn origin(url: &str, headers: &HeaderMap) -> Option<Origin> {
    let tag = text(headers, &header::ETAG).filter(|tag| tag.starts_with('"'));
    let validator = tag.or_else(|| text(headers, &header::LAST_MODIFIED))?;
    Some(Origin { url: url.to_owned(), validator: validator.to_owned() })
}

/// `bytes 100-199/200` begins at 100 of 200 bytes.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, whole.trim().parse().ok()))
}

/// The pause in seconds; a date is not understood, and our own pause holds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text(headers, &header::RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_says_where_it_begins_and_of_how_much() {
        assert_eq!(content_range("bytes 100-199/200"), Some((100, Some(200))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, None)));
        for nonsense in ["", "bytes */200", "lines 1-2/3", "bytes 1/2", "bytes x-2/3"] {
            assert_eq!(content_range(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_weak_tag_is_no_validator() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, "W/\"1\"".parse().unwrap());
        assert_eq!(origin("u", &headers), None);
        headers.insert(header::LAST_MODIFIED, "Tue, 01 Jul 2025 00:00:00 GMT".parse().unwrap());
        assert!(origin("u", &headers).unwrap().validator.starts_with("Tue"));
        headers.insert(header::ETAG, "\"1\"".parse().unwrap());
        assert_eq!(origin("u", &headers).unwrap().validator, "\"1\"");
    }

    #[test]
    fn a_server_is_not_waited_for_longer_than_a_minute() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(header::RETRY_AFTER, "86400".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(LONGEST_PAUSE));
        headers.insert(header::RETRY_AFTER, "tomorrow".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
