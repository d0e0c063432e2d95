//! Listings: the best photo of each, those that have no good one and why, and one listing with its photos ranked.

mod one;

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;

pub use self::one::one;
use super::{
    card::{fitted, yes_or_no},
    frame::{self, Frame},
    html, measured, remarks, words,
};
use crate::{
    decode::{GRID_PX, Signals},
    store::{
        rankings::{self, By, Listing, Listings, Order, Ranking, Total, Which},
        viewpoint,
    },
    web::{Site, account::Account, error::WebError, query::Query},
};

/// Listings on a page.
const ON_A_PAGE: u16 = 40;

/// The mean below which a best photo is not good, where the address does not say.
const LOW: f64 = 5.0;

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
pub struct Parameters {
    show: Option<String>,
    below: Option<String>,
    q: Option<String>,
    #[serde(default)]
    by: By,
    order: Option<Order>,
    after: Option<String>,
}

/// A tab.
struct Tab {
    name: &'static str,
    href: String,
    is_here: bool,
}

/// A listing in the grid.
struct Entry {
    key: String,
    page: String,
    photos: String,
    mean: Option<String>,
    std: String,
    watch: &'static str,
    by_people: bool,
    confidence: Option<String>,
    picture: Option<(String, u32, u32)>,
    why: Vec<String>,
    is_early: bool,
}

#[derive(Template)]
#[template(path = "listings.html")]
struct Page {
    frame: Frame,
    sentence: String,
    tabs: Vec<Tab>,
    show: &'static str,
    below: String,
    text: String,
    by: By,
    order: Order,
    entries: Vec<Entry>,
    nothing: &'static str,
    /// The same list without what is searched for.
    unfiltered: Option<String>,
    first: String,
    next: Option<String>,
    is_later: bool,
}

/// `GET /listings`.
///
/// # Errors
/// See [`WebError`].
pub async fn show(
    site: Data<Site>,
    account: Account,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, WebError> {
    let list = parameters.list()?;
    let after = parameters.after.as_deref().filter(|after| !after.is_empty());
    let mut conn = site.pool.acquire().await?;
    let view = viewpoint::active(&mut conn).await?;
    let (mut found, mut more, mut total) = (vec![], false, Total { count: 0, is_exact: true });
    if let Some(view) = &view {
        (found, more) = rankings::listings(&mut conn, view, &list, after, ON_A_PAGE).await?;
        total = rankings::total_listings(&mut conn, view, &list).await?;
    }
    let next = found.last().filter(|_| more).map(|last| address(&site, &list, Some(&last.key)));
    html(&Page {
        frame: Frame::of(&site, &account, frame::Place::Listings, view.as_ref()),
        sentence: sentence(&list, total),
        tabs: tabs(&site, &list),
        show: name_of(list.which),
        below: below(&list).to_string(),
        text: list.text.clone().unwrap_or_default(),
        by: list.by,
        order: list.order,
        entries: found.iter().enumerate().map(|(index, listing)| entry(&site, listing, index)).collect(),
        nothing: nothing(&list),
        unfiltered: list
            .text
            .is_some()
            .then(|| address(&site, &Listings { text: None, ..list.clone() }, None)),
        first: address(&site, &list, None),
        next,
        is_later: after.is_some(),
    })
}

impl Parameters {
    fn list(&self) -> Result<Listings, WebError> {
        let below =
            match self.below.as_deref().filter(|text| !text.is_empty()) {
                None => LOW,
                Some(text) => text.parse().ok().filter(|mean: &f64| mean.is_finite()).ok_or_else(|| {
                    WebError::Parameter("below must be a quality mean, such as 4.5".to_owned())
                })?,
            };
        let which = match self.show.as_deref().unwrap_or_default() {
            "" | "all" => Which::All,
            "low" => Which::Below(below),
            "no-watch" => Which::WithoutWatch,
            "unscored" => Which::Unscored,
            _ => {
                let words = "show must be one of: all, low, no-watch, unscored";
                return Err(WebError::Parameter(words.to_owned()));
            }
        };
        // What has no mean cannot be ordered by it; what is low is looked at from the lowest on.
        let by = if which == Which::Unscored && self.by == By::Best { By::Key } else { self.by };
        let usual = if which == Which::All && by != By::Key { Order::Desc } else { Order::Asc };
        let text = self.q.clone().filter(|text| !text.is_empty());
        Ok(Listings { which, by, order: self.order.unwrap_or(usual), text })
    }
}

const fn name_of(which: Which) -> &'static str {
    match which {
        Which::All => "all",
        Which::Below(_) => "low",
        Which::WithoutWatch => "no-watch",
        Which::Unscored => "unscored",
    }
}

const fn below(list: &Listings) -> f64 {
    match list.which {
        Which::Below(mean) => mean,
        _ => LOW,
    }
}

/// The address of a list, or of its page behind a listing.
fn address(site: &Site, list: &Listings, after: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("show", name_of(list.which));
    if let Which::Below(mean) = list.which {
        query.append_pair("below", &mean.to_string());
    }
    if let Some(text) = &list.text {
        query.append_pair("q", text);
    }
    query.append_pair("by", name_of_key(list.by)).append_pair("order", list.order.as_str());
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    site.url(&format!("/listings?{}", query.finish()))
}

const fn name_of_key(by: By) -> &'static str {
    match by {
        By::Best => "best",
        By::Key => "key",
        By::Images => "images",
    }
}

fn tabs(site: &Site, list: &Listings) -> Vec<Tab> {
    [
        ("all", "Best photo of each"),
        ("low", "No good photo"),
        ("no-watch", "No photo of a watch"),
        ("unscored", "Not scored yet"),
    ]
    .into_iter()
    .map(|(show, name)| Tab {
        name,
        href: site.url(&format!("/listings?show={show}")),
        is_here: show == name_of(list.which),
    })
    .collect()
}

