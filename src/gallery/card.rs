//! An image in a grid.

use super::words;
use crate::{decode::GRID_PX, store::rankings::Ranked, web::Site};

/// One card.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its place in the list, from 1.
    pub rank: usize,
    /// Address of the image's page.
    pub page: String,
    /// Address of the small rendition.
    pub picture: String,
    /// Width of the small rendition in pixels.
    pub width_px: u32,
    /// Height of the small rendition in pixels.
    pub height_px: u32,
    /// File name without its folders.
    pub name: String,
    /// The same with them.
    pub path: String,
    /// Mean of the quality distribution, two decimals.
    pub mean: Option<String>,
    /// Its standard deviation, one decimal.
    pub std: String,
    /// yes, no, or a dash.
    pub watch: &'static str,
    /// Whether people said so, not the model.
    pub by_people: bool,
    /// Watch confidence.
    pub confidence: Option<String>,
    /// Share of the catalog that is rated lower, in words.
    pub better_than: Option<String>,
}

impl Card {
    /// The card of the image at `rank`; `share_below` is the share of images with a lower mean.
    pub fn new(site: &Site, rank: usize, image: &Ranked, share_below: Option<f64>) -> Self {
        let (width_px, height_px) = fitted(image.width, image.height, GRID_PX);
        let name = image.filename.rsplit('/').next().unwrap_or_default();
        Self {
            rank,
            page: site.url(&format!("/images/{}", image.id)),
            picture: site.url(&format!("/media/{GRID_PX}/{}.jpg", hex::encode(&image.sha256))),
            width_px,
            height_px,
            name: if name.is_empty() { "without a name".to_owned() } else { name.to_owned() },
            path: image.filename.clone(),
            mean: image.quality_mean.map(|mean| format!("{mean:.2}")),
            std: image.quality_std.map(|std| format!("{std:.1}")).unwrap_or_default(),
            watch: yes_or_no(image.watch),
            by_people: image.verdict.is_some(),
            confidence: image.watch_confidence.map(words::probability),
            better_than: share_below.map(words::reached),
        }
    }

    /// Pictures that are probably on the first screen are not put off.
    pub const fn is_early(&self) -> bool {
        self.rank <= 8
    }
}

/// A label in a word.
pub const fn yes_or_no(label: Option<bool>) -> &'static str {
    match label {
        Some(true) => "yes",
        Some(false) => "no",
        None => "–",
    }
}

/// The size of a picture whose long side is at most `long_px`, never enlarged.
pub fn fitted(width: i32, height: i32, long_px: u32) -> (u32, u32) {
    let side = |side: i32| u64::try_from(side).unwrap_or(1).max(1);
    let (width, height) = (side(width), side(height));
    let long = width.max(height);
    let target = u64::from(long_px).min(long);
    let scaled = |side: u64| u32::try_from((side * target + long / 2) / long).unwrap_or(1).max(1);
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_and_is_never_enlarged() {
        assert_eq!(fitted(4000, 3000, 320), (320, 240));
        assert_eq!(fitted(500, 1000, 320), (160, 320));
        assert_eq!(fitted(100, 80, 320), (100, 80));
        assert_eq!(fitted(9000, 3, 320), (320, 1));
    }
}
