//! The bytes of an image that is in the catalog, read again from where they are.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use sqlx::PgPool;

use crate::{
    domain::{ContentHash, ImageId},
    objects::Objects,
    store::{
        images::{self, Stored},
        sightings::{self, Place},
    },
};

/// An image's bytes, which are those that were imported: their hash was compared.
#[derive(Clone, Debug)]
pub struct Original {
    /// The SHA-256 that the image is known by.
    pub hash: ContentHash,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// Why an image's bytes cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// The file is gone, or has other bytes now; the ledger says so.
    #[error("the file is gone, or has other bytes now")]
    Missing,
    /// The whole folder that the file lay in is away: a dropped mount, say. Nothing is known of the file.
    #[error("the folder that the file lies in is away")]
    Away,
    /// The file is there and cannot be read this time.
    #[error("the file cannot be read: {0}")]
    File(#[source] io::Error),
    /// The database or the image store is away.
    #[error("the service cannot reach its own data")]
    Service(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for OriginalError {
    fn from(error: sqlx::Error) -> Self {
        Self::Service(error.into())
    }
}

/// Reads the bytes of `image`: the stored object if there is one, else the newest of its paths that still has
/// them. A path that has not is marked as missing.
///
/// # Errors
/// See [`OriginalError`].
pub async fn read(pool: &PgPool, objects: &Objects, image: ImageId) -> Result<Original, OriginalError> {
    // No connection is held while a disk is asked, which may be a share that hangs.
    let (stored, places) = {
        let mut conn = pool.acquire().await?;
        let stored = images::stored(&mut conn, image).await?.ok_or(OriginalError::Missing)?;
        (stored, sightings::places(&mut conn, image).await?)
    };
    if let Some(original) = from_store(objects, &stored).await? {
        return Ok(original);
    }
    let mut error = OriginalError::Missing;
    for place in places {
        match from_place(place.clone(), &stored).await {
            Ok(original) => return Ok(original),
            Err(Unread::Changed) => {
                lose(pool, &place, "its bytes are not those that were imported").await?;
            }
            Err(Unread::Gone) => lose(pool, &place, "the file is not there any more").await?,
            Err(Unread::Away) => error = OriginalError::Away,
            Err(Unread::File(reason)) => error = OriginalError::File(reason),
        }
    }
    Err(error)
}

async fn lose(pool: &PgPool, place: &Place, reason: &str) -> sqlx::Result<()> {
    sightings::lost(&mut *pool.acquire().await?, place.id, reason).await
}

async fn from_store(objects: &Objects, stored: &Stored) -> Result<Option<Original>, OriginalError> {
    let Some(key) = &stored.key else { return Ok(None) };
    let bytes = objects.original(key).await.map_err(|error| OriginalError::Service(error.into()))?;
    let hash = stored.hash;
    let original = bytes.filter(|bytes| ContentHash::of(bytes) == hash).map(|bytes| Original { hash, bytes });
    if original.is_none() {
        tracing::error!(key, "a stored original is gone or damaged: restore the image store from its backup");
    }
    Ok(original)
}

/// Why one path does not give an image's bytes.
enum Unread {
    /// Other bytes lie there.
    Changed,
    /// Nothing lies there.
    Gone,
    /// The whole folder is away.
    Away,
    /// It cannot be read this time.
    File(io::Error),
}

/// Reads and hashes on a thread of its own.
async fn from_place(place: Place, stored: &Stored) -> Result<Original, Unread> {
    let (hash, size_bytes) = (stored.hash, stored.bytes);
    let read = move || match open(&place.file).and_then(|file| read_to_end(&file, size_bytes)) {
        Ok(bytes) if ContentHash::of(&bytes) == hash => Ok(Original { hash, bytes }),
        Ok(_) => Err(Unread::Changed),
        Err(error) if !is_gone(&error) => Err(Unread::File(error)),
        Err(_) if root_is_away(&place.root) => Err(Unread::Away),
        Err(_) => Err(Unread::Gone),
    };
    let joined = tokio::task::spawn_blocking(read).await;
    joined.unwrap_or_else(|panic| Err(Unread::File(io::Error::other(panic))))
}

/// Opens a file without following a link, waiting for a pipe, or waking a device.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub(super) fn open(file: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(file)?;
    if opened.metadata()?.is_file() { Ok(opened) } else { Err(io::Error::other("it is no regular file")) }
}

/// Reads a file that should have `size_bytes`; of a longer one a single byte more, which tells.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read_to_end(file: &File, size_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(0));
    file.take(size_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether nothing lies at the place any more. While its whole folder is away nobody knows.
pub(super) fn has_left(place: &Place) -> bool {
    place.file.symlink_metadata().is_err_and(|error| is_gone(&error)) && !root_is_away(&place.root)
}

/// Whether a folder is gone or empty, as when its disk is not mounted.
fn root_is_away(root: &str) -> bool {
    std::fs::read_dir(root).map_or(true, |mut entries| entries.next().is_none())
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The file at `path` (bytes, relative) in `root`.
pub fn absolute(root: &str, path: &[u8]) -> PathBuf {
    Path::new(root).join(OsStr::from_bytes(path))
}
