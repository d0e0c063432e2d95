//! One settled file: read, hashed, checked, and written into the ledger as what it is.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use sqlx::{PgConnection, PgPool};

use super::{diff::Stamp, listing::ListingPattern, original, tree};
use crate::{
    clock::Clock,
    config::IngestMode,
    decode::{self, DecodeError, Header, Limits},
    domain::{ContentHash, ImageId, SightingId, SightingState},
    jobs::{self, JobError},
    objects::{ObjectError, Objects},
    store::{
        BEGIN_IMAGE, BEGIN_IMAGE_WITHOUT_WAIT, catalog,
        images::{self, NewImage},
        sightings::{self, Place},
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
    /// It changed while it was read, or the system could not read it just then; it is looked at again.
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

impl ImportError {
    /// Whether the database found fault with this file's own values: it must not hold up the others.
    fn is_the_files_fault(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        // SQLSTATE class 22 is bad data, 23514 a CHECK that failed.
        error.code().is_some_and(|code| code.starts_with("22") || code == "23514")
    }
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
    /// What whoever brought it says of it.
    pub told: Told,
}

/// What whoever brings a picture says of it, besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The listing that it belongs to; without, the path decides.
    pub listing: Option<String>,
    /// What another system calls it.
    pub external_id: Option<String>,
    /// Whatever another system says about it.
    pub attributes: serde_json::Map<String, serde_json::Value>,
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
            Ok(candidate) => match self.take(settled, candidate).await {
                Err(error) if error.is_the_files_fault() => {
                    tracing::error!(file = settled.path_text, error = %anyhow::Error::from(error), "refused");
                    Imported::Failed("the database does not take what its header says".to_owned())
                }
                taken => return taken,
            },
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
            listing_key: settled.told.listing.clone().or_else(|| self.pattern.key(&settled.path_text)),
            stored_key,
            external_id: settled.told.external_id.as_deref(),
            attributes: &settled.told.attributes,
        };
        let mut tx = match self.mode {
            // After a crash of the server the file is where it was, and is taken again.
            IngestMode::Reference => self.pool.begin_with(BEGIN_IMAGE_WITHOUT_WAIT).await?,
            // Once it is taken, the dropped file may go.
            IngestMode::Copy | IngestMode::Move => self.pool.begin_with(BEGIN_IMAGE).await?,
        };
        let imported = if images::insert(&mut tx, &image).await? {
            sightings::taken(&mut tx, settled.id, SightingState::Imported, image.id, &hash).await?;
            jobs::request_scoring(&mut tx, image.id).await?;
            catalog::refresh_listings(&mut tx, image.listing_key.as_slice()).await?;
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
        if let Some(key) = &image.stored_key {
            images::keep(tx, known, key).await?;
        }
        let is_stored = images::stored(tx, known).await?.is_some_and(|stored| stored.key.is_some());
        let places = sightings::places(tx, known).await?;
        let (state, left) = among(&places, settled.id, is_stored);
        if let Some(left) = left {
            sightings::moved(tx, left, settled.id).await?;
        }
        sightings::taken(tx, settled.id, state, known, &image.hash).await?;
        catalog::refresh_names(tx, &[known]).await?;
        images::complete(tx, known, image).await?;
        // It may have been given up while its file was gone.
        jobs::request_scoring(tx, known).await?;
        Ok(match state {
            SightingState::Duplicate => Imported::Duplicate(known),
            _ => Imported::Moved(known),
        })
    }
}

/// What the path `id` is among the paths of its image, and which of them the file left for it.
fn among(places: &[Place], id: SightingId, is_stored: bool) -> (SightingState, Option<SightingId>) {
    use SightingState::{Duplicate, Imported, Missing};
    let is_back = places.iter().any(|place| place.id == id);
    let others = || places.iter().filter(|place| place.id != id);
    let was_seen = |place: &&Place| matches!(place.state, Imported | Duplicate | Missing);
    // What lies in the image store did not move, whatever becomes of dropped files.
    let mut left =
        others().filter(was_seen).filter(|place| !is_stored && !is_back && original::has_left(place));
    let left = left.next().map(|place| place.id);
    let is_held = others().any(|place| {
        place.state == Imported && Some(place.id) != left && (is_stored || !original::has_left(place))
    });
    (if is_held { Duplicate } else { Imported }, left)
}

