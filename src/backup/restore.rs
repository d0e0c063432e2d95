//! Reading a backup: first all of it is checked, then it is restored.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Component, Path, PathBuf},
};

use indicatif::ProgressBar;
use sqlx::{Connection, PgConnection};
use tar::Archive;
use tempfile::{NamedTempFile, TempDir};

use super::{
    BackupError, DUMP, FORMAT, HEADER, Header, Kept, STORE, SUMS, UPLOAD,
    create::schema,
    postgres::Server,
    sums::{Hashing, Sums},
};
use crate::{cluster::Database, config::Settings, startup, store::whole};

/// A backup that has been read to its end, and is what it was when it was written.
#[derive(Debug)]
pub struct Backup {
    file: PathBuf,
    header: Header,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub header: Header,
    /// Files of the image store and of the upload directory.
    pub files: usize,
    /// Settings that differ from those of the backup.
    pub differences: Vec<String>,
}

impl Backup {
    /// Reads `file` to its end and compares every hash.
    ///
    /// # Errors
    /// It is none of ours, is damaged, or was written by a later version.
    pub fn check(file: &Path, bar: &ProgressBar) -> Result<Self, BackupError> {
        let header = read_header(file)?;
        let bytes = fs::metadata(file).map_err(BackupError::io("look at", file))?.len();
        bar.set_message("checking");
        bar.set_length(bytes);
        let (mut found, mut sums) = (Sums::default(), None);
        let mut archive = open(file)?;
        for entry in archive.entries().map_err(BackupError::io("read", file))? {
            let mut entry = entry.map_err(|error| damaged(&error))?;
            let name = entry.path_bytes().into_owned();
            if name == SUMS.as_bytes() {
                let mut text = Vec::new();
                entry.read_to_end(&mut text).map_err(|error| damaged(&error))?;
                sums = Some(
                    Sums::parse(&text).ok_or_else(|| BackupError::Damaged(format!("{SUMS} is garbled")))?,
                );
                continue;
            }
            let mut read = Hashing::new(&mut entry, |read| bar.inc(read));
            io::copy(&mut read, &mut io::sink()).map_err(|error| damaged(&error))?;
            found.add(&name, read.hash());
        }
        let sums =
            sums.ok_or_else(|| BackupError::Damaged(format!("its end is missing: there is no {SUMS}")))?;
        match sums.difference(&found) {
            None => Ok(Self { file: file.to_owned(), header }),
            Some(name) => Err(BackupError::Damaged(format!("{name} is not what was written"))),
        }
    }

    /// What it says of itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Restores into the empty `database` and the empty data directory of `settings`.
    ///
    /// # Errors
    /// One of the two is not empty, the database is older than the backup's, or something cannot be written.
    pub async fn restore(
        self,
        settings: &Settings,
        database: &Database,
        bar: &ProgressBar,
    ) -> Result<Restored, BackupError> {
        let mut conn = PgConnection::connect_with(&database.connect_options()?).await?;
        if !whole::is_empty(&mut conn).await? {
            return Err(BackupError::NotEmpty("the database".to_owned()));
        }
        let server = Server::of(database, &mut conn).await?;
        let header = self.header.clone();
        if header.postgresql > server.major {
            return Err(BackupError::NewerServer { backup: header.postgresql, server: server.major });
        }
        let target = Target::empty(settings)?;
        bar.set_position(0);
        bar.set_message("files");
        let moving = bar.clone();
        let unpacked = tokio::task::spawn_blocking(move || self.unpack(target, &moving)).await??;
        bar.set_message("database");
        server.restore(unpacked.dump.path(), header.pg_dump).await?;
        let now = whole::rows(&mut conn).await?;
        for (table, expected) in &header.rows {
            let found = now.get(table).copied().unwrap_or_default();
            if found != *expected {
                return Err(BackupError::Rows { table: table.clone(), expected: *expected, found });
            }
        }
        conn.close().await?;
        let files = unpacked.files;
        unpacked.finish()?;
        let pool = startup::connect(database, settings).await?;
        startup::migrate(&pool).await?;
        pool.close().await;
        let differences = header.settings.differences(&Kept::of(settings));
        Ok(Restored { header, files, differences })
    }

