//! Who may come in: passwords, sign-in, one-time links, and the pages about people.

pub mod directory;
pub mod link;
mod password;
pub mod profile;
pub mod setup;
pub mod sign_in;
mod throttle;

pub use password::{PasswordError, Passwords};
pub use throttle::Throttle;

/// Longest name that somebody may have, in characters.
const NAME_CHARS: usize = 60;

/// A name as it is kept, or a sentence that says why not.
///
/// # Errors
/// When it is empty, too long, or has characters that cannot be seen.
pub fn checked_name(text: &str) -> Result<String, String> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = name.chars().count();
    if name.is_empty() {
        return Err("A name is needed.".to_owned());
    }
    if length > NAME_CHARS {
        return Err(format!("The name has {length} characters; at most {NAME_CHARS} are allowed."));
    }
    if name.chars().any(char::is_control) {
        return Err("The name has characters that cannot be shown.".to_owned());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_needless_blanks_and_need_something_else() {
        assert_eq!(checked_name("  Ada   Lovelace "), Ok("Ada Lovelace".to_owned()));
        for wrong in ["", "   ", "a\u{7}b", &"x".repeat(61)] {
            assert!(checked_name(wrong).is_err(), "{wrong:?}");
        }
    }
}