/// Reads a file to its end, and checks that it stood still meanwhile.
fn read(file: &Path, stamp: Stamp, limits: &Limits) -> Result<Candidate, Imported> {
    let size_bytes = u64::try_from(stamp.size_bytes).unwrap_or(u64::MAX);
    limits.check_file_bytes(size_bytes).map_err(|reason| failed(&reason))?;
    let opened = original::open(file).map_err(|error| unreadable(&error))?;
    let bytes = original::read_to_end(&opened, size_bytes).map_err(|error| unreadable(&error))?;
    let after = opened.metadata().map_err(|error| unreadable(&error))?;
    if tree::stamp(&after) != stamp || bytes.len() as u64 != size_bytes {
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
        _ if is_the_systems_fault(error) => Imported::Unsettled,
        _ => Imported::Failed(format!("it cannot be read: {error}")),
    }
}

/// A network share that is away, or a system that is short of something: the file waits.
fn is_the_systems_fault(error: &io::Error) -> bool {
    use Errno::{
        EAGAIN, EHOSTDOWN, EHOSTUNREACH, EINTR, EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOMEM, ENOTCONN,
        ESTALE, ETIMEDOUT,
    };
    let systems = [
        EAGAIN,
        EHOSTDOWN,
        EHOSTUNREACH,
        EINTR,
        EMFILE,
        ENETDOWN,
        ENETUNREACH,
        ENFILE,
        ENOMEM,
        ENOTCONN,
        ESTALE,
        ETIMEDOUT,
    ];
    error.raw_os_error().is_some_and(|code| systems.contains(&Errno::from_raw(code)))
}

#[cfg(test)]
mod tests {
    use SightingState::{Duplicate, Imported, Missing};

    use super::*;

    /// Paths of one image: the files named `here…` are there, others are not.
    fn places(root: &Path, paths: &[(i64, SightingState, &str)]) -> Vec<Place> {
        std::fs::write(root.join("here"), b"x").unwrap();
        let place = |&(id, state, name): &(i64, SightingState, &str)| Place {
            id: SightingId(id),
            state,
            root: root.to_str().unwrap().to_owned(),
            file: root.join(name),
        };
        paths.iter().map(place).collect()
    }

    #[test]
    fn one_path_of_an_image_is_imported_and_the_others_are_duplicates() {
        let root = tempfile::tempdir().unwrap();
        let new = SightingId(9);
        for (paths, expected) in [
            (vec![], (Imported, None)),
            (vec![(1, Imported, "here")], (Duplicate, None)),
            (vec![(1, Imported, "gone")], (Imported, Some(SightingId(1)))),
            (vec![(1, Missing, "gone")], (Imported, Some(SightingId(1)))),
            (vec![(2, Missing, "gone"), (1, Imported, "here")], (Duplicate, Some(SightingId(2)))),
            (vec![(2, Duplicate, "here"), (1, Imported, "gone")], (Imported, Some(SightingId(1)))),
            (vec![(9, SightingState::Settling, "here"), (1, Missing, "gone")], (Imported, None)),
        ] {
            assert_eq!(among(&places(root.path(), &paths), new, false), expected, "{paths:?}");
        }
        let stored = places(root.path(), &[(1, Imported, "gone")]);
        assert_eq!(among(&stored, new, true), (Duplicate, None));
    }

    #[test]
    fn nothing_moved_away_from_a_folder_that_is_away_itself() {
        let root = tempfile::tempdir().unwrap();
        let mut place = places(root.path(), &[(1, Imported, "gone")]);
        place[0].root = root.path().join("not mounted").to_str().unwrap().to_owned();
        assert_eq!(among(&place, SightingId(9), false), (Duplicate, None));
    }

    #[test]
    fn a_share_that_is_away_is_no_fault_of_the_file() {
        for (errno, expected) in [
            (Errno::ESTALE, super::Imported::Unsettled),
            (Errno::EMFILE, super::Imported::Unsettled),
            (Errno::ENOENT, super::Imported::Vanished),
        ] {
            assert_eq!(unreadable(&io::Error::from(errno)), expected);
        }
        assert!(matches!(unreadable(&io::Error::from(Errno::EACCES)), super::Imported::Failed(_)));
        assert!(matches!(unreadable(&io::Error::from(Errno::EIO)), super::Imported::Failed(_)));
    }
}
