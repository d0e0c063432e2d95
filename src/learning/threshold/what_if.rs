//! What another cut-off would mean.

use sqlx::PgConnection;

use crate::{
    calibration::{Confusion, Labels, Sweep},
    decode::GRID_PX,
    domain::Threshold,
    gallery::words,
    learning::{
        figures::{self, Figure},
        recalibration::LabelSets,
    },
    store::{labels, viewpoint::Viewpoint},
    web::{Site, error::WebError},
};

/// Images that change sides, on the page.
const SHOWN: i64 = 24;
/// An image that changes sides.
pub struct Flip {
    pub page: String,
    pub picture: String,
    pub name: String,
    pub confidence: String,
    pub people: Option<&'static str>,
}

/// What a cut-off would mean.
pub struct WhatIf {
    pub cut: String,
    /// The same for people, rounded.
    pub shown: String,
    pub is_current: bool,
    pub figures: Vec<Figure>,
    pub confusion: Option<Confusion>,
    pub labelled: usize,
    pub becomes: &'static str,
    pub unlabelled_flips: String,
    pub labelled_flips: String,
    pub flips: Vec<Flip>,
}

/// What labels and images say of `cut`, where `current` holds.
pub async fn what_if(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
    (current, cut): (Threshold, Threshold),
    sets: &LabelSets,
) -> Result<WhatIf, WebError> {
    let confusion = Labels::new(&sets.all()).ok().map(|labels| Sweep::of(&labels).at(cut));
    let flips = labels::flips(conn, view, (current.get(), cut.get()), SHOWN).await?;
    Ok(WhatIf {
        cut: cut.get().to_string(),
        shown: shortened(cut.get()),
        is_current: current == cut,
        figures: confusion.map_or_else(Vec::new, |confusion| figures::of_metrics(&confusion.metrics())),
        confusion,
        labelled: sets.tuning.len() + sets.audit.len(),
        becomes: if cut.get() < current.get() { "a watch" } else { "no watch" },
        unlabelled_flips: words::counted(flips.unlabelled, "image", "images"),
        labelled_flips: words::counted(flips.labelled, "image", "images"),
        flips: flips.shown.into_iter().map(|flip| shown(site, flip)).collect(),
    })
}

fn shown(site: &Site, flip: labels::Flipped) -> Flip {
    Flip {
        page: site.url(&format!("/images/{}", flip.image)),
        picture: site.picture(GRID_PX, flip.hash),
        name: flip.filename.rsplit('/').next().unwrap_or_default().to_owned(),
        confidence: words::probability(flip.confidence),
        people: flip.verdict.map(|is_watch| if is_watch { "a watch" } else { "no watch" }),
    }
}

/// Up to four decimals, without zeros at the end.
fn shortened(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
