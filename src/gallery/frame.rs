//! What surrounds every page: its navigation, its assets, who is signed in, and which models the numbers are of.

use crate::{
    domain::Role,
    store::viewpoint::Viewpoint,
    web::{Site, account::Account, assets},
};

/// The page that is shown, for the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first page.
    Home,
    /// The best images.
    Top,
    /// The worst images.
    Bottom,
    /// The whole ranking.
    Ranking,
    /// One image: it belongs to the catalog's pages, and is none that they name.
    Image,
    /// The listings.
    Listings,
    /// The ledger.
    Arrivals,
    /// Pictures from the browser.
    Upload,
    /// Judging pictures.
    Score,
    /// One's own judgements.
    Progress,
    /// Images around the threshold.
    Doubtful,
    /// The rounds of judging.
    Rounds,
    /// What annotators read.
    Guides,
    /// The people who judge.
    Raters,
    /// What is being worked on.
    Jobs,
    /// The cut-off of the watch model.
    Threshold,
    /// How well the watch model does, against people's labels.
    Evaluation,
    /// People's votes beside the quality model's.
    PeopleAgainstModel,
    /// The people who may sign in.
    People,
    /// The catalog as files.
    Export,
    /// The networks that serve.
    Models,
    /// Whether everything runs.
    Health,
    /// One's own page.
    Profile,
    /// None of those that the navigation names.
    Elsewhere,
}

/// Links that belong together; the navigation's first row names the groups, its second row the links of one.
#[derive(Debug)]
pub struct Group {
    /// What it is called.
    pub name: &'static str,
    links: &'static [Link],
}

/// A link in the navigation.
#[derive(Debug)]
pub struct Link {
    place: Place,
    role: Role,
    /// Its address below the base path.
    pub path: &'static str,
    /// What it is called.
    pub name: &'static str,
}

const fn link(place: Place, role: Role, path: &'static str, name: &'static str) -> Link {
    Link { place, role, path, name }
}

const GROUPS: [Group; 6] = [
    Group { name: "Home", links: &[link(Place::Home, Role::Annotator, "/", "Home")] },
    Group {
        name: "Catalog",
        links: &[
            link(Place::Top, Role::Manager, "/top", "Top 20"),
            link(Place::Bottom, Role::Manager, "/bottom", "Bottom 20"),
            link(Place::Ranking, Role::Manager, "/ranking", "Ranking"),
            link(Place::Listings, Role::Manager, "/listings", "Listings"),
            link(Place::Export, Role::Manager, "/export", "Export"),
        ],
    },
    Group {
        name: "Judging",
        links: &[
            link(Place::Score, Role::Annotator, "/score", "Score"),
            link(Place::Progress, Role::Annotator, "/progress", "My progress"),
            link(Place::Doubtful, Role::Manager, "/doubtful", "Doubtful"),
            link(Place::Rounds, Role::Manager, "/rounds", "Rounds"),
            link(Place::Guides, Role::Manager, "/guides", "Guides"),
            link(Place::Raters, Role::Manager, "/raters", "Raters"),
        ],
    },
    Group {
        name: "Learning",
        links: &[
            link(Place::Threshold, Role::Manager, "/threshold", "Threshold"),
            link(Place::Evaluation, Role::Manager, "/evaluation", "Evaluation"),
            link(
                Place::PeopleAgainstModel,
                Role::Manager,
                "/people-against-model",
                "People against the model",
            ),
        ],
    },
    Group {
        name: "Files",
        links: &[
            link(Place::Arrivals, Role::Manager, "/arrivals", "Arrivals"),
            link(Place::Upload, Role::Manager, "/upload", "Upload"),
            link(Place::Jobs, Role::Manager, "/jobs", "Jobs"),
        ],
    },
    Group {
        name: "Service",
        links: &[
            link(Place::People, Role::Admin, "/people", "People"),
            link(Place::Models, Role::Admin, "/models", "Models"),
            link(Place::Health, Role::Admin, "/health", "Health"),
        ],
    },
];

/// The frame of one page.
#[derive(Clone, Debug)]
pub struct Frame {
    base_path: String,
    place: Place,
    /// Who is signed in, and what they may do.
    pub account: Option<(String, Role)>,
    /// Whether the pictures are drawn ones.
    pub is_demo: bool,
    /// What the watch model and the quality model are called; none before any has served.
    pub models: Option<(String, String)>,
}

impl Frame {
    /// The frame of the page at `place`, as `account` sees it.
    pub fn of(site: &Site, account: &Account, place: Place, view: Option<&Viewpoint>) -> Self {
        // Annotators judge without knowing what judges beside them.
        let view = view.filter(|_| account.role >= Role::Manager);
        let models = view.map(|view| (view.watch_title.clone(), view.quality_title.clone()));
        let account = Some((account.name.clone(), account.role));
        Self { base_path: site.base_path.clone(), place, account, is_demo: site.is_demo, models }
    }

    /// The frame of a page for whoever is not signed in.
    pub fn outside(site: &Site) -> Self {
        Self::of_error(Some(site), None)
    }

    /// The frame of a page that says what went wrong, for whoever asked.
    pub fn of_error(site: Option<&Site>, account: Option<(String, Role)>) -> Self {
        Self {
            base_path: site.map(|site| site.base_path.clone()).unwrap_or_default(),
            place: Place::Elsewhere,
            account,
            is_demo: site.is_some_and(|site| site.is_demo),
            models: None,
        }
    }

    /// The groups in which there is something for whoever is signed in.
    pub fn groups(&self) -> impl Iterator<Item = &'static Group> {
        GROUPS.iter().filter(|group| self.links(group).next().is_some())
    }

    /// The links of a group that they may follow.
    pub fn links(&self, group: &'static Group) -> impl Iterator<Item = &'static Link> {
        let role = self.account.as_ref().map(|(_, role)| *role);
        group.links.iter().filter(move |link| role >= Some(link.role))
    }

    /// Where a group's name leads: to the first of its pages.
    pub fn first(&self, group: &'static Group) -> String {
        self.url(self.links(group).next().map_or("/", |link| link.path))
    }

    /// The group that the page belongs to, if that has more than one.
    pub fn siblings(&self) -> Option<&'static Group> {
        self.groups().find(|group| self.is_within(group) && self.links(group).nth(1).is_some())
    }

    /// Whether the page that is shown belongs to a group.
    pub fn is_within(&self, group: &Group) -> bool {
        let place = if self.place == Place::Image { Place::Ranking } else { self.place };
        group.links.iter().any(|link| link.place == place)
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
