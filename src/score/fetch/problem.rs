//! What can go wrong while weights are fetched, in sentences.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::domain::ContentHash;

/// Why one address did not give the weights.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing answered.
    #[error("it cannot be reached ({0})")]
    Unreachable(String),
    /// The connection ended before the file did.
    #[error("the connection ended after {there} of {wanted} bytes")]
    Cut {
        /// Bytes that arrived, by now and by earlier tries.
        there: u64,
        /// Bytes of the file.
        wanted: u64,
    },
    /// The server refused.
    #[error("it answered {status}{}", meaning(*status))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// The part of the file that came is not the part that was asked for.
    #[error("it answered with another part of the file than it was asked for")]
    OtherPart,
    /// The file there is of another size.
    #[error("it has {found} bytes{}, not the {wanted} of the manifest", kind.as_ref().map_or_else(String::new, |kind| format!(" of {kind}")))]
    OtherSize {
        /// Bytes there.
        found: u64,
        /// Bytes of the manifest.
        wanted: u64,
        /// The content type that the server named.
        kind: Option<String>,
    },
    /// There is a page for people.
    #[error("it gave a page ({kind}), not the file")]
    Page {
        /// The content type that the server named.
        kind: String,
    },
    /// More bytes came than the file has.
    #[error("it sent more than the {wanted} bytes of the manifest")]
    TooLong {
        /// Bytes of the manifest.
        wanted: u64,
    },
    /// The address leads to the pointer that Git keeps in place of a large file.
    #[error(
        "it gave a Git LFS pointer, a short text that stands for the file in a Git repository, not the file itself"
    )]
    Pointer,
    /// The right size, but other bytes.
    #[error("what it gave has the SHA-256 {found}, not {wanted}, and was thrown away")]
    OtherHash {
        /// The hash of what came.
        found: ContentHash,
        /// The manifest's.
        wanted: ContentHash,
        /// Whether it was pieced together from several answers.
        pieced_together: bool,
    },
    /// Nobody wants it any more.
    #[error("it was stopped")]
    Stopped,
    /// What came cannot be kept here: no fault of the address.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl Problem {
    /// Whether the same address may give the file in a moment.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Cut { .. } | Self::OtherPart => true,
            Self::Refused { status, .. } => matches!(status, 408 | 416 | 425 | 429 | 500..),
            Self::OtherHash { pieced_together, .. } => *pieced_together,
            Self::OtherSize { .. }
            | Self::Page { .. }
            | Self::TooLong { .. }
            | Self::Pointer
            | Self::Stopped
            | Self::Disk(_) => false,
        }
    }

    /// How long the server asked to wait before the next try.
    pub(super) const fn pause(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

const fn meaning(status: u16) -> &'static str {
    match status {
        401 | 403 => " (not allowed)",
        404 | 410 => " (not there)",
        429 => " (too many requests)",
        500.. => " (trouble at the server)",
        _ => "",
    }
}

/// Why weights were not brought in.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The manifest names no address, or none gave the file.
    #[error("{}", without_address(file, problems))]
    NoAddress {
        /// Where the weights would lie.
        file: PathBuf,
        /// Each address with its problem.
        problems: Vec<(String, Problem)>,
    },
    /// It was stopped by whoever asked for it.
    #[error("it was stopped; what arrived is kept")]
    Stopped,
    /// Another process is fetching the same file.
    #[error("another process is fetching {} right now: wait for it", .0.display())]
    Busy(PathBuf),
    /// The folder of the models cannot be written.
    #[error("{} cannot be written: {problem}; make room or give the folder to this user, or name another one by --models", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
    /// The environment names a proxy that cannot be used.
    #[error(
        "{variable} names no proxy that can be used: {problem}. Write it as http://HOST:PORT, or unset it"
    )]
    Proxy {
        /// The variable. Its value may hold a password.
        variable: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The certificates to trust cannot be read.
    #[error("SSL_CERT_FILE names {}, which holds no certificates that can be read: {problem}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl FetchError {
    pub(super) fn disk(path: &Path, problem: io::Error) -> Self {
        Self::Disk { path: path.to_owned(), problem }
    }
}

fn without_address(file: &Path, problems: &[(String, Problem)]) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let Some((url, _)) = problems.first() else {
        return format!(
            "the manifest names no address of {name}: bring the file, and put it in its place with `chronograde models add FILE`"
        );
    };
    let each: Vec<String> = problems.iter().map(|(url, problem)| format!("{url}: {problem}")).collect();
    let nobody_answered = problems.iter().all(|(_, problem)| matches!(problem, Problem::Unreachable(_)));
    let offline = if nobody_answered { "This machine seems to have no way to the internet. " } else { "" };
    format!(
        "{name} was not fetched. {}. {offline}The models that serve go on serving. Try again later (what arrived is kept), set HTTPS_PROXY if \
         there is a proxy, or fetch {url} elsewhere and bring it with `chronograde models add FILE`",
        each.join("; ")
    )
}
