//! The machine: folders, programs, libraries, the address.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use indicatif::HumanBytes;
use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::{
    cli::healthcheck,
    cluster,
    config::{IngestMode, Settings, normal_path},
    objects::{ObjectError, Objects},
    score::Runtime,
};

/// With less room than this the database stops soon.
const NO_ROOM_BYTES: u64 = 100 * 1024 * 1024;
/// With less room than this pictures cannot be stored for long.
const LITTLE_ROOM_BYTES: u64 = 1024 * 1024 * 1024;

/// So many stored originals are looked for.
pub(super) const ORIGINALS: i64 = 100;

/// Every check that needs no database; only where the service listens may be known from there.
pub(super) fn findings(settings: &Settings, listens_at: Option<SocketAddr>) -> Vec<Finding> {
    vec![
        data_dir(&settings.data_dir),
        upload_dir(settings),
        postgresql(settings),
        onnxruntime(settings),
        address(settings, listens_at),
    ]
}

fn data_dir(folder: &Path) -> Finding {
    const CHECK: &str = "data directory";
    if !folder.exists() {
        return Finding::warning(
            CHECK,
            format!("{} is not there yet; `chronograde serve` makes it", folder.display()),
        );
    }
    if let Err(error) = writable(folder) {
        let text = format!(
            "{} cannot be written: {error}; give it to the user of the service, or set CHRONOGRADE_DATA_DIR",
            folder.display()
        );
        return Finding::problem(CHECK, text);
    }
    let free_bytes = match statvfs(folder) {
        Ok(disk) => disk.blocks_available().saturating_mul(disk.fragment_size()),
        Err(error) => {
            return Finding::warning(
                CHECK,
                format!("writable; its disk does not say how full it is: {error}"),
            );
        }
    };
    let text = format!("{} is writable, {} free", folder.display(), HumanBytes(free_bytes));
    match free_bytes {
        0..NO_ROOM_BYTES => Finding::problem(CHECK, format!("{text}: make room now")),
        NO_ROOM_BYTES..LITTLE_ROOM_BYTES => Finding::warning(CHECK, format!("{text}: make room soon")),
        _ => Finding::ok(CHECK, text),
    }
}

fn writable(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

fn upload_dir(settings: &Settings) -> Finding {
    const CHECK: &str = "upload directory";
    let folder = settings.upload_dir();
    let shown = folder.display();
    match fs::read_dir(&folder) {
        // The usual folder is made at the first start; one that somebody named is missed, like a mount that dropped.
        Err(error) if error.kind() == io::ErrorKind::NotFound && settings.upload_dir.is_none() => {
            Finding::warning(CHECK, format!("{shown} is not there yet; `chronograde serve` makes it"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::problem(
            CHECK,
            format!("{shown} is not there: is a disk not mounted? Else set CHRONOGRADE_UPLOAD_DIR"),
        ),
        Err(error) => Finding::problem(
            CHECK,
            format!(
                "{shown} cannot be read: {error}; give the user of the service the right to, or set CHRONOGRADE_UPLOAD_DIR"
            ),
        ),
        Ok(_) if settings.ingest_mode == IngestMode::Move && writable(&folder).is_err() => Finding::problem(
            CHECK,
            format!(
                "{shown} cannot be written, though CHRONOGRADE_INGEST_MODE=move removes what was taken: give the user of the service the right to, or choose copy"
            ),
        ),
        Ok(_) => Finding::ok(CHECK, format!("{shown} can be read")),
    }
}

fn postgresql(settings: &Settings) -> Finding {
    const CHECK: &str = "PostgreSQL";
    let programs = cluster::server_programs();
    let list = |(major, folder): (&u32, &PathBuf)| format!("{major} in {}", folder.display());
    let found = programs.iter().map(list).collect::<Vec<_>>().join(", ");
    match (programs.is_empty(), settings.database_url.is_some()) {
        (false, _) => Finding::ok(CHECK, format!("programs of version {found}")),
        (true, true) => Finding::ok(CHECK, "no server on this machine; DATABASE_URL names another"),
        (true, false) => Finding::problem(
            CHECK,
            "not installed: `sudo apt-get install postgresql`, or set DATABASE_URL to a server of your own",
        ),
    }
}

fn onnxruntime(settings: &Settings) -> Finding {
    const CHECK: &str = "ONNX Runtime";
    match Runtime::load(&settings.libraries()) {
        Ok(runtime) => Finding::ok(CHECK, format!("{} ({})", runtime.library().display(), runtime.version())),
        Err(error) => Finding::error(CHECK, error),
    }
}

fn address(settings: &Settings, listens_at: Option<SocketAddr>) -> Finding {
    const CHECK: &str = "address";
    // A flag of `serve` is in no setting; the service that runs says where.
    let listen = listens_at.filter(|_| !settings.names_address()).unwrap_or(settings.listen);
    let path = normal_path(&settings.base_path);
    let answers = match TcpListener::bind(listen) {
        Ok(_) => "is free: the service does not run here",
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            match healthcheck::ask(listen, &settings.base_path) {
                Ok(()) => "answers",
                Err(error) => {
                    return Finding::problem(
                        CHECK,
                        format!(
                            "{listen}{path} is taken by something that is not this service ({error:#}): choose another with CHRONOGRADE_LISTEN"
                        ),
                    );
                }
            }
        }
        Err(error) => {
            return Finding::problem(
                CHECK,
                format!("{listen} cannot be used: {error}; correct CHRONOGRADE_LISTEN"),
            );
        }
    };
    let text = format!("{listen}{path} {answers}");
    let encrypted = settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if listen.ip().is_loopback() || encrypted {
        return Finding::ok(CHECK, text);
    }
    Finding::warning(
        CHECK,
        format!(
            "{text}; other machines reach it, and passwords travel unencrypted unless a proxy adds TLS: see docs/OPERATING.md"
        ),
    )
}

/// Whether pictures can be stored, and whether the `originals` are where they were stored.
pub(super) async fn image_store(settings: &Settings, originals: &[String]) -> Finding {
    const CHECK: &str = "image store";
    let folder = settings.store_dir();
    if !folder.exists() && originals.is_empty() {
        return Finding::ok(
            CHECK,
            format!("{} is not there yet; the first picture makes it", folder.display()),
        );
    }
    let absent = if folder.exists() { probe(&folder, originals).await } else { Ok(originals.len()) };
    match absent {
        Ok(0) => Finding::ok(CHECK, format!("{} takes what is written", folder.display())),
        Ok(absent) => Finding::problem(
            CHECK,
            format!(
                "{absent} of {} stored originals that were looked for are not in {}: scores and votes stay, but nobody can look at \
                 those pictures at full size; copy its folder originals from where the catalog was before",
                originals.len(),
                folder.display()
            ),
        ),
        Err(error) => Finding::error(CHECK, error),
    }
}

/// Writes, and counts which of the originals are absent.
async fn probe(folder: &Path, originals: &[String]) -> Result<usize, ObjectError> {
    let objects = Objects::local(folder)?;
    objects.probe().await?;
    objects.absent(originals).await
}
