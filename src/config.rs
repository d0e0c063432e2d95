//! Every setting of the service, with its default, its unit, and what a bad value leads to.
//!
//! A setting `name` is read from the environment variable `CHRONOGRADE_NAME`, or from the file that
//! `CHRONOGRADE_NAME_FILE` names (for secrets in containers); flags of the command line win. A variable
//! with our prefix that is no setting is an error, so that a misspelt one cannot pass unnoticed.

mod must_be;

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::{
    decode::{Budget, Decoders, Limits},
    ingest::{listing::ListingPattern, tree::Ignored},
    score::{EngineSettings, Libraries, Provider},
    web::proxies::TrustedProxies,
};

const PREFIX: &str = "CHRONOGRADE_";

/// Why the settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value is of the wrong kind, or the name is none of ours.
    #[error("{0}")]
    Invalid(String),
    /// `…_FILE` names a file that cannot be read.
    #[error("{variable} names {path}, which cannot be read")]
    File {
        /// The environment variable.
        variable: String,
        /// The file that it names.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
}

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
    /// Copies of each network, which share its threads. One: half the memory, and a tenth to a third slower.
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
    /// Reads the settings from `environment` (the process's own, as a rule).
    ///
    /// # Errors
    /// A value of the wrong kind, an unknown `CHRONOGRADE_…` name, a `…_FILE` that cannot be read. The
    /// sentence names the variable.
    pub fn from_environment(
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut ours = HashMap::new();
        for (variable, value) in environment {
            let name = match variable.strip_prefix(PREFIX) {
                // The log has settings of its own, read before these (see `cli::telemetry`).
                Some("LOG" | "LOG_FORMAT") => continue,
                Some(name) => name,
                None if variable == "DATABASE_URL" || variable == "DATABASE_URL_FILE" => variable.as_str(),
                None => continue,
            };
            match name.strip_suffix("_FILE") {
                Some(name) => ours.insert(name.to_owned(), read_file(&variable, value)?),
                None => ours.insert(name.to_owned(), value),
            };
        }
        let source = config::Environment::default().source(Some(ours.clone())).ignore_empty(true);
        let settings = config::Config::builder()
            .add_source(source)
            .build()
            .and_then(config::Config::try_deserialize::<Self>)
            .map_err(|error| SettingsError::Invalid(in_words(&error, &ours)))?;
        settings.check().map_err(SettingsError::Invalid)?;
        Ok(settings)
    }

    /// What only its use would show, when the service says already that it is ready.
    fn check(&self) -> Result<(), String> {
        if let Some(pattern) = &self.listing_pattern {
            ListingPattern::new(pattern).map_err(|error| error.to_string())?;
        }
        if let Err(error) = Ignored::new(&self.ignore) {
            return Err(format!("CHRONOGRADE_IGNORE has a pattern that is none: {error}"));
        }
        if self.public_url.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
            return Err(format!("CHRONOGRADE_PUBLIC_URL must be {}", must_be::PUBLIC_URL));
        }
        let is_postgres = |url: &Secret| {
            let is_ours =
                ["postgres://", "postgresql://"].iter().any(|start| url.reveal().starts_with(start));
            is_ours && url.reveal().parse::<PgConnectOptions>().is_ok()
        };
        if self.database_url.as_ref().is_some_and(|url| !is_postgres(url)) {
            return Err(format!("DATABASE_URL must be {}", must_be::DATABASE_URL));
        }
        let counts = [
            ("CHRONOGRADE_DATABASE_CONNECTIONS", u64::from(self.database_connections)),
            ("CHRONOGRADE_CORRECTIONS_NEEDED", u64::from(self.corrections_needed)),
            ("CHRONOGRADE_MAX_FILE_MIB", self.max_file_mib),
            ("CHRONOGRADE_MAX_MEGAPIXELS", self.max_megapixels),
            ("CHRONOGRADE_DECODE_BUDGET_MIB", self.decode_budget_mib),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((variable, _)) => Err(format!("{variable} must be at least 1")),
            None => Ok(()),
        }
    }

    /// The folder in which pictures are dropped.
    pub fn upload_dir(&self) -> PathBuf {
        self.upload_dir.clone().unwrap_or_else(|| self.data_dir.join("upload"))
    }

    /// How the networks are run.
    pub fn engine(&self) -> EngineSettings {
        let threads = self.score_copies.min(self.score_threads);
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

fn read_file(variable: &str, path: String) -> Result<String, SettingsError> {
    let path = PathBuf::from(path);
    std::fs::read_to_string(Path::new(&path))
        .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
        .map_err(|source| SettingsError::File { variable: variable.to_owned(), path, source })
}

/// A sentence that names the variable, whatever shape the error has, and what it must be. No secret can be of the wrong
/// kind, so that none is shown.
fn in_words(error: &config::ConfigError, ours: &HashMap<String, String>) -> String {
    use config::ConfigError::{At, Message, Type};
    if let Type { key: Some(key), .. } | At { key: Some(key), .. } = error
        && let Some(must_be) = must_be::must_be(key)
    {
        let given = ours.get(&key.to_uppercase()).map_or("", String::as_str);
        return format!("{} must be {must_be}, not “{given}”", variable_name(key));
    }
    match error {
        Type { unexpected, expected, key: Some(key), .. } => {
            format!("{} must be {expected}, not {unexpected}", variable_name(key))
        }
        At { error, key: Some(key), .. } => format!("{}: {error}", variable_name(key)),
        Message(message) if message.starts_with("unknown field") => {
            // The message names fields in backticks, the unknown one first.
            let mut names = message.split('`').skip(1).step_by(2).map(variable_name);
            let unknown = names.next().unwrap_or_default();
            let known: Vec<_> = names.collect();
            format!(
                "there is no setting {unknown}: it is misspelt, or of another version. There are {}",
                known.join(", ")
            )
        }
        other => other.to_string(),
    }
}

fn variable_name(key: &str) -> String {
    let name = key.to_uppercase();
    if name == "DATABASE_URL" { name } else { format!("{PREFIX}{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_environment(
            variables.iter().map(|(name, value)| (name.to_string(), value.to_string())),
        )
    }

    #[test]
    fn without_variables_the_defaults_hold() {
        let settings = read(&[("PATH", "/bin"), ("CHRONOGRADE_LOG", "debug")]).unwrap();
        assert!(settings.listen.ip().is_loopback());
        assert_eq!(settings.upload_dir(), PathBuf::from("data/upload"));
    }

    #[test]
    fn variables_are_parsed_into_their_types() {
        let settings = read(&[
            ("CHRONOGRADE_LISTEN", "127.0.0.1:9000"),
            ("CHRONOGRADE_INGEST_MODE", "move"),
            ("CHRONOGRADE_BATCH", "4"),
            ("CHRONOGRADE_BASE_PATH", "/watches"),
        ])
        .unwrap();
        assert_eq!(settings.listen.port(), 9000);
        assert_eq!(settings.ingest_mode, IngestMode::Move);
        assert_eq!(settings.batch.get(), 4);
        assert_eq!(settings.base_path, "/watches");
    }

    #[test]
    fn a_base_path_has_a_slash_in_front_and_none_behind() {
        for (given, normal) in [("", ""), ("/", ""), ("/watches", "/watches"), ("a/b/", "/a/b")] {
            assert_eq!(normal_path(given), normal);
        }
    }

    #[test]
    fn a_bad_value_is_refused_with_the_name_of_its_variable() {
        for (variable, value) in [
            ("CHRONOGRADE_LISTEN", "everywhere"),
            ("CHRONOGRADE_BATCH", "many"),
            ("CHRONOGRADE_BATCH", "0"),
            ("CHRONOGRADE_INGEST_MODE", "steal"),
            ("CHRONOGRADE_TRUSTED_PROXIES", "the usual ones"),
            ("CHRONOGRADE_PUBLIC_URL", "photos"),
        ] {
            let message = read(&[(variable, value)]).unwrap_err().to_string();
            assert!(message.contains(variable), "{message}");
        }
    }

    #[test]
    fn a_refusal_says_what_there_is_to_choose_from() {
        for (variable, value, says) in [
            (
                "CHRONOGRADE_INGEST_MODE",
                "mov",
                "CHRONOGRADE_INGEST_MODE must be reference, copy or move, not “mov”",
            ),
            ("CHRONOGRADE_PROVIDER", "gpu", "CHRONOGRADE_PROVIDER must be cpu, openvino or cuda, not “gpu”"),
            ("CHRONOGRADE_BATCH", "0", "CHRONOGRADE_BATCH must be a whole number, at least 1, not “0”"),
            ("CHRONOGRADE_BATCH", "many", "CHRONOGRADE_BATCH must be a whole number, at least 1, not “many”"),
            ("CHRONOGRADE_DATABASE_CONNECTIONS", "0", "CHRONOGRADE_DATABASE_CONNECTIONS must be at least 1"),
            (
                "CHRONOGRADE_PUBLIC_URL",
                "photos",
                "CHRONOGRADE_PUBLIC_URL must be an address that begins with http:// or https://, such as \
                 https://photos.example/watches, not “photos”",
            ),
            (
                "DATABASE_URL",
                "localhost/hunter2",
                "DATABASE_URL must be the address of a PostgreSQL database, such as \
                 postgres://user:password@host:5432/catalog",
            ),
            (
                "CHRONOGRADE_LISTING_PATTERN",
                "(",
                "CHRONOGRADE_LISTING_PATTERN is no regular expression: unclosed group",
            ),
            (
                "CHRONOGRADE_LISTING_PATTERN",
                "[0-9]+",
                "CHRONOGRADE_LISTING_PATTERN needs a group in parentheses: the part of the path that is the key",
            ),
        ] {
            assert_eq!(read(&[(variable, value)]).unwrap_err().to_string(), says);
        }
        let pattern = read(&[("CHRONOGRADE_IGNORE", "[")]).unwrap_err().to_string();
        assert!(pattern.starts_with("CHRONOGRADE_IGNORE has a pattern that is none"), "{pattern}");
    }

    #[test]
    fn a_misspelt_name_is_refused() {
        let message = read(&[("CHRONOGRADE_UPLOADS", "/x")]).unwrap_err().to_string();
        assert!(message.contains("CHRONOGRADE_UPLOADS") && message.contains("misspelt"), "{message}");
        assert!(
            message.contains("CHRONOGRADE_UPLOAD_DIR, "),
            "settings go by the names of their variables: {message}"
        );
        assert!(message.contains(" DATABASE_URL,") && !message.contains("upload_dir"), "{message}");
    }

    #[test]
    fn a_secret_comes_from_a_file_and_is_never_printed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "postgres://user:hunter2@db/catalog\n").unwrap();
        let settings = read(&[("DATABASE_URL_FILE", file.path().to_str().unwrap())]).unwrap();
        let url = settings.database_url.clone().unwrap();
        assert_eq!(url.reveal(), "postgres://user:hunter2@db/catalog");
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(
            read(&[("DATABASE_URL_FILE", "/nowhere")]).unwrap_err().to_string().contains("DATABASE_URL_FILE")
        );
    }
}
