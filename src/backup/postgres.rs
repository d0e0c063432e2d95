//! PostgreSQL's own programs, which know best how to write a database down.

use std::{path::Path, process::Stdio};

use percent_encoding::percent_decode_str;
use sqlx::{PgConnection, postgres::PgConnectOptions};
use tokio::process::Command;
use url::Url;

use super::BackupError;
use crate::{
    cluster::{self, Database},
    store::whole,
};

/// Parts of an address that only libpq's variables carry over.
const TLS: [(&str, &str); 4] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// A server as PostgreSQL's programs are told about it: by variables, since others can read a command line.
pub(super) struct Server {
    environment: Vec<(&'static str, String)>,
    /// Its major version.
    pub(super) major: u32,
}

impl Server {
    /// The server of `database`, which `conn` is connected to.
    pub(super) async fn of(database: &Database, conn: &mut PgConnection) -> Result<Self, BackupError> {
        let options = database.connect_options()?;
        Ok(Self {
            environment: environment(&options, database.url()),
            major: whole::server_major(conn).await?,
        })
    }

    /// Writes the database as `snapshot` sees it to `file`, and says by which version of `pg_dump`.
    pub(super) async fn dump(&self, snapshot: &str, file: &Path) -> Result<u32, BackupError> {
        let (program, major) = cluster::client_program("pg_dump", self.major)?;
        let mut command = Command::new(program);
        command.args(["--format=custom", "--no-owner", "--no-privileges"]);
        command.arg(format!("--snapshot={snapshot}")).arg("--file").arg(file);
        self.run("pg_dump", command).await?;
        Ok(major)
    }

    /// Fills the empty database from `file`, all or nothing. It was written by version `major` of `pg_dump`.
    pub(super) async fn restore(&self, file: &Path, major: u32) -> Result<(), BackupError> {
        let (program, _) = cluster::client_program("pg_restore", self.major.max(major))?;
        let mut command = Command::new(program);
        command.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]);
        let database = self.environment.iter().find(|(name, _)| *name == "PGDATABASE");
        command.arg("--dbname").arg(database.map_or("", |(_, name)| name)).arg(file);
        self.run("pg_restore", command).await
    }

    async fn run(&self, program: &'static str, mut command: Command) -> Result<(), BackupError> {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(BackupError::io("run", program))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(BackupError::Program { program, output: said })
    }
}

fn environment(options: &PgConnectOptions, url: &str) -> Vec<(&'static str, String)> {
    let host = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let user = options.get_username();
    let mut environment = vec![
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", user.to_owned()),
        ("PGDATABASE", options.get_database().unwrap_or(user).to_owned()),
    ];
    let Ok(url) = Url::parse(url) else { return environment };
    if let Some(password) = url.password() {
        environment.push(("PGPASSWORD", percent_decode_str(password).decode_utf8_lossy().into_owned()));
    }
    for (key, value) in url.query_pairs() {
        let name = TLS.iter().find(|(ours, _)| key.replace('-', "") == *ours);
        environment.extend(name.map(|(_, variable)| (*variable, value.into_owned())));
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_variables_and_its_password_is_on_no_command_line() {
        let url = "postgres://cat:p%40ss@db.example:5433/watches?sslmode=require";
        let variables = environment(&url.parse().unwrap(), url);
        for expected in [
            ("PGHOST", "db.example"),
            ("PGPORT", "5433"),
            ("PGUSER", "cat"),
            ("PGDATABASE", "watches"),
            ("PGPASSWORD", "p@ss"),
            ("PGSSLMODE", "require"),
        ] {
            assert!(
                variables.iter().any(|(name, value)| (*name, value.as_str()) == expected),
                "{expected:?}"
            );
        }
    }

    #[test]
    fn a_socket_is_a_host_to_libpq() {
        let url = "postgres://chronograde@localhost:5432/chronograde?host=/tmp/socket";
        assert_eq!(environment(&url.parse().unwrap(), url)[0], ("PGHOST", "/tmp/socket".to_owned()));
    }
}
