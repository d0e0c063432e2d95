//! Files that come through the browser or the API: written to a spool file as they arrive, decoded once so that their
//! sender hears at once of a damaged one, then taken as a dropped file is. Their bytes always go into the image store.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tempfile::NamedTempFile;
use tokio::{
    io::AsyncWriteExt,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    IngestError,
    diff::Stamp,
    import::{ImportError, Imported, Importer, Settled, Told},
    listing::{DEFAULT_PATTERN, ListingPattern},
    spool, tree,
};
use crate::{
    clock::Clock,
    config::{IngestMode, Settings},
    decode::{DecodeError, Decoders, Need},
    domain::{ImageId, SightingId},
    objects::Objects,
    store::sightings,
};

/// What the ledger calls this way in.
pub const ROOT: &str = "upload";

/// Files that are received at the same time; others wait. Each holds up to the limit on the spool's disk, and for
/// a moment in memory.
const AT_ONCE: usize = 4;

/// The longest name that the ledger keeps, in bytes; of a longer one the end.
const NAME_BYTES: usize = 1000;

/// The way in for uploads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Uploads {
    importer: Importer,
    decoders: Decoders,
    spool: PathBuf,
    places: Arc<Semaphore>,
}

/// A file on its way in.
pub struct Incoming {
    file: NamedTempFile,
    out: tokio::fs::File,
    hash: Sha256,
    bytes: u64,
    limit_bytes: u64,
    _place: Option<OwnedSemaphorePermit>,
}

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its row in the ledger.
    pub ledger: SightingId,
    /// What it is.
    pub outcome: Outcome,
}

/// What an upload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new image.
    New(ImageId),
    /// An image that the catalog has.
    Known(ImageId),
    /// It could not be taken.
    Refused {
        /// What kind of mistake it is.
        kind: Refusal,
        /// Why, in words.
        reason: String,
    },
}

/// What kind of mistake keeps a file out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many bytes or pixels.
    TooLarge,
    /// No image, or of a kind that is not read.
    Unsupported,
    /// Empty, cut off, or damaged.
    Damaged,
}

/// The service, not the file, kept an upload from being taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The spool file could not be written: the disk is full, say.
    #[error("an upload could not be written to the spool")]
    Spool(#[from] io::Error),
    /// The database or the image store is away.
    #[error(transparent)]
    Import(#[from] ImportError),
}

impl From<sqlx::Error> for UploadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Import(error.into())
    }
}

