//! Identifiers: one type each, so that no function can be given another thing's number.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::{Timestamp, Uuid};

/// A version 7 UUID (ordered by time) that says when the thing was made.
fn uuid_v7(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(uuid::NoContext, seconds, at.timestamp_subsec_nanos()))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, uuid) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh identifier that orders by the time at which it was made.
            pub fn new(at: DateTime<Utc>) -> Self {
                Self(uuid_v7(at))
            }
        }

        id!(@display $name);
    };
    ($(#[$doc:meta])* $name:ident, bigint) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        id!(@display $name);
    };
    (@display $name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Names an image (a picture, whatever its paths).
    ImageId, uuid
}
id! {
    /// Names an annotator.
    AnnotatorId, uuid
}
id! {
    /// Names a sighting: one path at which bytes were seen.
    SightingId, bigint
}
id! {
    /// Names a model: a manifest with a preprocessing fingerprint.
    ModelId, bigint
}
id! {
    /// Names a generation: one pair of served models with its rows in the catalog.
    GenerationId, bigint
}
id! {
    /// Names a round: a bounded piece of judging.
    RoundId, bigint
}
id! {
    /// Names one version of a guide.
    GuideId, bigint
}
