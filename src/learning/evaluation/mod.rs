//! Evaluation: how well the watch model tells watches from other pictures, against what people say, and where it errs.

mod cells;
mod charts;
mod findings;
mod mistakes;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
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
    calibration::{AUDIT_LEAST, Confusion, Evaluation, Labels, ORIGINAL_THRESHOLDS, Sweep},
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
    web::{Site, account::Account, error::WebError},
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
    let chosen = labelled::chosen(&mut conn, &view).await?;
    let sources = labelled::sources(&mut conn, &view).await?;
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
        threshold: words::probability(threshold.get()),
        labelled,
        watches,
        others: labelled - watches,
        audit,
        undecided: images.undecided,
        chosen: of_chosen(chosen),
        sources: sources.iter().map(of_source).collect(),
        suffices: suffices(&findings),
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
        threshold: threshold.get().to_string(),
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

/// An interval of F1 that is wider than this to either side decides little.
const GOOD_TO: f64 = 0.05;

/// Whether there are enough labelled images, and how many more it would take.
fn suffices(findings: &Findings) -> String {
    let Some(evaluation) = &findings.everything else {
        return "It takes labelled images with a watch and without one.".to_owned();
    };
    let of_everything = match evaluation.intervals.f1 {
        Some(sure) => {
            let half = (sure.high - sure.low) / 2.0;
            format!("{}{}", precision_in_words(half, evaluation.n), too_narrow(evaluation))
        }
        None => "How sure F1 is cannot be told from so few.".to_owned(),
    };
    format!("{of_everything} {}", of_audit(findings.audit.as_ref()))
}

fn precision_in_words(half: f64, n: usize) -> String {
    if half <= GOOD_TO {
        return format!("F1 is known to ±{half:.3}: enough for most decisions.");
    }
    // An interval narrows with the square root of the number of images.
    #[expect(clippy::cast_precision_loss, reason = "a number of images")]
    let more = n as f64 * ((half / GOOD_TO).powi(2) - 1.0);
    format!(
        "F1 is known to ±{half:.3} only; about {more:.0} more labelled images would bring that to ±{GOOD_TO:.3}."
    )
}

/// Resamples of a few images that are all labelled right know of no others.
fn too_narrow(evaluation: &Evaluation) -> String {
    let least = evaluation.positives.min(evaluation.n - evaluation.positives);
    if least >= AUDIT_LEAST {
        return String::new();
    }
    format!(
        " With fewer than {AUDIT_LEAST} images of a kind all intervals here are narrower than they should be."
    )
}

fn of_audit(audit: Option<&Evaluation>) -> String {
    let (n, positives) = audit.map_or((0, 0), |audit| (audit.n, audit.positives));
    if positives >= AUDIT_LEAST && n - positives >= AUDIT_LEAST {
        return "The audit set has enough of both kinds to confirm a threshold.".to_owned();
    }
    format!(
        "The audit set holds {positives} watches and {} others with fair labels, where {AUDIT_LEAST} of each are needed to confirm \
         a threshold: it grows with blind rounds in random order.",
        n - positives
    )
}
