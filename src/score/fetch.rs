//! Bringing a network's weights onto this machine: from the addresses of its manifest, or from a file.
//!
//! Whatever the way, weights are put in their place whole, with the manifest's size and SHA-256, and in one
//! step. What an address gave so far is kept beside that place, so that a later try goes on where this one ended.

mod add;
mod address;
mod error;
mod partial;
mod problem;
mod proxy;
mod response;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use ureq::Agent;

pub(super) use self::partial::arrived;
pub use self::{
    add::{AddError, Added, add},
    error::{FetchError, NoSource},
    problem::Problem,
    proxy::ProxyRoute,
};
use self::{address::Address, partial::Partial, proxy::EnvProxy};
use super::{manifest::Network, weights};

/// How often one address is tried, and how long a try waits for the last one to be forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries of one address in a row that bring nothing new.
    pub tries: u32,
    /// The pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 5, first_pause: Duration::from_secs(1) }
    }
}

/// What happens while weights are fetched.
#[derive(Debug)]
pub enum Event<'a> {
    /// An address is asked. The first `there` bytes of the file are on this machine already.
    Asking {
        /// The address.
        url: &'a str,
        /// Bytes.
        there: u64,
    },
    /// So many bytes of the file are on this machine.
    Progress(u64),
    /// A try failed in a way that may pass; the same address is tried again.
    Pausing {
        /// What went wrong.
        problem: &'a Problem,
        /// How long until the next try.
        pause: Duration,
    },
    /// An address was given up.
    GaveUp {
        /// The address.
        url: &'a str,
        /// What went wrong.
        problem: &'a Problem,
    },
}

/// Where fetched weights came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The address that gave the last byte.
    pub url: String,
    /// Where the weights lie now.
    pub file: PathBuf,
}

/// Fetches weights over HTTP, through the proxy that the environment names (the first of `HTTPS_PROXY`, `HTTP_PROXY` and
/// `ALL_PROXY`, but for the hosts of `NO_PROXY`).
#[derive(Debug)]
pub struct Fetcher {
    agent: Agent,
    proxy: Option<EnvProxy>,
    patience: Patience,
    stop: CancellationToken,
}

impl Fetcher {
    /// A fetcher with this patience.
    ///
    /// # Errors
    /// `SSL_CERT_FILE` names a file without certificates, or the environment a proxy that cannot be used.
    pub fn new(patience: Patience) -> Result<Self, FetchError> {
        let proxy = proxy::proxy(|variable| std::env::var_os(variable))?;
        Self::through(proxy, patience)
    }

    fn through(proxy: Option<EnvProxy>, patience: Patience) -> Result<Self, FetchError> {
        let agent = address::agent(proxy.as_ref().map(|named| named.proxy.clone()))?;
        Ok(Self { agent, proxy, patience, stop: CancellationToken::new() })
    }

    /// The same, until `stop`: a fetch then ends before the next try, in the pause before it, or when the next bytes come or fail to.
    pub fn until(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// Whether the weights of `network` are in their place, with the manifest's size and SHA-256.
    ///
    /// # Errors
    /// The file is there, but cannot be read.
    pub fn is_there(network: &Network) -> Result<bool, FetchError> {
        let size = std::fs::metadata(&network.file).map(|file| file.len());
        if !size.is_ok_and(|bytes| bytes == network.bytes) {
            return Ok(false);
        }
        let found = weights::sha256(&network.file).map_err(|error| FetchError::disk(&network.file, error))?;
        Ok(found == network.sha256)
    }

    /// Fetches the weights of `network` from the first of its addresses that has them, and puts them in their
    /// place. Blocks the calling thread for as long as that takes.
    ///
    /// # Errors
    /// No address had them, they cannot be written, or it was stopped. What arrived is kept, and the next call goes on there.
    pub fn fetch(&self, network: &Network, tell: &mut dyn FnMut(&Event<'_>)) -> Result<Fetched, FetchError> {
        let mut partial = Partial::open(&network.file)?;
        let mut problems = Vec::new();
        for url in &network.urls {
            match self.fetch_from(url, network, &mut partial, tell) {
                Ok(()) => {
                    partial.install()?;
                    return Ok(Fetched { url: url.clone(), file: network.file.clone() });
                }
                Err(Problem::Disk(error)) => return Err(FetchError::disk(&network.file, error)),
                Err(_) if self.stop.is_cancelled() => return Err(FetchError::Stopped),
                Err(problem) => {
                    tell(&Event::GaveUp { url, problem: &problem });
                    problems.push((url.clone(), problem));
                }
            }
        }
        Err(FetchError::NoSource(Box::new(NoSource::new(network, partial.len(), problems))))
    }

    fn fetch_from(
        &self,
        url: &str,
        network: &Network,
        partial: &mut Partial,
        tell: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), Problem> {
        let Self { agent, proxy, stop, .. } = self;
        let address = Address { agent, proxy: proxy.as_ref(), url, wanted: network.bytes, stop };
        let start = partial.len();
        let (mut most, mut in_vain) = (start, 0);
        loop {
            if self.stop.is_cancelled() {
                return Err(Problem::Stopped);
            }
            tell(&Event::Asking { url, there: partial.len() });
            let tried = address.ask(partial, tell).and_then(|()| check(partial, network));
            let Err(problem) = tried else { return Ok(()) };
            in_vain = if partial.len() > most { 1 } else { in_vain + 1 };
            most = most.max(partial.len());
            // A machine without a way to the internet shall say so soon.
            let is_cut_off = matches!(problem, Problem::Unreachable { .. } | Problem::ProxyRefused { .. });
            let never_answered = is_cut_off && most == start;
            let tries = if never_answered { self.patience.tries.min(2) } else { self.patience.tries };
            if !problem.may_pass() || in_vain >= tries {
                return Err(problem);
            }
            let pause = problem.pause().unwrap_or(self.patience.first_pause * 2_u32.pow(in_vain - 1));
            tell(&Event::Pausing { problem: &problem, pause });
            self.rest(pause)?;
        }
    }

    /// Waits, unless it is stopped meanwhile.
    fn rest(&self, pause: Duration) -> Result<(), Problem> {
        let end = Instant::now() + pause;
        while !self.stop.is_cancelled() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(200)));
        }
        Err(Problem::Stopped)
    }
}

/// Holds a complete file against the manifest. One that was pieced together from several answers gets another
/// try from the start: they may have been answers about different files.
fn check(partial: &mut Partial, network: &Network) -> Result<(), Problem> {
    let found = weights::sha256(partial.path())?;
    if found == network.sha256 {
        return Ok(());
    }
    let pieced_together = partial.is_pieced_together();
    partial.clear()?;
    Err(Problem::OtherHash { found, wanted: network.sha256, pieced_together })
}

#[cfg(test)]
mod tests;
