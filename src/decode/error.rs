//! Why a file gives no picture, each time in a sentence that the ledger can show.

use super::Format;

/// Why a file gives no picture. The text names no path: whoever shows it knows the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Zero bytes.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// The content is of no kind that is known here.
    #[error("not an image: the content is neither JPEG, PNG, WebP, GIF, BMP nor TIFF")]
    NotAnImage,
    /// A picture (or a document) of a kind that is recognised, but not read.
    #[error("{0} files are not supported: save it as JPEG, PNG, WebP, GIF, BMP or TIFF")]
    Unsupported(&'static str),
    /// A variant of a supported format that the decoder does not know.
    #[error("this variant of {format} is not supported: {detail}")]
    UnsupportedVariant {
        /// The file's format.
        format: Format,
        /// What the decoder said.
        detail: String,
    },
    /// More bytes than [`super::Limits::file_bytes`].
    #[error("the file has more than {:.1} MB, which is the limit", mega(*limit_bytes))]
    FileTooLarge {
        /// What is allowed.
        limit_bytes: u64,
    },
    /// More pixels than [`super::Limits::pixels`], as the header announces them.
    #[error("{width}×{height} pixels are {:.1} megapixels, the limit is {:.1}",
        mega(u64::from(*width) * u64::from(*height)), mega(*limit_pixels))]
    TooManyPixels {
        /// Announced width.
        width: u32,
        /// Announced height.
        height: u32,
        /// What is allowed.
        limit_pixels: u64,
    },
    /// The header cannot be read, or announces no pixels.
    #[error("the {format} header is damaged: {detail}")]
    Header {
        /// The file's format.
        format: Format,
        /// What is wrong with it.
        detail: String,
    },
    /// The file ends before the picture does.
    #[error("the {format} file is truncated: it ends before the picture does")]
    Truncated {
        /// The file's format.
        format: Format,
    },
    /// The pixels cannot be decoded.
    #[error("the {format} file is corrupt: {detail}")]
    Corrupt {
        /// The file's format.
        format: Format,
        /// What the decoder said.
        detail: String,
    },
}

fn mega(number: u64) -> f64 {
    number as f64 / 1e6
}
