//! One settled file: read, hashed, checked, and written into the ledger as what it is.

use std::{
    fs::OpenOptions,
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use sqlx::{PgConnection, PgPool};

use super::{diff::Stamp, listing::ListingPattern, tree};
use crate::{
    clock::Clock,
    config::IngestMode,
    decode::{self, DecodeError, Header, Limits},
    domain::{ContentHash, ImageId, SightingId, SightingState},
    jobs::{self, JobError},
    objects::{ObjectError, Objects},
    store::{
        catalog,
        images::{self, NewImage},
        sightings,
    },
};

/// What became of a settled file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// A new image.
    New(ImageId),
    /// An image that moved here from a path that is gone.
    Moved(ImageId),
    /// An image that another path brought in.
    Duplicate(ImageId),
    /// It could not be taken, and why.
    Failed(String),
    /// It was gone before it could be read.
    Vanished,
    /// It changed while it was read; it is looked at again.
    Unsettled,
}

/// The service, not the file, kept a file from being taken. The file waits.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database is away or refused.
    #[error("the database did not take a file")]
    Database(#[from] sqlx::Error),
    /// The queue did not take the job.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The image store is full or away.
    #[error("a file could not be stored")]
    Store(#[from] ObjectError),
}

/// A file that stood still for long enough.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Its sighting.
    pub id: SightingId,
    /// Its path in the root, for people.
    pub path_text: String,
    /// The file.
    pub file: PathBuf,
    /// The file as it was when it was last looked at.
    pub stamp: Stamp,
}

/// Takes files into the catalog. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Importer {
    /// The database.
    pub pool: PgPool,
    /// Where originals go in copy and move mode.
    pub objects: Objects,
    /// What is too large.
    pub limits: Limits,
    /// What happens to the dropped file.
    pub mode: IngestMode,
    /// Cuts the listing key out of the path.
    pub pattern: ListingPattern,
    /// The time.
    pub clock: Clock,
}

/// A file that was read to its end and has a picture's header.
struct Candidate {
    bytes: Vec<u8>,
    hash: ContentHash,
    header: Header,
}

impl Importer {
    /// Takes one settled file and writes what became of it.
    ///
    /// # Errors
    /// Only when the service fails; a bad file is an answer.
    pub async fn import(&self, settled: &Settled) -> Result<Imported, ImportError> {
        let (file, stamp, limits) = (settled.file.clone(), settled.stamp, self.limits);
        let read = tokio::task::spawn_blocking(move || read(&file, stamp, &limits)).await;
        let refused = match read.unwrap_or_else(|panic| Err(Imported::Failed(panic.to_string()))) {
            Ok(candidate) => return self.take(settled, candidate).await,
            Err(refused) => refused,
        };
        let mut conn = self.pool.acquire().await?;
        match &refused {
            Imported::Failed(reason) => sightings::failed(&mut conn, settled.id, reason).await?,
            Imported::Vanished => {
                sightings::lost(&mut conn, settled.id, "it was gone before it could be read").await?;
            }
            _ => {}
        }
        Ok(refused)
    }

    async fn take(&self, settled: &Settled, candidate: Candidate) -> Result<Imported, ImportError> {
        let Candidate { bytes, hash, header } = candidate;
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let stored_key = match self.mode {
            IngestMode::Reference => None,
            IngestMode::Copy | IngestMode::Move => Some(self.objects.put_original(&hash, bytes).await?),
        };
        let now = self.clock.now();
        let image = NewImage {
            id: ImageId::new(now),
            hash,
            bytes: size,
            header: &header,
            ingested_at: now,
            listing_key: self.pattern.key(&settled.path_text),
            stored_key,
        };
        let mut tx = self.pool.begin().await?;
        let imported = if images::insert(&mut tx, &image).await? {
            sightings::taken(&mut tx, settled.id, SightingState::Imported, image.id, &hash).await?;
            jobs::request_scoring(&mut tx, image.id).await?;
            Imported::New(image.id)
        } else {
            self.take_known(&mut tx, settled, &image).await?
        };
        tx.commit().await?;
        Ok(imported)
    }

    /// The catalog has these bytes: the file moved here, or it is one more copy.
    async fn take_known(
        &self,
        tx: &mut PgConnection,
        settled: &Settled,
        image: &NewImage<'_>,
    ) -> Result<Imported, ImportError> {
        let Some(known) = images::find(tx, &image.hash).await? else {
            return Err(ImportError::Database(sqlx::Error::RowNotFound));
        };
        let places = sightings::places(tx, known).await?;
        let first = places.into_iter().find(|place| place.state != SightingState::Duplicate);
        let (state, imported) = match first {
            // In the other modes the stored object is the image's place, whatever becomes of dropped files.
            Some(place) if place.id != settled.id && (image.stored_key.is_some() || place.file.exists()) => {
                (SightingState::Duplicate, Imported::Duplicate(known))
            }
            Some(place) if place.id != settled.id => {
                sightings::moved(tx, place.id, settled.id).await?;
                (SightingState::Imported, Imported::Moved(known))
            }
            _ => (SightingState::Imported, Imported::Moved(known)),
        };
        sightings::taken(tx, settled.id, state, known, &image.hash).await?;
        catalog::refresh_names(tx, &[known]).await?;
        // It may have been given up while its file was gone.
        jobs::request_scoring(tx, known).await?;
        Ok(imported)
    }
}

/// Opens without following a link or waiting for a pipe, reads to the end, and checks that the file stood
/// still meanwhile.
fn read(file: &Path, stamp: Stamp, limits: &Limits) -> Result<Candidate, Imported> {
    let size_bytes = u64::try_from(stamp.size_bytes).unwrap_or(u64::MAX);
    limits.check_file_bytes(size_bytes).map_err(|reason| failed(&reason))?;
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(file)
        .map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(0));
    opened
        .by_ref()
        .take(size_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    let after = opened.metadata().map_err(|error| unreadable(&error))?;
    if !after.is_file() || tree::stamp(&after) != stamp || bytes.len() as u64 != size_bytes {
        return Err(Imported::Unsettled);
    }
    let header = decode::probe(&bytes, limits).map_err(|reason| failed(&reason))?;
    Ok(Candidate { hash: ContentHash::of(&bytes), bytes, header })
}

fn failed(reason: &DecodeError) -> Imported {
    Imported::Failed(reason.to_string())
}

fn unreadable(error: &io::Error) -> Imported {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Imported::Vanished,
        ErrorKind::PermissionDenied => {
            Imported::Failed("it may not be read: give the service's user permission to read it".to_owned())
        }
        _ => Imported::Failed(format!("it cannot be read: {error}")),
    }
}
