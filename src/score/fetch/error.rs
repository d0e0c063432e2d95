//! Why weights were not brought in, in sentences that end with the way out.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::Problem;
use crate::score::manifest::Network;

/// How a file that was fetched elsewhere gets in its place.
const BY_HAND: &str = "with `chronograde models add FILE`";

/// Why weights were not brought in.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The manifest names no address, or none gave the file.
    #[error(transparent)]
    NoSource(Box<NoSource>),
    /// It was stopped by whoever asked for it.
    #[error("it was stopped; what arrived is kept")]
    Stopped,
    /// The same file is being fetched already, by this process or another one.
    #[error("{} is being fetched right now: wait until that has ended", .0.display())]
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

/// Weights that no address gave.
#[derive(Debug)]
pub struct NoSource {
    /// The weights' file name.
    name: String,
    /// Bytes of the file.
    bytes: u64,
    /// Name, size and hash.
    in_words: String,
    /// Bytes that arrived and are kept.
    there: u64,
    /// Each address with its problem.
    problems: Vec<(String, Problem)>,
}

impl std::error::Error for NoSource {}

impl fmt::Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bytes, in_words, there, problems } = self;
        if problems.is_empty() {
            return write!(f, "the manifest names no address of {name}: bring {in_words} {BY_HAND}");
        }
        let each =
            problems.chunk_by(|(_, one), (_, next)| one.to_string() == next.to_string()).map(|alike| {
                let urls: Vec<&str> = alike.iter().map(|(url, _)| url.as_str()).collect();
                format!("{}: {}", urls.join(" and "), alike[0].1)
            });
        write!(f, "{name} was not fetched. {}. ", each.collect::<Vec<_>>().join("; "))?;
        if *there > 0 {
            write!(
                f,
                "The {there} of {bytes} bytes that arrived are kept, and a later pull goes on there where the server lets it. "
            )?;
        }
        f.write_str("The models that serve go on serving. ")?;
        match problems.iter().find(|(_, problem)| problem.may_pass()) {
            Some((url, _)) => write!(
                f,
                "{}Try again later, or fetch {url} elsewhere and bring it {BY_HAND}",
                self.why_nobody_answered()
            ),
            None => write!(
                f,
                "Trying again does not help: give its manifest another address (`urls`), or bring {in_words} {BY_HAND}"
            ),
        }
    }
}

impl NoSource {
    pub(super) fn new(network: &Network, there: u64, problems: Vec<(String, Problem)>) -> Self {
        let name = network.file_name().into_owned();
        Self { name, bytes: network.bytes, in_words: network.in_words(), there, problems }
    }

    /// What may be wrong on this side, where no address answered at all.
    fn why_nobody_answered(&self) -> String {
        let mut routes = Vec::new();
        for (_, problem) in &self.problems {
            match problem {
                Problem::ProxyRefused { route, .. } => {
                    let variable = route.variable();
                    return format!(
                        "If the proxy is to open the way, give it name and password in {variable} \
                         (http://NAME:PASSWORD@HOST:PORT), or have it allow the host. "
                    );
                }
                Problem::Unreachable { route, .. } => routes.push(route.as_ref()),
                _ => return String::new(),
            }
        }
        match routes.into_iter().flatten().next() {
            Some(route) => format!(
                "The proxy may be away: correct or unset {}, or name in NO_PROXY the hosts that are reached without it. ",
                route.variable()
            ),
            None => {
                "This machine seems to have no way to the internet: if there is a proxy, set HTTPS_PROXY. "
                    .to_owned()
            }
        }
    }
}
