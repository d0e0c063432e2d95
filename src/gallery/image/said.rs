//! What the models said of an image, and how sure that is.

use sqlx::PgConnection;

use crate::{
    decode::Signals,
    domain::ModelId,
    gallery::{
        card::yes_or_no,
        measured::{self, Measured},
        plots::{self, Evidence, Histogram},
        words,
    },
    store::{
        image_page::{Judgement, Opinion},
        summary,
        viewpoint::Viewpoint,
    },
    web::error::WebError,
};

/// What the quality model said.
pub(super) struct Quality {
    pub(super) mean: String,
    pub(super) std: String,
    pub(super) histogram: Histogram,
}

/// What the watch model said, and what holds.
pub(super) struct Watch {
    pub(super) label: &'static str,
    pub(super) by_people: bool,
    pub(super) model_label: &'static str,
    pub(super) confidence: String,
    pub(super) threshold: Option<String>,
    pub(super) evidence: Evidence,
}

impl Watch {
    /// Whether people and model say different things.
    pub(super) fn is_disputed(&self) -> bool {
        self.by_people && self.label != self.model_label
    }
}

/// A model that was asked, in a row.
pub(super) struct Asked {
    pub(super) title: String,
    pub(super) task: String,
    pub(super) version: String,
    pub(super) said: String,
    pub(super) when: String,
    pub(super) is_active: bool,
}

/// *above 83 % of all*, by quality.
pub(super) async fn percentile(
    conn: &mut PgConnection,
    view: &Viewpoint,
    opinions: &[Opinion],
) -> Result<Option<String>, WebError> {
    let opinion = opinions.iter().find(|opinion| opinion.model == view.quality_model);
    let Some(mean) = opinion.and_then(|opinion| opinion.mean) else { return Ok(None) };
    Ok(words::reached(summary::means(conn, view.generation).await?.share_below(mean)))
}

/// The active model's opinion on a task, or why there is none.
fn active(opinions: &[Opinion], model: Option<ModelId>) -> Result<&Opinion, String> {
    let opinion = opinions.iter().find(|opinion| Some(opinion.model) == model);
    match opinion {
        Some(opinion) if opinion.state == "failed" => {
            let reason = opinion.reason.as_deref().unwrap_or_default();
            Err(format!("“{}” gave up on this image: {reason}", opinion.title))
        }
        Some(opinion) => Ok(opinion),
        None => Err("Not scored yet: the image waits for a model.".to_owned()),
    }
}

pub(super) fn quality(view: Option<&Viewpoint>, opinions: &[Opinion]) -> Result<Quality, String> {
    let opinion = active(opinions, view.map(|view| view.quality_model))?;
    let (Some(mean), Some(std)) = (opinion.mean, opinion.std) else {
        return Err("Not scored yet: the image waits for its turn.".to_owned());
    };
    Ok(Quality {
        mean: format!("{mean:.2}"),
        std: format!("{std:.2}"),
        histogram: plots::histogram(&opinion.bins, mean, std),
    })
}

pub(super) fn watch(
    view: Option<&Viewpoint>,
    opinions: &[Opinion],
    judgement: &Judgement,
) -> Result<Watch, String> {
    let opinion = active(opinions, view.map(|view| view.watch_model))?;
    let Some(confidence) = opinion.confidence else {
        return Err("Not scored yet: the image waits for its turn.".to_owned());
    };
    let threshold = view.and_then(|view| view.threshold).map(f64::from);
    Ok(Watch {
        label: yes_or_no(judgement.watch),
        by_people: judgement.verdict.is_some(),
        model_label: yes_or_no(threshold.map(|threshold| confidence > threshold)),
        confidence: words::probability(confidence),
        threshold: threshold.map(words::cut_off),
        evidence: plots::evidence(&opinion.labels, &opinion.positives, confidence, threshold),
    })
}

pub(super) fn signals(stored: serde_json::Value) -> Vec<Measured> {
    serde_json::from_value::<Signals>(stored).map_or_else(|_| vec![], |signals| measured::in_words(&signals))
}

pub(super) fn asked(opinion: &Opinion, view: Option<&Viewpoint>) -> Asked {
    let said = match (opinion.confidence, opinion.mean, opinion.std) {
        (Some(confidence), ..) => format!("watch confidence {}", words::probability(confidence)),
        (None, Some(mean), Some(std)) => format!("quality {mean:.2} ± {std:.2}"),
        _ if opinion.state == "failed" => opinion.reason.clone().unwrap_or_default(),
        _ => "waiting".to_owned(),
    };
    let is_active = view.is_some_and(|view| [view.watch_model, view.quality_model].contains(&opinion.model));
    Asked {
        title: opinion.title.clone(),
        task: opinion.task.clone(),
        version: opinion.fingerprint.chars().take(12).collect(),
        said,
        when: words::moment(opinion.at),
        is_active,
    }
}
