//! Every manifest of the models folder: what state its model is in, and what can be done with it.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::Task,
    gallery::{attention, words},
    score::{Catalogue, Manifest, ManifestError, Weights},
    serving::{self, Operation},
    store::{
        model_change::Kept,
        models::{self, Standing},
        thresholds::{self, InUse},
    },
    web::{Site, error::WebError},
};

/// The manifests, task by task, or why none can be shown.
pub(super) struct Folder {
    /// Where they lie.
    pub(super) path: String,
    /// Each task's models.
    pub(super) tasks: Vec<(&'static str, Vec<Row>)>,
    /// The manifests that cannot be read.
    pub(super) refused: Vec<Refused>,
    /// Why no manifest can be read.
    pub(super) problem: Option<String>,
    /// Whether something goes on, so that the page should be looked at again.
    pub(super) is_busy: bool,
    /// Whether nothing may be fetched.
    pub(super) is_offline: bool,
}

/// A manifest.
pub(super) struct Row {
    pub(super) name: String,
    /// The name for people, where the manifest gives one.
    pub(super) title: Option<String>,
    pub(super) licence: String,
    /// In a few words.
    pub(super) state: String,
    /// The class of the dot beside it.
    pub(super) dot: &'static str,
    /// Why it cannot serve.
    pub(super) problem: Option<String>,
    /// The cut-off, and whether it was measured.
    pub(super) threshold: Option<String>,
    pub(super) can_activate: bool,
    pub(super) can_check: bool,
    pub(super) pull: Option<Pull>,
    /// Where its weights can be sent to, and what they are.
    pub(super) add: Option<(String, String)>,
    pub(super) busy: Option<Busy>,
    /// How what was done last ended, and whether it went well.
    pub(super) said: Option<(String, bool)>,
}

/// A manifest that cannot be read.
pub(super) struct Refused {
    pub(super) name: String,
    /// Where its model stands all the same.
    pub(super) state: String,
    /// What is wrong with it, and the way out.
    pub(super) problem: String,
}

/// Weights that can be fetched.
pub(super) struct Pull {
    pub(super) bytes: String,
    /// What must be accepted first.
    pub(super) terms: Option<String>,
}

/// What goes on with a model.
pub(super) struct Busy {
    pub(super) text: String,
    /// Bytes that are here, of so many.
    pub(super) bytes: Option<(u64, u64)>,
    pub(super) can_stop: bool,
}

impl Folder {
    /// The folder as it is now; `kept` are the pairs that are kept up.
    pub(super) async fn of(site: &Site, conn: &mut PgConnection, kept: &[Kept]) -> Result<Self, WebError> {
        let catalog = Catalog {
            standings: models::standings(&mut *conn).await?.into_iter().collect(),
            thresholds: thresholds::in_use(conn).await?,
            filling: kept.iter().find(|kept| kept.is_filling()),
        };
        let read = site.workshop.catalogue().await;
        let problem = read.as_ref().err().map(ToString::to_string);
        let (mut tasks, mut refused) = (Vec::new(), Vec::new());
        if let Ok(catalogue) = &read {
            tasks.extend(Task::ALL.iter().map(|task| {
                let rows = catalogue.manifests().iter().filter(|manifest| manifest.task == *task);
                (heading(*task), rows.map(|manifest| Row::new(site, &catalog, manifest, catalogue)).collect())
            }));
            refused.extend(catalogue.refused().iter().map(|refused| Refused::new(&catalog, refused)));
        }
        Ok(Self {
            path: site.workshop.folder().display().to_string(),
            tasks,
            refused,
            problem,
            is_busy: site.operations.is_busy(),
            is_offline: site.workshop.is_offline(),
        })
    }
}

const fn heading(task: Task) -> &'static str {
    match task {
        Task::Watch => "Is there a watch?",
        Task::Quality => "How good does it look?",
    }
}

/// What the catalog says of models, by name.
struct Catalog<'a> {
    standings: HashMap<String, Standing>,
    thresholds: HashMap<String, InUse>,
    filling: Option<&'a Kept>,
}

impl Refused {
    fn new(catalog: &Catalog<'_>, refused: &ManifestError) -> Self {
        let name = refused.name();
        let standing = catalog.standings.get(&name).copied();
        Self {
            state: standing.map_or_else(
                || "the manifest cannot be read".to_owned(),
                |standing| state(Some(standing), &Weights::Here, catalog.filling).0,
            ),
            problem: refused.to_string(),
            name,
        }
    }
}

