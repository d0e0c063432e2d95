//! Evaluation: how well the watch model tells watches from other pictures, against what people say, and where it errs.

mod cells;
mod charts;
mod findings;
mod mistakes;
mod sufficiency;

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::{Deserialize, Serialize};

pub use self::cells::show as cell;
use self::{
    charts::Charts,
    findings::{Findings, Row},
    mistakes::Mistakes,
};
use super::recalibration::LabelSets;
use crate::{
    calibration::{Confusion, Labels, ORIGINAL_THRESHOLDS, Sweep},
    domain::Threshold,
    gallery::{
        frame::{Frame, Place},
        html, words,
    },
    store::{
        labelled::{self, Chosen, Source},
        labels::{self, Labelled, LabelledImages},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// Which labelled images are drawn and listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Set {
    /// All of them.
    #[default]
    All,
    /// Those of the audit set.
    Audit,
}

impl Set {
    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Audit => "audit",
        }
    }

    /// The images of this set.
    fn of(self, images: &LabelledImages) -> Vec<Labelled> {
        match self {
            Self::All => images.tuning.iter().chain(&images.audit).cloned().collect(),
            Self::Audit => images.audit.clone(),
        }
    }
}

/// What the address may say.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Parameters {
    #[serde(default)]
    of: Set,
}

/// The figures at one threshold.
struct At {
    threshold: String,
    is_present: bool,
    confusion: Confusion,
    f1: String,
    accuracy: String,
    precision: String,
    recall: String,
}

/// Everything that the page shows of a set with both kinds of images.
struct Found {
    charts: Charts,
    confusion: Confusion,
    thresholds: Vec<At>,
    mistakes: Mistakes,
}

#[derive(Template)]
#[template(path = "evaluation.html")]
struct Page {
    frame: Frame,
    model: String,
    threshold: String,
    labelled: usize,
    watches: usize,
    others: usize,
    audit: usize,
    undecided: i64,
    chosen: Vec<String>,
    sources: Vec<String>,
    suffices: String,
    heads: [String; 2],
    rows: Vec<Row>,
    set: Set,
    found: Result<Found, String>,
}

#[derive(Template)]
#[template(path = "evaluation_none.html")]
struct Nothing {
    frame: Frame,
    has_model: bool,
}

/// `GET /evaluation`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let frame = Frame::of(&site, &account, Place::Evaluation, view.as_ref());
    let Some((view, threshold)) = view.and_then(|view| Some((view.clone(), view.threshold?))) else {
        return html(&Nothing { frame, has_model: false });
    };
    let images = labels::all(&mut conn, &view).await?;
    let sets = LabelSets::of(&images);
    let (labelled, audit) = (sets.tuning.len() + sets.audit.len(), sets.audit.len());
    if labelled == 0 {
        return html(&Nothing { frame, has_model: true });
    }
    let ids: Vec<_> = Set::All.of(&images).iter().map(|image| image.image.0).collect();
    let chosen = labelled::chosen(&mut conn, &view, &ids).await?;
    let sources = labelled::sources(&mut conn, &view, &ids).await?;
    let catalog = labels::histogram(&mut conn, &view).await?;
    let findings = Findings::of(sets, catalog, threshold).await?;
    let shown = parameters.of.of(&images);
    let found = match Labels::new(&plain(&shown)) {
        Ok(labels) => {
            let mistakes = mistakes::of(&site, &mut conn, &view, (&shown, &labels)).await?;
            Ok(found(&labels, threshold, mistakes))
        }
        Err(error) => Err(error.to_string()),
    };
    let watches = Set::All.of(&images).iter().filter(|image| image.watch).count();
    html(&Page {
        frame,
        model: view.watch_title.clone(),
        threshold: words::cut_off(threshold.get()),
        labelled,
        watches,
        others: labelled - watches,
        audit,
        undecided: images.undecided,
        chosen: of_chosen(chosen),
        sources: sources.iter().map(of_source).collect(),
        suffices: sufficiency::in_words(&findings),
        heads: findings.heads(),
        rows: findings.rows(),
        set: parameters.of,
        found,
    })
}

/// The labels of `images`, each of weight 1.
fn plain(images: &[Labelled]) -> Vec<crate::calibration::Label> {
    images.iter().map(|image| crate::calibration::Label::new(image.confidence, image.watch)).collect()
}

fn found(labels: &Labels, threshold: Threshold, mistakes: Mistakes) -> Found {
    let sweep = Sweep::of(labels);
    let shown = ORIGINAL_THRESHOLDS.into_iter().filter_map(|value| Threshold::new(value).ok());
    let mut shown: Vec<Threshold> = shown.chain([threshold]).collect();
    shown.sort_by(|one, other| one.get().total_cmp(&other.get()));
    shown.dedup();
    Found {
        charts: Charts::of(labels, threshold),
        confusion: sweep.at(threshold),
        thresholds: shown.into_iter().map(|value| at(&sweep, value, value == threshold)).collect(),
        mistakes,
    }
}

fn at(sweep: &Sweep, threshold: Threshold, is_present: bool) -> At {
    let confusion = sweep.at(threshold);
    let figure = |value: f64| format!("{value:.3}");
    At {
        threshold: words::cut_off(threshold.get()),
        is_present,
        confusion,
        f1: figure(confusion.f1()),
        accuracy: figure(confusion.accuracy()),
        precision: figure(confusion.precision()),
        recall: figure(confusion.recall()),
    }
}

/// How the images came to be labelled, in words, without the ways that nobody went.
fn of_chosen(chosen: Chosen) -> Vec<String> {
    let ways = [
        (
            chosen.at_random,
            "in rounds that serve their images in random order: a fair sample of what the round was drawn from",
        ),
        (chosen.doubtful_first, "only in rounds that serve doubtful ones first: harder than the catalog"),
        (chosen.by_hand, "only by a manager, on Doubtful or on the image’s page: chosen by hand"),
        (chosen.otherwise, "in another way, such as by an import"),
    ];
    let told = ways.into_iter().filter(|(number, _)| *number > 0);
    told.map(|(number, way)| format!("{} {way}", words::count(number))).collect()
}

/// *62 in “Autumn”: a sample of 200 from all images, in random order, blind*.
fn of_source(source: &Source) -> String {
    let from = if source.drawn_from.is_empty() { "images" } else { &source.drawn_from };
    let order = if source.doubtful_first { "doubtful ones first" } else { "in random order" };
    let sight = if source.blind { "blind" } else { "with the model’s opinion in sight" };
    format!("{} in “{}”: {from}, {order}, {sight}", words::count(source.images), source.title)
}
