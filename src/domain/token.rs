//! Secrets that the program makes: API tokens, keys of sessions, one-time links.

use rand::Rng;
use sha2::{Digest, Sha256};

/// A secret of 256 random bits, shown once. The database keeps its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A fresh one.
    pub fn generate(rng: &mut impl Rng) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self(format!("cg_{}", hex::encode(secret)))
    }

    /// What a request claims to be one.
    pub fn presented(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text that the bearer shows.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the database keeps. One round of SHA-256 is enough for 256 random bits; and as nobody can choose a
    /// hash, how long a look-up takes says nothing about a token that somebody guesses at.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}