    /// Unpacks everything beside the place where it belongs.
    fn unpack(self, target: Target, bar: &ProgressBar) -> Result<Unpacked, BackupError> {
        let dump = NamedTempFile::new_in(&target.data_dir)
            .map_err(BackupError::io("write into", &target.data_dir))?;
        let scratch = tempfile::Builder::new()
            .prefix(".restoring-")
            .tempdir_in(&target.data_dir)
            .map_err(BackupError::io("write into", &target.data_dir))?;
        let mut unpacked = Unpacked { target, dump, scratch, files: 0 };
        let mut archive = open(&self.file)?;
        for entry in archive.entries().map_err(BackupError::io("read", &self.file))? {
            let mut entry = entry.map_err(|error| damaged(&error))?;
            let name = entry.path().map_err(|error| damaged(&error))?.into_owned();
            let bytes = entry.size();
            if !entry.header().entry_type().is_file() {
                continue;
            }
            unpacked.take(&name, &mut entry)?;
            bar.inc(bytes);
        }
        Ok(unpacked)
    }
}

/// Where a backup goes.
struct Target {
    data_dir: PathBuf,
    store: PathBuf,
    upload: PathBuf,
}

impl Target {
    /// The directories of `settings`, which hold nothing yet. What lies in the upload directory may stay there.
    fn empty(settings: &Settings) -> Result<Self, BackupError> {
        let (data_dir, store) = (settings.data_dir.clone(), settings.store_dir());
        fs::create_dir_all(&data_dir).map_err(BackupError::io("make", &data_dir))?;
        let filled = match fs::read_dir(&store) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(BackupError::io("read", &store)(error)),
        };
        if filled {
            return Err(BackupError::NotEmpty(format!("the folder {}", store.display())));
        }
        Ok(Self { data_dir, store, upload: settings.upload_dir() })
    }
}

/// What was unpacked, not yet in its place; it goes away if it never gets there.
struct Unpacked {
    target: Target,
    dump: NamedTempFile,
    scratch: TempDir,
    files: usize,
}

impl Unpacked {
    fn take(&mut self, name: &Path, data: &mut impl Read) -> Result<(), BackupError> {
        if name == Path::new(DUMP) {
            return io::copy(data, self.dump.as_file_mut())
                .map(drop)
                .map_err(BackupError::io("write", self.dump.path()));
        }
        let safe = name.components().all(|part| matches!(part, Component::Normal(_)));
        let ours = name.starts_with(STORE) || name.starts_with(UPLOAD);
        if !safe || !ours {
            return Ok(());
        }
        let path = self.scratch.path().join(name);
        write(&path, data).map_err(BackupError::io("write", &path))?;
        self.files += 1;
        Ok(())
    }

    /// Moves everything to its place. A dropped file that is there already stays as it is.
    fn finish(self) -> Result<(), BackupError> {
        let store = self.scratch.path().join(STORE);
        if store.exists() {
            // An empty folder may stand there, which a rename replaces.
            fs::rename(&store, &self.target.store).map_err(BackupError::io("make", &self.target.store))?;
        }
        let upload = self.scratch.path().join(UPLOAD);
        for entry in walkdir::WalkDir::new(&upload).into_iter().filter_map(Result::ok) {
            let Ok(inside) = entry.path().strip_prefix(&upload) else { continue };
            let place = self.target.upload.join(inside);
            if !entry.file_type().is_file() || place.exists() {
                continue;
            }
            let moved = File::open(entry.path()).and_then(|mut data| write(&place, &mut data));
            moved.map_err(BackupError::io("write", &place))?;
        }
        Ok(())
    }
}

/// Writes a file with the folders above it; it has its name when it is whole.
fn write(path: &Path, data: &mut impl Read) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".restoring-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)?;
    io::copy(data, &mut file)?;
    file.flush()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn open(file: &Path) -> Result<Archive<BufReader<File>>, BackupError> {
    Ok(Archive::new(BufReader::new(File::open(file).map_err(BackupError::io("read", file))?)))
}

fn read_header(file: &Path) -> Result<Header, BackupError> {
    let none = || BackupError::NoBackup(file.to_owned());
    let mut archive = open(file)?;
    let mut entries = archive.entries().map_err(BackupError::io("read", file))?;
    let first = entries.next().and_then(Result::ok).ok_or_else(none)?;
    if first.path_bytes().as_ref() != HEADER.as_bytes() {
        return Err(none());
    }
    let header: serde_json::Value = serde_json::from_reader(first).map_err(|_| none())?;
    let later = |name: &str, ours: i64| header[name].as_i64().is_none_or(|theirs| theirs > ours);
    if later("format", i64::from(FORMAT)) || later("schema", schema()) {
        return Err(BackupError::Newer(header["chronograde"].as_str().unwrap_or("?").to_owned()));
    }
    serde_json::from_value(header).map_err(|_| none())
}

fn damaged(error: &io::Error) -> BackupError {
    BackupError::Damaged(error.to_string())
}
