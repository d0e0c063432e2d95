//! The identity of an image.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of a file's bytes: what an image is identified by, never its path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A hash that was computed elsewhere (while streaming a file, say).
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether an image with this key belongs to the audit set: a fixed tenth, chosen by the SHA-256 of the
    /// listing key if there is one, else of the image's own hash in hexadecimal, modulo 10.
    pub fn is_audit(&self, listing_key: Option<&str>) -> bool {
        let digest = match listing_key {
            Some(key) => Sha256::digest(key.as_bytes()),
            None => Sha256::digest(self.to_string().as_bytes()),
        };
        // The 256-bit number modulo 10, from its bytes, most significant first.
        digest.iter().fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % 10) == 0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is written as 64 hexadecimal digits, as `sha256sum` prints them")]
pub struct HashError;

impl FromStr for ContentHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = HashError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

/// From a `BYTEA` column, which a CHECK keeps at 32 bytes.
impl TryFrom<Vec<u8>> for ContentHash {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        bytes.as_slice().try_into().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_survives_its_text() {
        let hash = ContentHash::of(b"watch");
        assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
    }

    #[test]
    fn one_listing_is_in_the_audit_set_as_a_whole() {
        let (a, b) = (ContentHash::of(b"a"), ContentHash::of(b"b"));
        assert_eq!(a.is_audit(Some("68428")), b.is_audit(Some("68428")));
    }

    #[test]
    fn about_a_tenth_of_the_hashes_is_in_the_audit_set() {
        let audited = (0..10_000_u32).filter(|n| ContentHash::of(&n.to_le_bytes()).is_audit(None)).count();
        assert!((850..1150).contains(&audited), "{audited} of 10,000");
    }
}
