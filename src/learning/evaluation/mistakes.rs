//! Where model and people part: watches that are missed, by the class that the model took them for, and labels that a
//! confident model contradicts.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::{
    calibration::{Labels, suspicious},
    decode::GRID_PX,
    domain::ImageId,
    gallery::words,
    store::{
        labelled::{self, Face},
        labels::Labelled,
        viewpoint::Viewpoint,
    },
    web::{Site, error::WebError},
};

/// Classes that are named.
const CLASSES: usize = 12;
/// Pictures of each.
const EXAMPLES: usize = 6;
/// Suspicious labels that are looked through, and how many of them are shown.
const LOOKED_AT: usize = 200;
const SUSPICIONS: usize = 20;

/// A picture with what is said of it.
pub struct Picture {
    /// Its page.
    pub page: String,
    /// Its rendition.
    pub src: String,
    /// What it is called.
    pub name: String,
    /// What the model says.
    pub confidence: String,
    /// What people say.
    pub people: &'static str,
    /// The class that the model finds most probable.
    pub class: String,
    /// Whether galleries leave it out.
    pub hidden: bool,
}

impl Picture {
    /// A labelled image as it is shown.
    pub fn of(site: &Site, face: Face, confidence: f64, watch: bool) -> Self {
        Self {
            page: site.url(&format!("/images/{}", face.image)),
            src: site.picture(GRID_PX, face.hash),
            name: face.filename.rsplit('/').next().unwrap_or_default().to_owned(),
            confidence: words::probability(confidence),
            people: if watch { "a watch" } else { "no watch" },
            class: face.class,
            hidden: face.hidden,
        }
    }
}

/// Missed watches that the model took for the same thing.
pub struct Confused {
    /// The class.
    pub class: String,
    /// How many.
    pub missed: String,
    /// Some of them.
    pub pictures: Vec<Picture>,
}

/// What the page lists.
pub struct Mistakes {
    /// Missed watches, the most frequent class first.
    pub confused: Vec<Confused>,
    /// Labels of a single person that a confident model contradicts, the most contradicted first.
    pub suspicious: Vec<Picture>,
}

/// The mistakes among `images`, whose labels are `labels`.
///
/// # Errors
/// When the database refuses.
pub async fn of(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
    (images, labels): (&[Labelled], &Labels),
) -> Result<Mistakes, WebError> {
    let cut = view.threshold.map_or(0.0, f64::from);
    let missed: Vec<&Labelled> =
        images.iter().filter(|image| image.watch && image.confidence.get() <= cut).collect();
    let suspects: Vec<&Labelled> =
        suspicious(labels).iter().take(LOOKED_AT).filter_map(|found| images.get(found.position)).collect();
    let missed = faces(conn, view, &missed).await?;
    let suspects = faces(conn, view, &suspects).await?;
    let single = suspects.into_iter().filter(|(face, _)| face.voices <= 1).take(SUSPICIONS);
    Ok(Mistakes {
        confused: confused(site, missed),
        suspicious: single.map(|(face, image)| picture(site, face, image)).collect(),
    })
}

async fn faces<'a>(
    conn: &mut PgConnection,
    view: &Viewpoint,
    images: &[&'a Labelled],
) -> Result<Vec<(Face, &'a Labelled)>, WebError> {
    let ids: Vec<ImageId> = images.iter().map(|image| image.image).collect();
    let faces = labelled::faces(conn, view, &ids).await?;
    // All of them are in the catalog, so that the orders are the same.
    Ok(faces.into_iter().zip(images.iter().copied()).collect())
}

fn picture(site: &Site, face: Face, image: &Labelled) -> Picture {
    Picture::of(site, face, image.confidence.get(), image.watch)
}

fn confused(site: &Site, missed: Vec<(Face, &Labelled)>) -> Vec<Confused> {
    let mut classes: BTreeMap<String, Vec<(Face, &Labelled)>> = BTreeMap::new();
    for (face, image) in missed {
        classes.entry(face.class.clone()).or_default().push((face, image));
    }
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_by_key(|(_, missed)| std::cmp::Reverse(missed.len()));
    let confused = |(class, missed): (String, Vec<(Face, &Labelled)>)| Confused {
        class: if class.is_empty() { "no class".to_owned() } else { class },
        missed: words::counted(words::len(&missed), "watch", "watches"),
        pictures: missed.into_iter().take(EXAMPLES).map(|(face, image)| picture(site, face, image)).collect(),
    };
    classes.into_iter().take(CLASSES).map(confused).collect()
}
