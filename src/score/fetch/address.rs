//! One question to one address.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use ureq::{
    Agent, Body, Proxy,
    config::Config,
    http::{Response, StatusCode, header},
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{
    Event, FetchError, Problem,
    partial::Partial,
    proxy::EnvProxy,
    response::{Answer, origin},
};
use crate::score::weights;

/// A server that is not found or does not take the connection within this time is taken for away.
const ARRIVAL: Duration = Duration::from_secs(10);

/// A server that says nothing for so long is taken for gone.
const SILENCE: Duration = Duration::from_secs(30);

/// How many bytes are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The HTTP client. Its certificates come from Mozilla's list or `SSL_CERT_FILE`.
pub(super) fn agent(proxy: Option<Proxy>) -> Result<Agent, FetchError> {
    let tls = TlsConfig::builder().root_certs(certificates()?).build();
    let config: Config = Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy)
        .http_status_as_error(false)
        .user_agent(concat!("chronograde/", env!("CARGO_PKG_VERSION")))
        // Bytes are counted and resumed as they are stored.
        .accept_encoding("identity")
        .max_redirects(8)
        .timeout_resolve(Some(ARRIVAL))
        .timeout_connect(Some(ARRIVAL))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .build();
    Ok(config.into())
}

/// Whom to believe: a proxy that opens encrypted connections needs its own certificate named.
fn certificates() -> Result<RootCerts, FetchError> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from) else {
        return Ok(RootCerts::WebPki);
    };
    let unreadable = |problem: String| FetchError::Certificates { path: path.clone(), problem };
    let pem = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unreadable(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(unreadable("it has none".to_owned()));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

/// An address of a file.
pub(super) struct Address<'a> {
    pub(super) agent: &'a Agent,
    /// The proxy that the agent goes through.
    pub(super) proxy: Option<&'a EnvProxy>,
    pub(super) url: &'a str,
    /// The file's size in bytes.
    pub(super) wanted: u64,
    /// Whether it is still wanted.
    pub(super) stop: &'a CancellationToken,
}

impl Address<'_> {
    /// Asks for what `partial` lacks, and adds it. On success the file has the wanted size.
    pub(super) fn ask(&self, partial: &mut Partial, tell: &mut dyn FnMut(&Event<'_>)) -> Result<(), Problem> {
        if partial.len() > self.wanted {
            partial.clear()?;
        }
        if partial.len() == self.wanted {
            return Ok(());
        }
        let (head, body) = self.request(partial)?.into_parts();
        let answer = match Answer::read(head.status, &head.headers) {
            Ok(answer) => answer,
            Err(problem) => {
                if head.status == StatusCode::RANGE_NOT_SATISFIABLE {
                    partial.clear()?;
                }
                return Err(problem);
            }
        };
        let (mut body, origin) = (body.into_reader(), origin(self.url, &head.headers));
        if !answer.is_endless() {
            self.expect(&answer, partial, &mut body)?;
            partial.come_from(origin)?;
            return self.receive(&mut body, partial, tell);
        }
        let beginning = self.outgrow(&answer, partial, &mut body)?;
        partial.clear()?;
        partial.come_from(origin)?;
        let received = self.receive(&mut beginning.chain(body), partial, tell);
        if matches!(received, Err(Problem::Cut { .. })) {
            // Whether it is the beginning of the file nobody knows: another answer must not go on from there.
            partial.clear()?;
        }
        received
    }

    /// Asks for what comes after `partial`.
    fn request(&self, partial: &Partial) -> Result<Response<Body>, Problem> {
        let mut request = self.agent.get(self.url);
        if partial.len() > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", partial.len()));
            if let Some(validator) = partial.validator(self.url) {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        request.call().map_err(|error| self.problem(error))
    }

    /// Why no answer came.
    fn problem(&self, error: ureq::Error) -> Problem {
        let route = self.proxy.and_then(|proxy| proxy.route(self.url));
        match (error, route) {
            (ureq::Error::ConnectProxyFailed(reason), Some(route)) => Problem::ProxyRefused { reason, route },
            (ureq::Error::Io(error), route) => {
                let reason = error.to_string();
                match error.get_ref().and_then(|error| error.downcast_ref()) {
                    Some(rustls::Error::InvalidCertificate(_)) => Problem::Untrusted { reason, route },
                    Some(_) => Problem::NotEncrypted { reason, route },
                    None => Problem::Unreachable { reason, route },
                }
            }
            (ureq::Error::TooManyRedirects, _) => Problem::Astray,
            (other, route) => Problem::Unreachable { reason: other.to_string(), route },
        }
    }

    /// The beginning of an answer that does not say how much it gives, as soon as it is more than there is. Whatever ends before that, an error
    /// in a few words or a connection that was cut, costs nothing of what is there.
    fn outgrow(&self, answer: &Answer, partial: &Partial, body: &mut impl Read) -> Result<File, Problem> {
        if let Some(kind) = answer.kind.clone().filter(|_| answer.is_page()) {
            return Err(Problem::Page { kind });
        }
        let mut beginning = tempfile::tempfile_in(partial.folder())?;
        let (mut there, mut chunk) = (0, vec![0; CHUNK_BYTES]);
        while there <= partial.len() {
            let read = match body.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            if self.stop.is_cancelled() {
                return Err(Problem::Stopped);
            }
            beginning.write_all(&chunk[..read])?;
            there += read as u64;
        }
        beginning.rewind()?;
        if there > partial.len() {
            return Ok(beginning);
        }
        if there <= weights::POINTER_BYTES && is_pointer(&mut beginning)? {
            return Err(Problem::Pointer);
        }
        Err(Problem::Cut { there, wanted: self.wanted })
    }

    /// Refuses an answer about another file, before anything that arrived earlier is given up for it.
    fn expect(&self, answer: &Answer, partial: &mut Partial, body: &mut impl Read) -> Result<(), Problem> {
        if let Some(found) = answer.file_bytes.filter(|bytes| *bytes != self.wanted) {
            let mut beginning = Vec::new();
            // Whether it can be read or not: it is the wrong file.
            let _ = body.take(weights::POINTER_BYTES).read_to_end(&mut beginning);
            if answer.first_byte == 0 && weights::is_pointer(&beginning) {
                return Err(Problem::Pointer);
            }
            return Err(Problem::OtherSize { found, wanted: self.wanted, kind: answer.kind.clone() });
        }
        if answer.first_byte == partial.len() {
            return Ok(());
        }
        partial.clear()?;
        if answer.first_byte == 0 { Ok(()) } else { Err(Problem::OtherPart) }
    }

    fn receive(
        &self,
        body: &mut impl Read,
        partial: &mut Partial,
        tell: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), Problem> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = match body.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            if self.stop.is_cancelled() {
                return Err(Problem::Stopped);
            }
            if partial.len() + read as u64 > self.wanted {
                partial.clear()?;
                return Err(Problem::TooLong { wanted: self.wanted });
            }
            partial.append(&chunk[..read])?;
            tell(&Event::Progress(partial.len()));
        }
        if partial.len() == self.wanted {
            return Ok(());
        }
        if partial.len() <= weights::POINTER_BYTES && is_pointer(&mut File::open(partial.path())?)? {
            partial.clear()?;
            return Err(Problem::Pointer);
        }
        Err(Problem::Cut { there: partial.len(), wanted: self.wanted })
    }
}

fn is_pointer(file: &mut File) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(weights::is_pointer(&bytes))
}
