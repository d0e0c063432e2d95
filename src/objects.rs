//! The image store: renditions, and the originals that are not left where they were dropped.
//!
//! Keys are made of the content hash alone, so that writing twice does no harm. The store is a local directory
//! now; nothing here depends on that.

use std::{path::Path, sync::Arc};

use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path as Key};

use crate::domain::ContentHash;

/// The image store did not take or give an object.
#[derive(Debug, thiserror::Error)]
#[error("the image store failed")]
pub struct ObjectError(#[from] object_store::Error);

/// A handle to the image store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// The same folder, written so that it outlasts a power failure: the dropped file may be deleted afterwards.
    durable: Arc<dyn ObjectStore>,
}

impl Objects {
    /// The store in a local folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or reached.
    pub fn local(folder: &Path) -> Result<Self, ObjectError> {
        let unreachable = |source| object_store::Error::Generic { store: "local", source };
        std::fs::create_dir_all(folder).map_err(|error| unreachable(Box::new(error)))?;
        let open =
            || LocalFileSystem::new_with_prefix(folder).map(|store| store.with_automatic_cleanup(true));
        Ok(Self { store: Arc::new(open()?), durable: Arc::new(open()?.with_fsync(true)) })
    }

    /// Keeps a rendition with a long side of `long_px`.
    ///
    /// # Errors
    /// When it cannot be written: the disk is full, say.
    pub async fn put_rendition(
        &self,
        long_px: u32,
        hash: &ContentHash,
        jpeg: Vec<u8>,
    ) -> Result<(), ObjectError> {
        self.put(&rendition_key(long_px, hash), jpeg).await
    }

    /// A rendition, if there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rendition(&self, long_px: u32, hash: &ContentHash) -> Result<Option<Vec<u8>>, ObjectError> {
        self.get(&rendition_key(long_px, hash)).await
    }

    /// Keeps an original and answers its key.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn put_original(&self, hash: &ContentHash, bytes: Vec<u8>) -> Result<String, ObjectError> {
        let key = key("originals", hash, "");
        self.durable.put(&key, PutPayload::from(bytes)).await?;
        Ok(key.to_string())
    }

    /// An original by its key, if it is there.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn original(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectError> {
        self.get(&Key::from(key)).await
    }

    /// How many of the originals with these keys are not there; reads nothing of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn absent(&self, keys: &[String]) -> Result<usize, ObjectError> {
        let mut absent = 0;
        for key in keys {
            absent += usize::from(!self.has(key).await?);
        }
        Ok(absent)
    }

    /// Whether there is an original of this key; reads nothing of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has(&self, key: &str) -> Result<bool, ObjectError> {
        match self.store.head(&Key::from(key)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a few bytes, to see whether it could write a picture.
    ///
    /// # Errors
    /// When it could not.
    pub async fn probe(&self) -> Result<(), ObjectError> {
        self.put(&Key::from("probe"), b"ok".to_vec()).await
    }

    async fn put(&self, key: &Key, bytes: Vec<u8>) -> Result<(), ObjectError> {
        self.store.put(key, PutPayload::from(bytes)).await?;
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, ObjectError> {
        match self.store.get(key).await {
            Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn rendition_key(long_px: u32, hash: &ContentHash) -> Key {
    key(&format!("renditions/{long_px}"), hash, ".jpg")
}

/// One level of folders keeps each of them small enough, 4,000 objects in a catalog of a million; a second level
/// would make folders cost more than what is in them.
fn key(kind: &str, hash: &ContentHash, extension: &str) -> Key {
    let hash = hash.to_string();
    Key::from(format!("{kind}/{}/{hash}{extension}", &hash[..2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_put_is_found_and_what_was_not_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let hash = ContentHash::of(b"watch");
        assert_eq!(objects.rendition(320, &hash).await.unwrap(), None);
        objects.put_rendition(320, &hash, b"jpeg".to_vec()).await.unwrap();
        assert_eq!(objects.rendition(320, &hash).await.unwrap(), Some(b"jpeg".to_vec()));
        assert_eq!(objects.rendition(1600, &hash).await.unwrap(), None);
        let key = objects.put_original(&hash, b"original".to_vec()).await.unwrap();
        assert_eq!(objects.original(&key).await.unwrap(), Some(b"original".to_vec()));
        assert!(objects.has(&key).await.unwrap() && !objects.has("originals/ab/other").await.unwrap());
    }
}
