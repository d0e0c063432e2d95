//! Every setting of the service, with its default, its unit, and what a bad value leads to.
//!
//! A setting `name` is read from the environment variable `CHRONOGRADE_NAME`; flags of the command line win.

mod environment;
mod must_be;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use url::Url;

pub use self::environment::SettingsError;
use crate::{
    decode::{Budget, Decoders, Limits},
    score::{EngineSettings, Libraries, Provider},
    web::proxies::TrustedProxies,
};

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// What happens to a file in the upload directory once it is in the catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IngestMode {
    /// It stays where it was dropped, and is read from there whenever its bytes are needed.
    #[default]
    Reference,
    /// Its bytes are copied into the image store; the dropped file may be deleted afterwards.
    Copy,
    /// Its bytes are moved into the image store: the upload directory is an inbox.
    Move,
}

/// Which parts of the service a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Pages and API.
    Web,
    /// Watches the upload directory.
    Ingest,
    /// Runs the networks.
    Score,
}

/// The settings of the service.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the pages and the API. Until there is an admin, nothing but sign-in and set-up is served.
    pub listen: SocketAddr,
    /// Folder of everything that the service writes: private database, renditions, stored originals.
    pub data_dir: PathBuf,
    /// Folder in which pictures are dropped. Default: `upload` in the data directory.
    pub upload_dir: Option<PathBuf>,
    /// Folder of the model manifests.
    pub models: PathBuf,
    /// The path under which a proxy serves us, such as `/watches`; empty at a host's root.
    pub base_path: String,
    /// The address under which people reach the pages, such as `https://photos.example/watches`: links that are
    /// handed on begin with it, and with `https` cookies are sent encrypted only. Default: the listening address.
    pub public_url: Option<Url>,
    /// Proxies whose `X-Forwarded-…` headers are believed, as comma-separated addresses or networks. Too many:
    /// visitors can choose the address that limits on sign-in count by.
    pub trusted_proxies: TrustedProxies,
    /// Token of the link that makes the first admin, instead of a random one in the log.
    pub setup_token: Option<Secret>,
    /// ONNX Runtime's shared library. Default: found where `make setup` puts it.
    pub onnxruntime: Option<PathBuf>,
    /// What the networks are computed with: `cpu`, `openvino` or `cuda`.
    pub provider: Provider,
    /// The plugin library that has this execution provider. Default: ONNX Runtime's own library has it.
    pub provider_library: Option<PathBuf>,
    /// A PostgreSQL server of one's own (`DATABASE_URL`). Default: a private cluster in the data directory.
    pub database_url: Option<Secret>,
    /// Connections to the database. Too few: pages wait while pictures are scored.
    pub database_connections: u32,
    /// What happens to dropped files.
    pub ingest_mode: IngestMode,
    /// More names and folders that are never opened, as comma-separated glob patterns.
    pub ignore: String,
    /// A file younger than this is left alone, in milliseconds. Too low: half-written files are hashed twice.
    pub minimum_age_ms: u64,
    /// Shortest time between two sweeps of the upload directory, in milliseconds.
    pub sweep_interval_ms: u64,
    /// Cuts the listing key out of a path: the first capture group of this regular expression.
    pub listing_pattern: Option<String>,
    /// Larger files are refused, in MiB.
    pub max_file_mib: u64,
    /// Larger pictures are refused before they are decoded, in megapixels.
    pub max_megapixels: u64,
    /// Memory that all decoders share, in MiB. Too low: large pictures are decoded one at a time.
    pub decode_budget_mib: u64,
    /// Pictures that are decoded at the same time. Default: the number of cores.
    pub decode_threads: NonZeroUsize,
    /// Threads that one network computes with, all its copies together. Default: the number of cores.
    pub score_threads: NonZeroUsize,
    /// Copies of each network, which share its threads; with OpenVINO always one. One: half the memory, and a tenth to a third
    /// slower.
    pub score_copies: NonZeroUsize,
    /// Most pictures that one network is given at once. Larger: more memory, later first result; faster on a graphics card,
    /// not on a processor.
    pub batch: NonZeroUsize,
    /// Jobs that a scoring process holds at the same time: some decode while others wait for a network.
    pub score_jobs: NonZeroUsize,
    /// How often a scoring process says that it is alive, in milliseconds.
    pub worker_heartbeat_ms: u64,
    /// A scoring process that was silent for so long is taken for dead, and its jobs go to others, in
    /// milliseconds. Too low: a busy process loses its jobs to others, and they are done twice.
    pub worker_dead_after_ms: u64,
    /// Corrections that it takes to overrule the model.
    pub corrections_needed: u32,
    /// Whether nothing is ever fetched from the internet, and nobody is asked to.
    pub offline: bool,
    /// Whether the pictures are drawn ones: every page says so.
    pub demo: bool,
}

