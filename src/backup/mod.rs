//! One file that holds a catalog: written while the service runs, checked in full before anything is restored from it.
//!
//! It is a tar archive that other programs read, too:
//!
//! | member | |
//! | --- | --- |
//! | `chronograde-backup.json` | the first: version, time, rows of each table, models, settings (see [`Header`]) |
//! | `database.dump` | what `pg_dump --format=custom` says of one snapshot, the one whose rows were counted |
//! | `store/…` | the image store: renditions, and with originals those, too |
//! | `upload/…` | with originals: the files in the upload directory that images refer to |
//! | `SHA256SUMS` | the last: as `sha256sum --check` reads it; without it a backup is not whole |

mod create;
mod error;
mod header;
mod postgres;
mod restore;
mod sums;

pub use self::{
    create::{Created, Plan, create},
    error::BackupError,
    header::{Header, Kept},
    restore::{Backup, Restored},
};

/// The first member.
const HEADER: &str = "chronograde-backup.json";
/// The database.
const DUMP: &str = "database.dump";
/// The folder of the image store.
const STORE: &str = "store";
/// The folder of the dropped files.
const UPLOAD: &str = "upload";
/// The last member.
const SUMS: &str = "SHA256SUMS";
/// What this version writes, and the newest that it reads.
const FORMAT: u32 = 1;

#[cfg(test)]
mod tests;
