//! The file of an image: what is known of it, where it was seen, and whether it is still there.

use crate::{
    domain::SightingState,
    gallery::{listings, words},
    store::image_page::{Facts, Seen},
    web::Site,
};

/// A path at which the bytes were seen, in a row.
pub(super) struct Sighted {
    pub(super) path: String,
    pub(super) root: String,
    pub(super) state: String,
    pub(super) remark: String,
    pub(super) first: String,
    pub(super) last: String,
}

/// A fact and its name.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) href: Option<String>,
}

/// Why the original cannot be downloaded, as far as the ledger knows: no disk is asked for it, which may be away.
pub(super) fn gone(facts: &Facts, seen: &[Seen]) -> Option<&'static str> {
    let missing = SightingState::Missing.as_str();
    let is_there = |seen: &Seen| seen.superseded_at.is_none() && seen.state != missing;
    (!facts.is_stored && !seen.iter().any(is_there))
        .then_some("The original is missing: its file was removed or changed. Put it back to download it, and to see it large.")
}

/// What is known of the file.
pub(super) fn known(site: &Site, facts: &Facts) -> Vec<Fact> {
    let fact = |name, value| Fact { name, value, href: None };
    let mut known = vec![
        fact(
            "Size",
            format!("{} × {} px", words::count(facts.width.into()), words::count(facts.height.into())),
        ),
        fact("File", format!("{}, {}", facts.format.to_uppercase(), words::bytes(facts.bytes))),
        fact("Came in", words::moment(facts.ingested_at)),
    ];
    known.extend(facts.taken_at.map(|at| fact("Taken", words::moment(at))));
    let listing =
        |key: &String| Fact { name: "Listing", value: key.clone(), href: Some(listings::page_of(site, key)) };
    known.extend(facts.listing_key.as_ref().map(listing));
    known.push(fact("SHA-256", facts.hash.to_string()));
    known
}

/// A path in a row.
pub(super) fn sighted(seen: Seen) -> Sighted {
    let remark = match (seen.moved_to, seen.superseded_at, seen.reason) {
        (Some(to), ..) => format!("moved to {to}"),
        (None, Some(at), _) => format!("replaced {}", words::moment(at)),
        (None, None, reason) => reason.unwrap_or_default(),
    };
    Sighted {
        path: seen.path_text,
        root: seen.root,
        state: seen.state,
        remark,
        first: words::moment(seen.first_seen),
        last: words::moment(seen.last_seen),
    }
}
