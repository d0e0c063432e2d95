//! What a backup says of itself.

use std::{collections::BTreeMap, path::PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::config::{IngestMode, Settings};

/// The first member of a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the archive's layout.
    pub format: u32,
    /// The program that wrote it.
    pub chronograde: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// The last migration of its tables.
    pub schema: i64,
    /// Major version of the server.
    pub postgresql: u32,
    /// Major version of the `pg_dump` that wrote the dump.
    pub pg_dump: u32,
    /// Rows of each table, of the same snapshot as the dump.
    pub rows: BTreeMap<String, i64>,
    /// The models that serve; their files are not in the backup.
    pub models: Vec<String>,
    /// Whether the originals are in it.
    pub originals: bool,
    /// The settings that the catalog was made with.
    pub settings: Kept,
}

/// The settings that a restored catalog should have, too. No secret is among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    upload_dir: PathBuf,
    ingest_mode: IngestMode,
    ignore: String,
    listing_pattern: Option<String>,
    base_path: String,
    public_url: Option<String>,
    corrections_needed: u32,
}

impl Kept {
    /// Those of `settings`.
    pub fn of(settings: &Settings) -> Self {
        let upload_dir = settings.upload_dir();
        Self {
            upload_dir: upload_dir.canonicalize().unwrap_or(upload_dir),
            ingest_mode: settings.ingest_mode,
            ignore: settings.ignore.clone(),
            listing_pattern: settings.listing_pattern.clone(),
            base_path: settings.base_path.clone(),
            public_url: settings.public_url.as_ref().map(ToString::to_string),
            corrections_needed: settings.corrections_needed,
        }
    }

    /// What differs from `now`, as the name of the variable with both values.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let value = |kept: &Self| serde_json::to_value(kept).unwrap_or_default();
        let (then, now) = (value(self), value(now));
        // By name, whatever order the JSON library keeps.
        let fields: BTreeMap<_, _> = then.as_object().into_iter().flatten().collect();
        fields
            .into_iter()
            .filter(|(name, then)| now[name.as_str()] != **then)
            .map(|(name, then)| {
                format!("CHRONOGRADE_{} was {then}, is {}", name.to_uppercase(), now[name.as_str()])
            })
            .collect()
    }
}