/// *412 listings have no photo with a mean of 5 or more.*
fn sentence(list: &Listings, total: Total) -> String {
    let is_one = total.count == 1;
    let count = format!("{} {}", remarks::in_words(total), if is_one { "listing" } else { "listings" });
    let has = if is_one { "has" } else { "have" };
    match list.which {
        Which::All => format!("{count}, each with its best photo."),
        Which::Below(mean) => {
            format!("{count} {has} no good photo: none with a quality mean of {mean} or more.")
        }
        Which::WithoutWatch => format!("{count} {has} no photo that shows a watch."),
        Which::Unscored => format!("{count} {has} no photo that is scored."),
    }
}

/// Why no listing is shown.
const fn nothing(list: &Listings) -> &'static str {
    match (&list.text, list.which) {
        (Some(_), _) => "No listing of this list matches.",
        (None, Which::All) => {
            "There is no listing yet: they are read from the names of files, such as 68428 from 68428_3.jpg."
        }
        (None, Which::Below(_)) => "Every listing that is scored has a photo as good as that.",
        (None, Which::WithoutWatch) => "Every listing that is scored has a photo that shows a watch.",
        (None, Which::Unscored) => "Every listing has a photo that is scored.",
    }
}

/// The address of a listing's page. What a browser would take for a folder is shown as a list instead.
pub fn page_of(site: &Site, key: &str) -> String {
    if matches!(key, "." | "..") {
        return remarks::list(
            site,
            "/ranking",
            &Ranking { listing: Some(key.to_owned()), ..Ranking::default() },
        );
    }
    let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    site.url(&format!("/listings/{}", key.replace('+', "%20")))
}

fn entry(site: &Site, listing: &Listing, index: usize) -> Entry {
    let picture =
        listing.sha256.as_ref().zip(listing.width.zip(listing.height)).map(|(hash, (width, height))| {
            let (width_px, height_px) = fitted(width, height, GRID_PX);
            (site.picture(GRID_PX, hex::encode(hash)), width_px, height_px)
        });
    Entry {
        page: page_of(site, &listing.key),
        key: listing.key.clone(),
        photos: words::counted(listing.images.into(), "photo", "photos"),
        mean: listing.best_mean.map(|mean| format!("{mean:.2}")),
        std: listing.quality_std.map(|std| format!("{std:.1}")).unwrap_or_default(),
        watch: yes_or_no(listing.watch),
        by_people: listing.by_people,
        confidence: listing.watch_confidence.map(words::probability),
        picture,
        why: why(listing),
        is_early: index < 8,
    }
}

/// What is probably wrong with a listing's best photo, in words; nothing where nothing is.
fn why(listing: &Listing) -> Vec<String> {
    let signals = listing.signals.clone().and_then(|stored| serde_json::from_value::<Signals>(stored).ok());
    let measured = signals.map(|signals| measured::in_words(&signals)).unwrap_or_default();
    let poor = measured.into_iter().filter(|signal| signal.is_poor);
    let mut why: Vec<String> = poor.map(|signal| signal.as_reason()).collect();
    if listing.has_watch == Some(false) {
        why.push("no photo shows a watch".to_owned());
    }
    if listing.best_mean.is_none() {
        why.push("waits to be scored".to_owned());
    } else if why.is_empty() && listing.best_mean < Some(LOW) {
        why.push("nothing that is measured is wrong: look at light, background and crop".to_owned());
    }
    if listing.images == 1 {
        why.push("it is the only photo".to_owned());
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(best_mean: Option<f64>, sharpness: f64, has_watch: Option<bool>) -> Listing {
        let signals = serde_json::json!({ "version": 1, "sharpness": sharpness, "exposure": 0.5, "black_share": 0.0,
            "white_share": 0.0, "contrast": 0.2, "noise": 1.0, "megapixels": 2.0, "short_side_px": 200 });
        Listing {
            by_people: false,
            key: "68428".to_owned(),
            images: 2,
            best_mean,
            has_watch,
            image: None,
            sha256: None,
            width: None,
            height: None,
            watch: has_watch,
            watch_confidence: None,
            quality_std: None,
            signals: Some(signals),
        }
    }

    #[test]
    fn a_listing_without_a_good_photo_says_why() {
        let blurred = why(&listing(Some(3.0), 5.0, Some(false)));
        assert_eq!(
            blurred,
            ["probably blurred, or very plain", "small: short side 200 px", "no photo shows a watch"]
        );
        let waiting = Listing { signals: None, images: 1, ..listing(None, 5.0, None) };
        assert_eq!(why(&waiting), ["waits to be scored", "it is the only photo"]);
        let fine = Listing { signals: None, ..listing(Some(6.0), 500.0, Some(true)) };
        assert_eq!(why(&fine), [""; 0]);
        let odd = Listing { signals: None, ..listing(Some(4.0), 500.0, Some(true)) };
        assert!(why(&odd)[0].starts_with("nothing that is measured is wrong"));
    }

    #[test]
    fn the_sentence_is_the_managers() {
        let low = Listings { which: Which::Below(4.5), ..Listings::default() };
        assert_eq!(
            sentence(&low, Total { count: 412, is_exact: true }),
            "412 listings have no good photo: none with a quality mean of 4.5 or more."
        );
        let one = Total { count: 1, is_exact: true };
        let bare = Listings { which: Which::WithoutWatch, ..Listings::default() };
        assert_eq!(sentence(&bare, one), "1 listing has no photo that shows a watch.");
    }
}
