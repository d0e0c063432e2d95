//! The bytes of an image that is in the catalog, read again from where they are.

use std::{
    ffi::OsStr,
    io::{self, ErrorKind},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use sqlx::PgPool;

use crate::{
    domain::{ContentHash, ImageId},
    objects::Objects,
    store::{images, sightings},
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
    let mut conn = pool.acquire().await?;
    let Some(stored) = images::stored(&mut conn, image).await? else { return Err(OriginalError::Missing) };
    let hash = stored.hash;
    if let Some(key) = stored.key {
        let bytes = objects.original(&key).await.map_err(|error| OriginalError::Service(error.into()))?;
        return bytes.map(|bytes| Original { hash, bytes }).ok_or(OriginalError::Missing);
    }
    for place in sightings::places(&mut conn, image).await? {
        match tokio::fs::read(&place.file).await {
            Ok(bytes) if ContentHash::of(&bytes) == hash => return Ok(Original { hash, bytes }),
            Ok(_) => {
                sightings::lost(&mut conn, place.id, "its bytes are not those that were imported").await?
            }
            Err(error) if is_gone(&error) => {
                sightings::lost(&mut conn, place.id, "the file is not there any more").await?;
            }
            Err(error) => return Err(OriginalError::File(error)),
        }
    }
    Err(OriginalError::Missing)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The file at `path` (bytes, relative) in `root`.
pub fn absolute(root: &str, path: &[u8]) -> PathBuf {
    Path::new(root).join(OsStr::from_bytes(path))
}