impl Role {
    /// The name on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Ingest => "ingest",
            Self::Score => "score",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let two = NonZeroUsize::MIN.saturating_add(1);
        let eight = NonZeroUsize::MIN.saturating_add(7);
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            data_dir: PathBuf::from("data"),
            upload_dir: None,
            models: PathBuf::from("models"),
            base_path: String::new(),
            public_url: None,
            trusted_proxies: TrustedProxies::default(),
            setup_token: None,
            onnxruntime: None,
            provider: Provider::default(),
            provider_library: None,
            database_url: None,
            database_connections: 20,
            ingest_mode: IngestMode::default(),
            ignore: String::new(),
            minimum_age_ms: 1_000,
            sweep_interval_ms: 5_000,
            listing_pattern: None,
            max_file_mib: 64,
            max_megapixels: 100,
            decode_budget_mib: 512,
            decode_threads: cores,
            score_threads: cores,
            score_copies: two,
            batch: two,
            score_jobs: eight.saturating_mul(cores),
            worker_heartbeat_ms: 10_000,
            worker_dead_after_ms: 30_000,
            corrections_needed: 2,
            offline: false,
            demo: false,
        }
    }
}

impl Settings {
    /// The folder in which pictures are dropped.
    pub fn upload_dir(&self) -> PathBuf {
        self.upload_dir.clone().unwrap_or_else(|| self.data_dir.join("upload"))
    }

    /// How the networks are run.
    pub fn engine(&self) -> EngineSettings {
        let threads = match self.provider {
            // It binds its threads to cores, those of every copy to the same ones: two copies are half as fast as one.
            Provider::OpenVino => NonZeroUsize::MIN,
            Provider::Cpu | Provider::Cuda => self.score_copies.min(self.score_threads),
        };
        EngineSettings {
            threads,
            intra_threads: NonZeroUsize::new(self.score_threads.get() / threads).unwrap_or(NonZeroUsize::MIN),
            max_batch: self.batch,
            queue: self.batch.saturating_mul(threads).saturating_add(self.batch.get()),
            ..EngineSettings::default()
        }
    }

    /// The libraries that the networks are run by.
    pub fn libraries(&self) -> Libraries {
        Libraries {
            runtime: self.onnxruntime.clone(),
            provider: self.provider,
            plugin: self.provider_library.clone(),
        }
    }

    /// The decoders of a process.
    pub fn decoders(&self) -> Decoders {
        Decoders::new(self.limits(), self.decode_budget(), self.decode_threads)
    }

    /// The memory that all decoders of a process share.
    pub fn decode_budget(&self) -> Budget {
        Budget::new(self.decode_budget_mib.saturating_mul(1024 * 1024))
    }

    /// What is too large to be taken.
    pub const fn limits(&self) -> Limits {
        Limits {
            file_bytes: self.max_file_mib.saturating_mul(1024 * 1024),
            pixels: self.max_megapixels.saturating_mul(1_000_000),
        }
    }

    /// Where people reach the pages when the service listens at `address`, without a slash at the end.
    pub fn public_address(&self, address: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{address}{}", normal_path(&self.base_path)),
        }
    }

    /// Whether the settings say where the pages are. If not, the service may all the same run elsewhere: by a flag of
    /// `serve`.
    pub fn names_address(&self) -> bool {
        self.public_url.is_some() || self.listen != Self::default().listen
    }

    /// The folder of renditions and stored originals.
    pub fn store_dir(&self) -> PathBuf {
        self.data_dir.join("store")
    }
}

/// `watches/` and `/watches` are the same place; `/` is none.
pub fn normal_path(text: &str) -> String {
    let path = text.trim().trim_matches('/');
    if path.is_empty() { String::new() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_shared_by_copies_and_openvino_has_one() {
        let two = NonZeroUsize::MIN.saturating_add(1);
        let settings = Settings { score_threads: two, score_copies: two, ..Settings::default() };
        let copies = |settings: Settings| {
            let engine = settings.engine();
            (engine.threads.get(), engine.intra_threads.get())
        };
        assert_eq!(copies(settings.clone()), (2, 1));
        assert_eq!(copies(Settings { provider: Provider::OpenVino, ..settings.clone() }), (1, 2));
        assert_eq!(copies(Settings { score_threads: NonZeroUsize::MIN, ..settings }), (1, 1));
    }

    #[test]
    fn a_base_path_has_a_slash_in_front_and_none_behind() {
        for (given, normal) in [("", ""), ("/", ""), ("/watches", "/watches"), ("a/b/", "/a/b")] {
            assert_eq!(normal_path(given), normal);
        }
    }
}
