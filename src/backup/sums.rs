//! The hashes of a backup's members, as `sha256sum` writes and checks them.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use sha2::{Digest, Sha256};

/// The hash of each member, by its name: the bytes of a path, which need not be UTF-8.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    hashes: HashMap<Vec<u8>, String>,
    text: Vec<u8>,
}

impl Sums {
    /// Adds a member.
    pub(super) fn add(&mut self, name: &[u8], hash: String) {
        // What coreutils do: names with a backslash or a line break are escaped, and the line says so.
        if name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r')) {
            self.text.push(b'\\');
        }
        self.text.extend_from_slice(hash.as_bytes());
        self.text.extend_from_slice(b"  ");
        for byte in name {
            match byte {
                b'\\' => self.text.extend_from_slice(br"\\"),
                b'\n' => self.text.extend_from_slice(br"\n"),
                b'\r' => self.text.extend_from_slice(br"\r"),
                byte => self.text.push(*byte),
            }
        }
        self.text.push(b'\n');
        self.hashes.insert(name.to_vec(), hash);
    }

    /// The file's text.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Reads the file's text; nothing if it is none.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut sums = Self::default();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let (escaped, line) = match line.strip_prefix(b"\\") {
                Some(line) => (true, line),
                None => (false, line),
            };
            let (hash, name) = line.split_at_checked(64)?;
            let name = name.strip_prefix(b"  ")?;
            let name = if escaped { unescaped(name)? } else { name.to_vec() };
            sums.add(&name, String::from_utf8(hash.to_vec()).ok()?);
        }
        Some(sums)
    }

    /// A member that the other has not, or with another hash, or that only the other has.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let differs = |a: &Self, b: &Self| {
            a.hashes
                .iter()
                .find(|(name, hash)| b.hashes.get(*name) != Some(hash))
                .map(|(name, _)| name.clone())
        };
        let name = differs(self, other).or_else(|| differs(other, self))?;
        Some(String::from_utf8_lossy(&name).into_owned())
    }
}

fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(out)
}

/// Hashes what is read through it.
pub(super) struct Hashing<R, F> {
    inner: R,
    digest: Sha256,
    read: u64,
    each: F,
}

impl<R: Read, F: FnMut(u64)> Hashing<R, F> {
    /// Reads from `inner`; `each` is told how many bytes were read.
    pub(super) fn new(inner: R, each: F) -> Self {
        Self { inner, digest: Sha256::new(), read: 0, each }
    }

    /// How many bytes were read.
    pub(super) const fn count(&self) -> u64 {
        self.read
    }

    /// The hash of what was read, in hexadecimal.
    pub(super) fn hash(self) -> String {
        hex::encode(self.digest.finalize())
    }
}

impl<R: Read, F: FnMut(u64)> Read for Hashing<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.read += read as u64;
        (self.each)(read as u64);
        Ok(read)
    }
}
