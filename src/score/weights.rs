//! The bytes of a weights file, before anything reads them as a network.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use sha2::{Digest, Sha256};

use crate::domain::ContentHash;

/// A Git LFS pointer is shorter than this, by its specification.
pub(super) const POINTER_BYTES: u64 = 1024;

/// Whether these bytes are the pointer that Git keeps in place of a large file (its first line is fixed:
/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).
pub(super) fn is_pointer(bytes: &[u8]) -> bool {
    bytes.len() as u64 <= POINTER_BYTES && bytes.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// The SHA-256 of the file at `path`.
pub(super) fn sha256(path: &Path) -> io::Result<ContentHash> {
    let (mut file, mut hash, mut chunk) = (File::open(path)?, Sha256::new(), vec![0; 256 * 1024]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(ContentHash::from_bytes(hash.finalize().into())),
            read => hash.update(&chunk[..read]),
        }
    }
}
