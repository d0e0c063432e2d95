//! Why an address did not give the weights, in sentences.

use std::{io, time::Duration};

use super::proxy::ProxyRoute;
use crate::domain::ContentHash;

/// Why one address did not give the weights.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing answered.
    #[error("it cannot be reached{} ({reason})", through(route.as_ref()))]
    Unreachable {
        /// What the connection ended with.
        reason: String,
        /// The proxy that was asked for the way, if one was.
        route: Option<ProxyRoute>,
    },
    /// The proxy answered, and leads no further.
    #[error("the proxy {route} does not open the way to it ({reason})")]
    ProxyRefused {
        /// What the proxy answered.
        reason: String,
        /// The proxy.
        route: ProxyRoute,
    },
    /// Something answered, and is not believed to be the server.
    #[error(
        "no encrypted connection with it{} is trusted ({reason}); a proxy that opens such connections needs its certificate named by SSL_CERT_FILE",
        through(route.as_ref())
    )]
    Untrusted {
        /// What is wrong with its certificate.
        reason: String,
        /// The proxy that was asked for the way, if one was.
        route: Option<ProxyRoute>,
    },
    /// Something answered, and not as one does who speaks TLS.
    #[error(
        "no encrypted connection with it{} comes about ({reason}): what answers there may speak plain HTTP{}",
        through(route.as_ref()),
        route.as_ref().filter(|route| route.is_encrypted()).map_or_else(String::new, in_plain)
    )]
    NotEncrypted {
        /// What was not understood.
        reason: String,
        /// The proxy that was asked for the way, if one was.
        route: Option<ProxyRoute>,
    },
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
    /// It leads to other addresses without end.
    #[error("it leads from one address to the next, and never to a file")]
    Astray,
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
            Self::Unreachable { .. } | Self::ProxyRefused { .. } | Self::Cut { .. } | Self::OtherPart => true,
            Self::Refused { status, .. } => matches!(status, 408 | 416 | 425 | 429 | 500..),
            Self::OtherHash { pieced_together, .. } => *pieced_together,
            Self::Astray
            | Self::Untrusted { .. }
            | Self::NotEncrypted { .. }
            | Self::OtherSize { .. }
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

fn in_plain(route: &ProxyRoute) -> String {
    format!("; if it is the proxy, write it as http://HOST:PORT in {}", route.variable())
}

fn through(route: Option<&ProxyRoute>) -> String {
    route.map_or_else(String::new, |route| format!(" through the proxy {route}"))
}
