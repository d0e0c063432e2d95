//! Where in the whole ranking one is, whether images are being selected there, and the address that says so.

use actix_web::HttpResponse;
use serde::Deserialize;
use uuid::Uuid;

use super::words;
use crate::{
    store::rankings::{Cursor, Place, Ranking},
    web::{Site, error::WebError, query},
};

/// What the address of the whole ranking says besides the list: where in it, and what is selected.
#[derive(Debug, Default, Deserialize)]
pub struct Paging {
    after: Option<String>,
    before: Option<String>,
    /// Whether images are to be selected.
    #[serde(default)]
    pick: String,
    /// How many were hidden just now.
    hidden_now: Option<u32>,
    /// What was missing to do something with the selected ones.
    #[serde(default)]
    lacks: String,
    /// What was selected then, with commas in between, …
    #[serde(default)]
    ticked: String,
    /// … and the reason that was given.
    #[serde(default)]
    why: String,
}

/// Where a page on which images are selected leads, and what was selected before it was asked for again.
pub struct Picking {
    /// What hides them.
    pub hide: String,
    /// The same page without the boxes.
    pub leave: String,
    /// The query of the list and of the place in it.
    pub query: String,
    /// What is missing.
    pub lacks: Option<&'static str>,
    /// The reason as it was given.
    pub why: String,
}

impl Paging {
    /// As the query says it; what cannot be understood says nothing.
    pub fn read(query: &str) -> Self {
        query::read(query).unwrap_or_default()
    }

    /// Whether images are to be selected.
    pub fn is_picking(&self) -> bool {
        self.pick == "yes"
    }

    /// Whether an image was selected before.
    pub fn is_ticked(&self, image: Uuid) -> bool {
        self.ticked.split(',').any(|id| id.parse() == Ok(image))
    }

    /// What was done just now.
    pub fn done(&self) -> Option<String> {
        let hidden = self.hidden_now?;
        Some(format!("{} hidden.", words::counted(hidden.into(), "image is", "images are")))
    }

    /// What the selecting page of `ranking` needs; none where nothing is selected.
    pub fn picking(&self, site: &Site, ranking: &Ranking) -> Option<Picking> {
        let query = query(ranking, self.cursor(), &[]);
        self.is_picking().then(|| Picking {
            hide: site.url(&format!("/images/hide?{query}")),
            leave: address(site, ranking, false, self.cursor()),
            query,
            lacks: lacks_in_words(&self.lacks),
            why: self.why.clone(),
        })
    }

    /// The place in the list as its address says it.
    pub fn cursor(&self) -> Option<(&'static str, Cursor)> {
        let read = |text: &Option<String>| text.as_deref()?.parse().ok();
        let after = read(&self.after).map(|cursor| ("after", cursor));
        after.or_else(|| read(&self.before).map(|cursor| ("before", cursor)))
    }

    /// The place in `ranking`.
    ///
    /// # Errors
    /// [`WebError::Parameter`] where the address has no place of a list.
    pub fn place(&self, ranking: &Ranking) -> Result<Place, WebError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (text, place): (_, fn(Cursor) -> Place) = match (given(&self.after), given(&self.before)) {
            (Some(after), _) => (after, Place::After),
            (None, Some(before)) => (before, Place::Before),
            (None, None) => return Ok(Place::Start),
        };
        let cursor: Cursor = text.parse().map_err(|error| WebError::Parameter(format!("after: {error}")))?;
        // Another sort was chosen on a later page: that list begins at its beginning.
        let is_of_this = (cursor.sort, cursor.order) == (ranking.sort, ranking.order);
        Ok(if is_of_this { place(cursor) } else { Place::Start })
    }
}

/// The address of a page of the list.
pub fn address(site: &Site, ranking: &Ranking, pick: bool, leaf: Option<(&'static str, Cursor)>) -> String {
    let query = query(ranking, leaf, if pick { &[("pick", "yes")] } else { &[] });
    let mark = if query.is_empty() { "" } else { "?" };
    site.url(&format!("/ranking{mark}{query}"))
}

/// Back to the list of `query`, where images are being selected, with some more said in the address.
pub fn back(site: &Site, query: &str, more: &[(&str, &str)]) -> HttpResponse {
    let ranking = query.parse::<Ranking>().unwrap_or_default();
    let more: Vec<_> = std::iter::once(&("pick", "yes")).chain(more).copied().collect();
    let query = self::query(&ranking, Paging::read(query).cursor(), &more);
    site.see_other(&format!("/ranking?{query}"))
}

fn query(ranking: &Ranking, leaf: Option<(&str, Cursor)>, more: &[(&str, &str)]) -> String {
    let list = Some(ranking.to_string()).filter(|list| !list.is_empty());
    let leaf = leaf.map(|(name, cursor)| format!("{name}={cursor}"));
    let more = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(more).finish();
    let more = Some(more).filter(|more| !more.is_empty());
    list.into_iter().chain(leaf).chain(more).collect::<Vec<_>>().join("&")
}

fn lacks_in_words(lacks: &str) -> Option<&'static str> {
    match lacks {
        "images" => Some("Nothing was hidden: no image is selected."),
        "why" => Some("Nothing was hidden yet: say why. Others will want to know."),
        "round" => Some("No image is selected. Select those that the round is to be about."),
        _ => None,
    }
}
