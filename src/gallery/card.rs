//! An image in a grid.

use uuid::Uuid;

use super::words;
use crate::{
    decode::GRID_PX,
    statistics::Interval,
    store::rankings::{Ranked, Ranking, Sort},
    web::Site,
};

/// One card.
#[derive(Clone, Debug)]
pub struct Card {
    /// The image.
    pub id: Uuid,
    /// Whether it can be selected.
    pub is_pickable: bool,
    /// Whether it is selected already.
    pub is_ticked: bool,
    /// Its place in the list, from 1, where that is known.
    pub rank: Option<String>,
    /// Its place on the page, from 0.
    pub index: usize,
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
    /// Whether galleries leave it out.
    pub hidden: bool,
    /// Mean of people's votes and their number.
    pub people: Option<String>,
    /// The sort key, where it is none of the other numbers.
    pub key: Option<String>,
}

impl Card {
    /// The card of an image of the list `ranking`: number `index` on its page, which begins at `first` (from 1, if that
    /// is known); `share_below` is the share of images with a lower mean, `interval` that of people's mean.
    pub fn new(
        site: &Site,
        ranking: &Ranking,
        (first, index): (Option<i64>, usize),
        image: &Ranked,
        (share_below, interval): (Option<f64>, Option<Interval>),
    ) -> Self {
        let (width_px, height_px) = fitted(image.width, image.height, GRID_PX);
        let name = image.filename.rsplit('/').next().unwrap_or_default();
        let rank = first.and_then(|first| first.checked_add(i64::try_from(index).ok()?));
        let votes = words::counted(image.votes.into(), "vote", "votes");
        let people = image.human_mean.map(|mean| match interval {
            Some(Interval { low, high }) => {
                format!("people {mean:.2} ({votes}; 95\u{202f}%: {low:.1} to {high:.1})")
            }
            None => format!("people {mean:.2} ({votes})"),
        });
        Self {
            id: image.id,
            is_pickable: false,
            is_ticked: false,
            rank: rank.map(words::count),
            index,
            page: address(site, image.id, ranking),
            picture: site.picture(GRID_PX, hex::encode(&image.sha256)),
            width_px,
            height_px,
            name: if name.is_empty() { "without a name".to_owned() } else { name.to_owned() },
            path: image.filename.clone(),
            mean: image.quality_mean.map(|mean| format!("{mean:.2}")),
            std: image.quality_std.map(|std| format!("{std:.1}")).unwrap_or_default(),
            watch: yes_or_no(image.watch),
            by_people: image.verdict.is_some(),
            confidence: image.watch_confidence.map(words::probability),
            better_than: share_below.and_then(words::reached),
            hidden: image.hidden,
            people,
            key: match ranking.sort {
                Sort::Newest => Some(words::moment(image.ingested_at)),
                Sort::Sharpness => image.sharpness.map(|sharpness| format!("sharpness {sharpness:.0}")),
                Sort::Quality | Sort::Watch | Sort::Human | Sort::Random => None,
            },
        }
    }

    /// Pictures that are probably on the first screen are not put off.
    pub const fn is_early(&self) -> bool {
        self.index < 8
    }
}

/// The address of an image's page, as reached from a list: its page leads on to that list's next.
pub fn address(site: &Site, image: Uuid, ranking: &Ranking) -> String {
    let list = url::form_urlencoded::byte_serialize(ranking.to_string().as_bytes()).collect::<String>();
    site.url(&format!("/images/{image}?in={list}"))
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
