//! Writing a backup.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use sqlx::{Connection, PgConnection};
use tempfile::NamedTempFile;

use super::{
    BackupError, DUMP, FORMAT, HEADER, Header, Kept, STORE, SUMS, UPLOAD,
    postgres::Server,
    sums::{Hashing, Sums},
};
use crate::{
    clock::Clock,
    cluster::Database,
    config::Settings,
    store::{MIGRATOR, whole},
};

/// What is to be written where.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The file.
    pub file: &'a Path,
    /// Whether the originals go in, too.
    pub originals: bool,
    /// The catalog's settings.
    pub settings: &'a Settings,
    /// The time.
    pub clock: &'a Clock,
}

/// What was written.
#[derive(Debug)]
pub struct Created {
    /// What the backup says of itself.
    pub header: Header,
    /// Its pictures: renditions, and originals if they are in it.
    pub files: usize,
    /// Its size.
    pub bytes: u64,
    /// Stored originals that are not in it, and their size.
    pub left_out: (usize, u64),
}

/// Writes the catalog of `database` into one file, which appears under its name when it is whole. The service may
/// run meanwhile.
///
/// # Errors
/// There is such a file, something cannot be read or written, or the database refuses. No file is left then.
pub async fn create(plan: Plan<'_>, database: &Database, bar: &ProgressBar) -> Result<Created, BackupError> {
    if plan.file.try_exists().map_err(BackupError::io("look at", plan.file))? {
        return Err(BackupError::Exists(plan.file.to_owned()));
    }
    let folder = match plan.file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let temporary = || {
        let named = tempfile::Builder::new().prefix(".chronograde-backup-").tempfile_in(folder);
        named.map_err(BackupError::io("write into", folder))
    };
    let (archive, dump) = (temporary()?, temporary()?);
    bar.set_message("database");
    let (header, referenced) = dump_database(&plan, database, dump.path()).await?;
    let (members, left_out) = members(&plan, &dump, referenced)?;
    bar.set_length(members.iter().map(|member| member.bytes).sum());
    bar.set_message("files");
    let (moving, file) = (bar.clone(), plan.file.to_owned());
    let write = move || {
        let files = write(archive, &file, &header, &members, &moving)?;
        let bytes = fs::metadata(&file).map_err(BackupError::io("look at", &file))?.len();
        Ok(Created { header, files, bytes, left_out })
    };
    let created = tokio::task::spawn_blocking(write).await?;
    drop(dump);
    created
}

/// Dumps one snapshot, and says what is in it. Also the paths of the files that images refer to.
async fn dump_database(
    plan: &Plan<'_>,
    database: &Database,
    dump: &Path,
) -> Result<(Header, Vec<Vec<u8>>), BackupError> {
    let mut conn = PgConnection::connect_with(&database.connect_options()?).await?;
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let server = Server::of(database, &mut tx).await?;
    let snapshot = whole::export_snapshot(&mut tx).await?;
    let pg_dump = server.dump(&snapshot, dump).await?;
    let settings = Kept::of(plan.settings);
    let root = plan.settings.upload_dir();
    let root = root.canonicalize().unwrap_or(root);
    let referenced = match plan.originals {
        true => whole::referenced(&mut tx, &root.to_string_lossy()).await?,
        false => Vec::new(),
    };
    let header = Header {
        format: FORMAT,
        chronograde: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: plan.clock.now(),
        schema: schema(),
        postgresql: server.major,
        pg_dump,
        rows: whole::rows(&mut tx).await?,
        models: whole::models(&mut tx).await?,
        originals: plan.originals,
        settings,
    };
    tx.commit().await?;
    conn.close().await?;
    Ok((header, referenced))
}

/// The newest migration that this program knows.
pub(super) fn schema() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// A file that goes into the archive.
struct Member {
    name: PathBuf,
    path: PathBuf,
    bytes: u64,
    /// Whether it may have gone in the meantime.
    optional: bool,
}

type Counted = (usize, u64);

