//! What surrounds every page: its navigation, its assets, and which models the numbers are of.

use crate::{
    store::viewpoint::Viewpoint,
    web::{Site, assets},
};

/// The page that is shown, for the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The start page.
    Home,
    /// The best images.
    Top,
    /// The worst images.
    Bottom,
    /// The ledger.
    Arrivals,
    /// None of those that the navigation names.
    Elsewhere,
}

/// A link in the navigation.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    place: Place,
    /// Its address below the base path.
    pub path: &'static str,
    /// What it is called.
    pub name: &'static str,
}

const LINKS: [Link; 4] = [
    Link { place: Place::Home, path: "/", name: "Home" },
    Link { place: Place::Top, path: "/top", name: "Top 20" },
    Link { place: Place::Bottom, path: "/bottom", name: "Bottom 20" },
    Link { place: Place::Arrivals, path: "/arrivals", name: "Arrivals" },
];

/// The frame of one page.
#[derive(Clone, Debug)]
pub struct Frame {
    base_path: String,
    place: Place,
    /// What the watch model and the quality model are called; none before any has served.
    pub models: Option<(String, String)>,
}

impl Frame {
    /// The frame of the page at `place`, under `base_path`.
    pub fn new(base_path: &str, place: Place, view: Option<&Viewpoint>) -> Self {
        let models = view.map(|view| (view.watch_title.clone(), view.quality_title.clone()));
        Self { base_path: base_path.to_owned(), place, models }
    }

    /// The same for a handler.
    pub fn of(site: &Site, place: Place, view: Option<&Viewpoint>) -> Self {
        Self::new(&site.base_path, place, view)
    }

    /// The links of the navigation.
    pub const fn links(&self) -> &'static [Link] {
        &LINKS
    }

    /// Whether a link leads to the page that is shown.
    pub fn is_here(&self, link: &Link) -> bool {
        link.place == self.place
    }

    /// The address of one of our own pages.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }

    /// The address of a file of `static/`.
    pub fn asset(&self, name: &str) -> String {
        self.url(&assets::path(name))
    }

    /// The program's version.
    pub const fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
