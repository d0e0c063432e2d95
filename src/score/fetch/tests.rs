//! Fetching from a server that answers as each test says.

mod adding;
mod proxies;
mod refusals;
mod resume;
mod server;

use std::{fs, net::TcpListener, path::PathBuf};

use tokio_util::sync::CancellationToken;

use self::server::{Reply, Server};
use super::*;
use crate::{
    domain::ContentHash,
    score::{
        Catalogue,
        tests::{models, network},
    },
};

/// The tiny watch model with its weights elsewhere.
struct Case {
    folder: tempfile::TempDir,
    network: Network,
    weights: Vec<u8>,
    events: Vec<String>,
}

impl Case {
    fn new(urls: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let there = network("tiny-watch");
        let network = Network { file: folder.path().join("weights.onnx"), urls, ..there.clone() };
        Self { folder, network, weights: fs::read(there.file).unwrap(), events: Vec::new() }
    }

    fn fetch_with(&mut self, tries: u32, proxy: Option<EnvProxy>) -> Result<Fetched, FetchError> {
        let patience = Patience { tries, first_pause: Duration::ZERO };
        self.fetch_by(&Fetcher::through(proxy, patience).unwrap())
    }

    fn fetch_by(&mut self, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
        let events = &mut self.events;
        fetcher.fetch(&self.network, &mut |event| match event {
            Event::Asking { there, .. } => events.push(format!("asking with {there}")),
            Event::Progress(_) => {}
            Event::Pausing { problem, .. } => events.push(format!("pausing: {problem}")),
            Event::GaveUp { problem, .. } => events.push(format!("gave up: {problem}")),
        })
    }

    fn fetch(&mut self) -> Result<Fetched, FetchError> {
        self.fetch_with(3, None)
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("weights.onnx.part")
    }

    /// The weights are in their place, and nothing else is left.
    fn assert_whole(&self) {
        assert_eq!(fs::read(&self.network.file).unwrap(), self.weights);
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 1);
        assert!(Fetcher::is_there(&self.network).unwrap());
    }
}

/// The bytes of the tiny watch model.
fn weights() -> Vec<u8> {
    fs::read(network("tiny-watch").file).unwrap()
}

fn pointer() -> Vec<u8> {
    let text = "version https://git-lfs.github.com/spec/v1\noid sha256:3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526\nsize 191\n";
    text.as_bytes().to_vec()
}

const TAG: &str = "ETag: \"one\"\r\n";

/// The rest of the weights from `first`.
fn rest(first: usize, headers: &str) -> Reply {
    let whole = weights();
    let range = format!("Content-Range: bytes {first}-{}/{}\r\n{headers}", whole.len() - 1, whole.len());
    Reply::new("206 Partial Content", &range, &whole[first..])
}

/// The weights until the connection is cut after `bytes`.
fn cut_after(bytes: usize, headers: &str) -> Reply {
    let whole = weights();
    Reply::announcing(whole.len(), "200 OK", headers, &whole[..bytes])
}
