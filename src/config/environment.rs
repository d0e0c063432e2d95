//! Settings from environment variables, and the sentence that refuses a bad one.
//!
//! `CHRONOGRADE_NAME_FILE` names a file with the value of `CHRONOGRADE_NAME` (for secrets in containers). A variable with our prefix that is no
//! setting is an error, so that a misspelt one cannot pass unnoticed.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use sqlx::postgres::PgConnectOptions;

use super::{Secret, Settings, must_be};
use crate::ingest::{listing::ListingPattern, tree::Ignored};

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
                Some(name) if OF_THE_LOG.contains(&name) => continue,
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
            let known: Vec<_> = names.chain(OF_THE_LOG.map(variable_name)).collect();
            format!(
                "there is no setting {unknown}: it is misspelt, or of another version. There are {}",
                known.join(", ")
            )
        }
        other => other.to_string(),
    }
}

/// Variables that are read before the settings are.
const OF_THE_LOG: [&str; 2] = ["LOG", "LOG_FORMAT"];

fn variable_name(key: &str) -> String {
    let name = key.to_uppercase();
    if name == "DATABASE_URL" { name } else { format!("{PREFIX}{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IngestMode;

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
        assert!(message.ends_with(", CHRONOGRADE_LOG, CHRONOGRADE_LOG_FORMAT"), "{message}");
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
