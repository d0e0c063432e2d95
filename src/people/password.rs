//! Passwords: hashed with argon2id, checked away from the threads that answer requests.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task::JoinError};

/// Fewest characters. Length is what helps; rules about digits and signs do not (NIST SP 800-63B, 5.1.1).
const FEWEST_CHARS: usize = 10;
/// Most bytes: more only costs time.
const MOST_BYTES: usize = 1000;
/// Passwords that are hashed at the same time: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// Why a password was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("{0}")]
    Unfit(String),
    /// The hash could not be made.
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// The thread ended.
    #[error("the password could not be hashed")]
    Thread(#[from] JoinError),
}

/// Hashes and checks passwords, a few at a time. Clones share the limit.
#[derive(Clone, Debug)]
pub struct Passwords {
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// The argon2id hash of a new password, in PHC form, with the parameters that OWASP recommends (the library's
    /// own: 19 MiB, two passes, one lane).
    ///
    /// # Errors
    /// [`PasswordError::Unfit`] says in words what is wrong with it.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        if password.chars().count() < FEWEST_CHARS {
            return Err(PasswordError::Unfit(format!(
                "The password needs at least {FEWEST_CHARS} characters."
            )));
        }
        if password.len() > MOST_BYTES {
            return Err(PasswordError::Unfit(format!("The password is longer than {MOST_BYTES} bytes.")));
        }
        let password = password.to_owned();
        self.away(move || {
            let hash: PasswordHash =
                Argon2::default().hash_password(password.as_bytes()).map_err(PasswordError::Hash)?;
            Ok(hash.to_string())
        })
        .await?
    }

    /// Whether `password` is the one of `hash`. Without a hash it takes as long, and is not.
    ///
    /// # Errors
    /// When the thread ended.
    pub async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, PasswordError> {
        if password.len() > MOST_BYTES {
            return Ok(false);
        }
        let password = password.to_owned();
        self.away(move || match hash.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => Argon2::default().verify_password(password.as_bytes(), &hash).is_ok(),
            _ => {
                let spent: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
                drop(spent);
                false
            }
        })
        .await
    }

    async fn away<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        // The semaphore is never closed; if it were, hashing would only lose its limit.
        let _place = self.places.clone().acquire_owned().await.ok();
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse batterY", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse battery", None).await.unwrap());
        assert_ne!(
            passwords.hash("correct horse battery").await.unwrap(),
            hash,
            "each has a salt of its own"
        );
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused_in_words() {
        let passwords = Passwords::default();
        for wrong in ["", "ninechars", &"x".repeat(1001)] {
            assert!(matches!(passwords.hash(wrong).await, Err(PasswordError::Unfit(_))));
        }
        assert!(passwords.hash("zehn·Zeich").await.is_ok(), "characters count, not bytes");
    }
}