impl Row {
    fn new(site: &Site, catalog: &Catalog<'_>, manifest: &Manifest, catalogue: &Catalogue) -> Self {
        let weights = catalogue.weights_of(manifest);
        let standing = catalog.standings.get(&manifest.name).copied();
        let operation = site.operations.of(&manifest.name);
        let is_here = matches!(weights, Weights::Here);
        let (busy, said) = operation.map_or((None, None), told);
        let (state, dot) = state(standing, &weights, catalog.filling);
        let is_free = busy.is_none();
        let clash = catalogue.clash_of(&manifest.name).map(|clash| format!("{clash}."));
        let wanted = manifest.network().filter(|_| is_free && !is_here && clash.is_none());
        Self {
            name: manifest.name.clone(),
            title: Some(manifest.title.clone()).filter(|title| *title != manifest.name),
            licence: licence(manifest),
            state,
            dot,
            problem: clash.or_else(|| problem(manifest, &weights)),
            threshold: serving::threshold(manifest, &catalog.thresholds).as_ref().map(cut_off),
            can_activate: is_free && is_here && matches!(standing, None | Some(Standing::KeptUp)),
            can_check: is_free && is_here,
            pull: wanted
                .filter(|network| !network.urls.is_empty() && !site.workshop.is_offline())
                .map(|network| Pull { bytes: size(network.bytes), terms: manifest.accept.clone() }),
            add: wanted.map(|network| (add_address(site, &manifest.name), network.in_words())),
            busy,
            said,
        }
    }
}

fn licence(manifest: &Manifest) -> String {
    let otherwise = if manifest.network().is_some() { "not known" } else { "that of its parts" };
    manifest.license.clone().unwrap_or_else(|| otherwise.to_owned())
}

fn add_address(site: &Site, name: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("model", name).finish();
    site.url(&format!("/models/add?{query}"))
}

fn size(bytes: u64) -> String {
    words::bytes(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// Why a model cannot serve with what lies in the folder.
fn problem(manifest: &Manifest, weights: &Weights) -> Option<String> {
    match weights {
        Weights::Here | Weights::Absent | Weights::Partial { .. } => None,
        Weights::Unfit(why) => Some(format!("It cannot be activated: {why}.")),
        Weights::MembersAbsent(absent) => {
            Some(format!("Its members are not all here: {}.", absent.join(", ")))
        }
        Weights::OtherSize(bytes) => manifest.network().map(|network| {
            let file = network.file.display();
            format!("{file} has {bytes} bytes, and its manifest says {}.", network.bytes)
        }),
    }
}

fn state(standing: Option<Standing>, weights: &Weights, filling: Option<&Kept>) -> (String, &'static str) {
    let so_far = || {
        filling.map_or_else(String::new, |pair| {
            format!(": {} of {}", words::count(pair.scored), words::count(pair.images))
        })
    };
    match (standing, weights) {
        (_, Weights::OtherSize(_)) => ("the file does not fit".to_owned(), "failed"),
        (Some(Standing::Serves), _) => ("serves".to_owned(), "imported"),
        (Some(Standing::Scoring), _) => (format!("filling{}", so_far()), "settling"),
        (Some(Standing::Held), _) => (format!("filling{}, held", so_far()), "settling"),
        (Some(Standing::KeptUp), _) => ("kept up".to_owned(), "duplicate"),
        (None, Weights::Here) => ("here".to_owned(), "duplicate"),
        (None, Weights::Partial { there, of }) => (Weights::so_far(*there, *of), "missing"),
        (None, Weights::Absent | Weights::MembersAbsent(_)) => ("not downloaded".to_owned(), "missing"),
        (None, Weights::Unfit(_)) => ("cannot be run".to_owned(), "failed"),
    }
}

/// The cut-off, and whether it was measured.
fn cut_off(in_use: &InUse) -> String {
    let value = words::cut_off(in_use.value);
    if in_use.is_measured() { value } else { format!("{value}, not measured") }
}

/// What goes on, and how the last thing ended.
fn told(operation: Operation) -> (Option<Busy>, Option<(String, bool)>) {
    match operation {
        Operation::Busy(what) => (Some(Busy { text: what.to_owned(), bytes: None, can_stop: false }), None),
        Operation::Pulling { there, of, remark, stop } => {
            let can_stop = !stop.is_cancelled();
            let remark = if can_stop { remark } else { Some("being stopped".to_owned()) };
            let remark = remark.map(|remark| format!(" ({remark})")).unwrap_or_default();
            let text = format!("{} of {}{remark}", size(there), size(of));
            (Some(Busy { text, bytes: Some((there, of)), can_stop }), None)
        }
        Operation::Ended { said, is_well } => (None, Some((attention::ended(&said), is_well))),
    }
}
