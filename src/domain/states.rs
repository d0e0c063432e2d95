//! The closed sets of names that the database, the API and the pages share.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A name that is not in the set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {set} {name:?}")]
pub struct UnknownName {
    set: &'static str,
    name: String,
}

macro_rules! names {
    ($(#[$doc:meta])* $set:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(rename_all = "snake_case")]
        #[sqlx(type_name = "text")]
        pub enum $set {
            $($(#[$variant_doc])* #[sqlx(rename = $name)] $variant,)+
        }

        impl $set {
            /// Every member, in the order in which pages show them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in the database, in JSON and in addresses.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $set {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownName { set: $what, name: name.to_owned() }),
                }
            }
        }

        impl TryFrom<String> for $set {
            type Error = UnknownName;

            fn try_from(name: String) -> Result<Self, UnknownName> {
                name.parse()
            }
        }
    };
}

names! {
    /// What a model answers.
    Task, "task" {
        /// Is there a watch in the picture?
        Watch = "watch",
        /// How good does it look?
        Quality = "quality",
    }
}

names! {
    /// The one state that every path ever seen is in; the ledger's totals add up over these.
    SightingState, "sighting state" {
        /// Still growing, or too young to be read.
        Settling = "settling",
        /// Its bytes are an image of the catalog.
        Imported = "imported",
        /// Its bytes are an image that another path brought in first.
        Duplicate = "duplicate",
        /// It could not be taken; the reason says why.
        Failed = "failed",
        /// Never opened: a link out of the root, a device, a name that the settings ignore.
        Ignored = "ignored",
        /// It was there, and is not any more (or its bytes are not those that were imported).
        Missing = "missing",
    }
}

names! {
    /// How far one model is with one image.
    ScoringState, "scoring state" {
        /// Not scored yet.
        Pending = "pending",
        /// There is a prediction.
        Done = "done",
        /// The model could not score it; the reason says why.
        Failed = "failed",
    }
}

names! {
    /// Where a pair of models stands.
    GenerationState, "state of a generation" {
        /// Every image is to be scored by it, in the background.
        Filling = "filling",
        /// It was shown, or is, and is kept up.
        Live = "live",
        /// It is kept up no more.
        Retired = "retired",
    }
}

names! {
    /// What somebody who signs in, or bears a token, may do. Each may do what those before it may.
    Role, "role" {
        /// Votes and corrects; sees neither the models' nor the others' answers.
        Annotator = "annotator",
        /// Sees the whole catalog, and decides on rounds and thresholds.
        Manager = "manager",
        /// Also people, models, settings and tokens.
        Admin = "admin",
    }
}

names! {
    /// How far a round is.
    RoundState, "round state" {
        /// Its list is not frozen yet.
        Draft = "draft",
        /// Its images are being judged.
        Open = "open",
        /// It is complete, past its deadline, or was closed by hand.
        Closed = "closed",
    }
}

names! {
    /// What a round, or a model, asks about a picture besides its quality.
    Question, "question" {
        /// Is there a watch in this picture? A clock is not a watch.
        Watch = "watch",
        /// Is there a watch or a clock in this picture?
        WatchOrClock = "watch or clock",
    }
}

names! {
    /// Which image of a round an annotator gets next.
    ServingOrder, "serving order" {
        /// Each annotator in a random order of their own.
        Random = "random",
        /// Nearest to the watch threshold first, with a random share.
        Doubtful = "doubtful",
    }
}

names! {
    /// Why an annotator left an image unjudged.
    SkipKind, "kind of skip" {
        /// Not now: it comes again at the end of their queue.
        Later = "later",
        /// It cannot be judged, for the reason given.
        Cannot = "cannot",
    }
}