impl Uploads {
    /// The way in with these settings.
    ///
    /// # Errors
    /// When the spool's folder cannot be made, or the pattern of listing keys is none.
    pub fn open(
        pool: PgPool,
        objects: Objects,
        decoders: Decoders,
        (settings, clock): (&Settings, Clock),
    ) -> Result<Self, IngestError> {
        let spool = settings.data_dir.join("spool");
        std::fs::create_dir_all(&spool).map_err(|error| IngestError::Spool(spool.clone(), error))?;
        spool::clear(&spool, clock.now());
        let pattern = settings.listing_pattern.as_deref().unwrap_or(DEFAULT_PATTERN);
        let importer = Importer {
            pool,
            objects,
            limits: settings.limits(),
            mode: IngestMode::Copy,
            pattern: ListingPattern::new(pattern)?,
            clock,
        };
        Ok(Self { importer, decoders, spool, places: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Most bytes that a file may have.
    pub const fn limit_bytes(&self) -> u64 {
        self.importer.limits.file_bytes
    }

    /// Begins to receive a file, once there is a place.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub async fn begin(&self) -> Result<Incoming, UploadError> {
        // The semaphore is never closed.
        let place = self.places.clone().acquire_owned().await.ok();
        let file = NamedTempFile::new_in(&self.spool)?;
        let out = tokio::fs::File::from_std(file.reopen()?);
        let limit_bytes = self.importer.limits.file_bytes;
        Ok(Incoming { file, out, hash: Sha256::new(), bytes: 0, limit_bytes, _place: place })
    }

    /// Takes a file that has come in whole, or was too large to.
    ///
    /// # Errors
    /// Only when the service fails; a bad file is an answer.
    pub async fn take(&self, name: &str, incoming: Incoming, told: Told) -> Result<Taken, UploadError> {
        let Incoming { file, mut out, bytes, limit_bytes, _place, .. } = incoming;
        out.flush().await?;
        drop(out);
        let name = shown(name);
        // Two people may upload two pictures by one name.
        let path = format!("{}/{name}", uuid::Builder::from_random_bytes(rand::random()).into_uuid());
        let mut stamp = tree::stamp(&file.as_file().metadata()?);
        stamp.size_bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        // Decoded before anything is written, so that a cut connection leaves nothing, and no damaged picture is kept.
        let damage = if bytes > limit_bytes {
            Some(DecodeError::FileTooLarge { limit_bytes })
        } else {
            self.damage(file.path()).await?
        };
        let mut conn = self.importer.pool.acquire().await?;
        let id = sightings::received(&mut conn, (ROOT, path.as_bytes(), &name), stamp).await?;
        if let Some(error) = damage {
            let (kind, reason) = (Refusal::of(&error), error.to_string());
            sightings::failed(&mut conn, id, &reason).await?;
            return Ok(Taken { ledger: id, outcome: Outcome::Refused { kind, reason } });
        }
        drop(conn);
        self.import(id, name, &file, stamp, told).await
    }

    /// What keeps the file from being a whole picture. A JPEG is decoded at an eighth of its size: its data is read to
    /// the end all the same.
    async fn damage(&self, file: &Path) -> Result<Option<DecodeError>, UploadError> {
        let bytes = tokio::fs::read(file).await?;
        Ok(self.decoders.decode(bytes, Need::long_side(1), |_| ()).await.err())
    }

    /// Why an upload was refused after all: its picture did not decode when it was scored.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn refusal(&self, ledger: SightingId) -> Result<Option<String>, UploadError> {
        let mut conn = self.importer.pool.acquire().await?;
        Ok(sightings::failure(&mut conn, ledger).await?)
    }

    async fn import(
        &self,
        id: SightingId,
        path_text: String,
        file: &NamedTempFile,
        stamp: Stamp,
        told: Told,
    ) -> Result<Taken, UploadError> {
        let settled = Settled { id, path_text, file: file.path().to_owned(), stamp, told };
        let outcome = match self.importer.import(&settled).await {
            Ok(Imported::New(image)) => Outcome::New(image),
            Ok(Imported::Moved(image) | Imported::Duplicate(image)) => Outcome::Known(image),
            Ok(Imported::Failed(reason)) => Outcome::Refused { kind: Refusal::Damaged, reason },
            Ok(Imported::Vanished | Imported::Unsettled) => {
                self.give_up(id).await?;
                return Err(UploadError::Spool(io::Error::other("the spool file changed while it was read")));
            }
            Err(error) => {
                // The sender hears of it and sends the file again; a row that waits for ever would not help.
                let _ = self.give_up(id).await;
                return Err(error.into());
            }
        };
        Ok(Taken { ledger: id, outcome })
    }

    async fn give_up(&self, id: SightingId) -> Result<(), UploadError> {
        let mut conn = self.importer.pool.acquire().await?;
        sightings::failed(&mut conn, id, "the service could not take it just then: upload it again").await?;
        Ok(())
    }
}

impl Refusal {
    /// What kind of mistake this is.
    const fn of(error: &DecodeError) -> Self {
        match error {
            DecodeError::TooManyPixels { .. } | DecodeError::FileTooLarge { .. } => Self::TooLarge,
            DecodeError::NotAnImage
            | DecodeError::Unsupported(_)
            | DecodeError::UnsupportedVariant { .. } => Self::Unsupported,
            DecodeError::Empty
            | DecodeError::Header { .. }
            | DecodeError::Truncated { .. }
            | DecodeError::Corrupt { .. } => Self::Damaged,
        }
    }
}

impl Incoming {
    /// Writes the next part. `false` once the file is larger than allowed: the rest need not be sent.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub async fn write(&mut self, part: &[u8]) -> Result<bool, UploadError> {
        self.bytes += part.len() as u64;
        if self.bytes > self.limit_bytes {
            return Ok(false);
        }
        self.hash.update(part);
        self.out.write_all(part).await?;
        Ok(true)
    }

    /// SHA-256 of what has come in.
    pub fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

/// A sender's file name as the ledger keeps it: folders stay, a drive or a root does not, nor what cannot be shown.
fn shown(name: &str) -> String {
    let parts = name.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
    let name: String =
        parts.collect::<Vec<_>>().join("/").chars().filter(|sign| !sign.is_control()).collect();
    let from = name.len().saturating_sub(NAME_BYTES);
    let from = (from..=name.len()).find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    if name.is_empty() { "without a name".to_owned() } else { name[from..].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_folders_and_leads_nowhere_else() {
        for (given, kept) in [
            ("68428_3.jpg", "68428_3.jpg"),
            ("autumn/68428_3.jpg", "autumn/68428_3.jpg"),
            ("C:\\photos\\a.jpg", "C:/photos/a.jpg"),
            ("../../etc/passwd", "etc/passwd"),
            ("/a//b", "a/b"),
            ("a\u{0}\nb.jpg", "ab.jpg"),
            ("", "without a name"),
            ("..", "without a name"),
        ] {
            assert_eq!(shown(given), kept);
        }
        assert_eq!(shown(&"ü".repeat(900)).len(), 1000);
    }
}
