//! The program itself, run as a user runs it.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use sqlx::{ConnectOptions, PgPool};

/// A running `chronograde serve`.
pub struct Service {
    child: Child,
    data: tempfile::TempDir,
    /// Where people reach its pages.
    pub address: String,
    /// Where it listens.
    pub listening: String,
    /// The address of the first start, with which the first admin is made.
    pub set_up: String,
}

impl Service {
    /// Starts it on an empty database, and waits until it says that it is ready.
    pub fn start(pool: &PgPool) -> Self {
        Self::start_with(pool, &[])
    }

    /// The same, with more settings.
    pub fn start_with(pool: &PgPool, settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_chronograde"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--models",
                concat!(env!("CARGO_MANIFEST_DIR"), "/models"),
            ])
            .env("DATABASE_URL", pool.connect_options().to_url_lossy().as_str())
            .env("CHRONOGRADE_DATA_DIR", data.path())
            .env("CHRONOGRADE_MINIMUM_AGE_MS", "50")
            .env("CHRONOGRADE_LOG_FORMAT", "text")
            .env("NO_COLOR", "1")
            .envs(settings.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines: Box<dyn Iterator<Item = String> + Send> =
            Box::new(BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok));
        let word_after = |line: &str, before: &str| {
            let rest = &line[line.find(before)? + before.len()..];
            Some(rest.split_whitespace().next()?.to_owned())
        };
        let ready =
            lines.find(|line| line.contains("chronograde is ready at ")).expect("it says when it is ready");
        let address = word_after(&ready, "chronograde is ready at ").unwrap();
        let listening = word_after(&ready, "listen=").unwrap();
        let set_up =
            lines.find_map(|line| word_after(&line, "there is no admin yet: open ")).expect("it says how");
        // The rest of the log is read, so that the pipe never fills up, and shown when a test fails.
        std::thread::spawn(move || lines.for_each(|line| println!("{line}")));
        Self { child, data, address, listening, set_up }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The folder in which pictures are dropped.
    pub fn upload_dir(&self) -> PathBuf {
        self.data.path().canonicalize().unwrap().join("upload")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
