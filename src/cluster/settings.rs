//! The server's settings, written at every start, so that a new version of ours brings its own.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use super::{ClusterError, place::Place};

/// Name of the database, and of the role that owns it.
pub(super) const NAME: &str = "chronograde";
/// It only names the socket: the server listens on no network address.
pub(super) const PORT: u16 = 5432;

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    #[default]
    Full,
    /// Everything: for databases that tests make and throw away.
    ThrowAway,
}

const HEADER: &str =
    "# Written by chronograde at every start. ALTER SYSTEM SET … changes a setting for good.\n";

/// For a small machine that does other work too; the log has only what deserves a look.
const TUNING: &str = "\
max_connections = 100
shared_buffers = '128MB'
effective_cache_size = '1GB'
maintenance_work_mem = '128MB'
max_wal_size = '1GB'
wal_compression = on
random_page_cost = 1.1
autovacuum_naptime = '15s'
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_min_messages = warning
log_checkpoints = off
log_line_prefix = '%m [%p] '
cluster_name = 'chronograde'
";

const THROW_AWAY: &str = "\
fsync = off
full_page_writes = off
autovacuum_naptime = '1min'
max_connections = 200
";

/// Writes the settings, and the files that say who may connect: the server's user and root, as the role [`NAME`].
pub(super) fn write(place: &Place, socket_dir: &Path, durability: Durability) -> Result<(), ClusterError> {
    let owner = place.owner.name();
    write_file(place, "pg_hba.conf", &format!("local all {NAME} peer map={NAME}\n"))?;
    write_file(place, "pg_ident.conf", &format!("{NAME} root {NAME}\n{NAME} \"{owner}\" {NAME}\n"))?;
    let ours = [
        ("hba_file", place.file("pg_hba.conf").display().to_string()),
        ("ident_file", place.file("pg_ident.conf").display().to_string()),
        ("listen_addresses", String::new()),
        ("port", PORT.to_string()),
        ("unix_socket_directories", socket_dir.display().to_string()),
        ("unix_socket_permissions", "0700".to_owned()),
    ];
    let ours: String = ours.iter().map(|(name, value)| format!("{name} = '{}'\n", quoted(value))).collect();
    let durability = match durability {
        Durability::Full => "",
        Durability::ThrowAway => THROW_AWAY,
    };
    write_file(place, "postgresql.conf", &format!("{HEADER}{ours}{TUNING}{durability}"))
}

/// A text between single quotes in `postgresql.conf`.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\'', "''")
}

/// Writes a file that the server's user can read, whole or not at all.
fn write_file(place: &Place, name: &str, text: &str) -> Result<(), ClusterError> {
    let (new, path) = (place.file(&format!("{name}.new")), place.file(name));
    // What an interrupted run left.
    let _ = fs::remove_file(&new);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        fs::rename(&new, &path)
    };
    write().map_err(ClusterError::io("write", &path))
}