fn members(
    plan: &Plan<'_>,
    dump: &NamedTempFile,
    referenced: Vec<Vec<u8>>,
) -> Result<(Vec<Member>, Counted), BackupError> {
    let size = |path: &Path| fs::metadata(path).map(|meta| meta.len());
    let bytes = size(dump.path()).map_err(BackupError::io("look at", dump.path()))?;
    let mut members =
        vec![Member { name: DUMP.into(), path: dump.path().to_owned(), bytes, optional: false }];
    let mut left_out = (0, 0);
    let store = plan.settings.store_dir();
    for entry in walkdir::WalkDir::new(&store).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            // No picture yet, or one that has just gone.
            Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {
                continue;
            }
            Err(error) => return Err(BackupError::io("read", &store)(error.into())),
        };
        let Ok(inside) = entry.path().strip_prefix(&store) else { continue };
        // What is being written has a `#` in its name.
        let unfinished = entry.file_name().as_bytes().contains(&b'#');
        if !entry.file_type().is_file() || unfinished || inside == Path::new("probe") {
            continue;
        }
        let Ok(bytes) = size(entry.path()) else { continue };
        if inside.starts_with("originals") && !plan.originals {
            left_out = (left_out.0 + 1, left_out.1 + bytes);
            continue;
        }
        let (name, path) = (Path::new(STORE).join(inside), entry.into_path());
        members.push(Member { name, path, bytes, optional: true });
    }
    let upload = plan.settings.upload_dir();
    for inside in referenced.iter().map(|path| Path::new(OsStr::from_bytes(path))) {
        let path = upload.join(inside);
        let Ok(bytes) = size(&path) else { continue };
        members.push(Member { name: Path::new(UPLOAD).join(inside), path, bytes, optional: true });
    }
    Ok((members, left_out))
}

/// Writes the archive, then gives it its name.
fn write(
    archive: NamedTempFile,
    file: &Path,
    header: &Header,
    members: &[Member],
    bar: &ProgressBar,
) -> Result<usize, BackupError> {
    let failed = |source| BackupError::io("write", file)(source);
    let mut writer = Writer {
        archive: tar::Builder::new(BufWriter::new(archive.as_file().try_clone().map_err(failed)?)),
        sums: Sums::default(),
        mtime: u64::try_from(header.created_at.timestamp()).unwrap_or_default(),
    };
    let text = serde_json::to_vec_pretty(header).map_err(|error| failed(error.into()))?;
    writer.add(Path::new(HEADER), text.len() as u64, &text[..], |_| {}).map_err(failed)?;
    let mut files = 0;
    for member in members {
        let opened = match File::open(&member.path) {
            Err(error) if member.optional && error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(BackupError::io("read", &member.path))?,
        };
        let bytes = opened.metadata().map_err(BackupError::io("read", &member.path))?.len();
        let read = BufReader::new(opened);
        writer.add(&member.name, bytes, read, |read| bar.inc(read)).map_err(failed)?;
        files += usize::from(member.name != Path::new(DUMP));
    }
    let text = writer.sums.text().to_vec();
    writer.add(Path::new(SUMS), text.len() as u64, &text[..], |_| {}).map_err(failed)?;
    let mut buffered = writer.archive.into_inner().map_err(failed)?;
    buffered.flush().map_err(failed)?;
    drop(buffered);
    archive.as_file().sync_all().map_err(failed)?;
    archive.persist_noclobber(file).map_err(|error| failed(error.error))?;
    Ok(files)
}

struct Writer {
    archive: tar::Builder<BufWriter<File>>,
    sums: Sums,
    mtime: u64,
}

impl Writer {
    fn add(&mut self, name: &Path, bytes: u64, data: impl Read, each: impl FnMut(u64)) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.mtime);
        // A file that grows or shrinks meanwhile would shift everything behind it.
        let mut data = Hashing::new(data.take(bytes), each);
        self.archive.append_data(&mut header, name, &mut data)?;
        if data.count() != bytes {
            return Err(io::Error::other(format!("{} became shorter while it was read", name.display())));
        }
        self.sums.add(name.as_os_str().as_bytes(), data.hash());
        Ok(())
    }
}
