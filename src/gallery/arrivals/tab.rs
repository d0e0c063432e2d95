//! The lists that the ledger is shown as: all, one state, or what a model gave up on.

use crate::{
    domain::SightingState,
    store::{arrivals::Behind, ledger::Ledger},
    web::{Site, error::WebError},
};

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    All,
    State(SightingState),
    Unscorable,
}

impl Tab {
    pub(super) fn parse(text: Option<&str>) -> Result<Self, WebError> {
        match text {
            None | Some("") => Ok(Self::All),
            Some("unscorable") => Ok(Self::Unscorable),
            Some(state) => {
                state.parse().map(Self::State).map_err(|error| WebError::Parameter(format!("{error}")))
            }
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::State(state) => state.as_str(),
            Self::Unscorable => "unscorable",
        }
    }

    /// Its address, with what is searched for and where the page begins.
    pub(super) fn address(self, site: &Site, text: &str, behind: Option<Behind>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if self != Self::All {
            query.append_pair("state", self.as_str());
        }
        if !text.is_empty() {
            query.append_pair("q", text);
        }
        if let Some(behind) = behind {
            query.append_pair("after", &behind.to_string());
        }
        let query = query.finish();
        site.url(&if query.is_empty() { "/arrivals".to_owned() } else { format!("/arrivals?{query}") })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::State(SightingState::Settling) => "Settling",
            Self::State(SightingState::Imported) => "Imported",
            Self::State(SightingState::Duplicate) => "Duplicates",
            Self::State(SightingState::Failed) => "Failed",
            Self::State(SightingState::Ignored) => "Ignored",
            Self::State(SightingState::Missing) => "Missing",
            Self::Unscorable => "Not scorable",
        }
    }

    pub(super) const fn count(self, ledger: &Ledger) -> i64 {
        match self {
            Self::All => ledger.total,
            Self::State(SightingState::Settling) => ledger.settling,
            Self::State(SightingState::Imported) => ledger.imported,
            Self::State(SightingState::Duplicate) => ledger.duplicate,
            Self::State(SightingState::Failed) => ledger.failed,
            Self::State(SightingState::Ignored) => ledger.ignored,
            Self::State(SightingState::Missing) => ledger.missing,
            Self::Unscorable => ledger.unscorable,
        }
    }

    /// That it has no rows.
    pub(super) const fn nothing(self) -> &'static str {
        match self {
            Self::All => "No file has been seen yet.",
            Self::State(SightingState::Settling) => "No file is growing, or too young to be read.",
            Self::State(SightingState::Imported) => "No file has been imported yet.",
            Self::State(SightingState::Duplicate) => "No file is a duplicate.",
            Self::State(SightingState::Failed) => "No file has failed.",
            Self::State(SightingState::Ignored) => "No file is left alone.",
            Self::State(SightingState::Missing) => "No file is missing.",
            Self::Unscorable => "No model has given up on an image.",
        }
    }

    /// Whether pictures would fill it.
    pub(super) fn wants_pictures(self) -> bool {
        matches!(self, Self::All | Self::State(SightingState::Imported))
    }

    /// What its rows are.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::All => {
                "Every file that was ever seen in the upload directory and still counts, newest first."
            }
            Self::State(SightingState::Settling) => {
                "Still growing, or too young to be read. They are taken once they have stood still."
            }
            Self::State(SightingState::Imported) => "Files whose bytes are an image of the catalog.",
            Self::State(SightingState::Duplicate) => {
                "The same bytes as an image that came in under another name."
            }
            Self::State(SightingState::Failed) => {
                "Files that could not be taken. They are tried again when they change, or when you say so."
            }
            Self::State(SightingState::Ignored) => {
                "Files that are left alone: set aside by hand, or never opened."
            }
            Self::State(SightingState::Missing) => {
                "Files that are not where they were, or have other bytes now. What is known of their images stays."
            }
            Self::Unscorable => "Images that came in, but that a model gave up on.",
        }
    }
}
