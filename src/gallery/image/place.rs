//! Where an image stands in the list that one came from: what is beside it, or why it is not there.

use sqlx::PgConnection;

use crate::{
    domain::ImageId,
    gallery::{remarks, words},
    store::{
        rankings::{self, Key, Ranking, Reason, Sort},
        viewpoint::Viewpoint,
    },
    web::{Site, error::WebError},
};

/// Images on Top 20.
const TOP: i64 = 20;

/// Where an image stands in a list.
#[derive(Debug, Default)]
pub struct Standing {
    /// The list's address.
    pub list: String,
    /// The page before, with the list in its address.
    pub previous: Option<String>,
    /// The page behind.
    pub next: Option<String>,
    /// *number 37 of 412*; none while it is not in it.
    pub number: Option<String>,
    /// Why it is not in it: one sentence each.
    pub absent: Vec<String>,
    /// Why it is not among the best twenty; empty when it is.
    pub not_top: Vec<String>,
}

/// Where `image` stands in the list with this query, and in the ranking by quality.
///
/// # Errors
/// When the database refuses.
pub async fn standing(
    site: &Site,
    conn: &mut PgConnection,
    view: &Viewpoint,
    query: Option<&str>,
    image: ImageId,
) -> Result<Standing, WebError> {
    // A list that cannot be understood is no list: the image is shown all the same.
    let ranking: Ranking = query.and_then(|query| query.parse().ok()).unwrap_or_default();
    let beside = rankings::neighbours(conn, view, &ranking, image).await?;
    let query = ranking.to_string();
    let page = |image: ImageId| {
        let list = url::form_urlencoded::Serializer::new(String::new()).append_pair("in", &query).finish();
        site.url(&format!("/images/{image}?{list}"))
    };
    let absent = rankings::absent(conn, view, &ranking, image).await?;
    let number = match absent.is_empty() {
        true => number(conn, view, &ranking, image).await?,
        false => None,
    };
    let number = match number {
        Some(number) => {
            let total = remarks::in_words(rankings::total(conn, view, &ranking).await?);
            Some(format!("number {} of {total}", words::count(number)))
        }
        None => None,
    };
    let mark = if query.is_empty() { "" } else { "?" };
    Ok(Standing {
        list: site.url(&format!("/ranking{mark}{query}")),
        previous: beside.previous.map(page),
        next: beside.next.map(page),
        number,
        absent: absent.iter().map(in_words).collect(),
        not_top: not_top(conn, view, image).await?,
    })
}

/// The image's number in the list, from 1; none where more than are counted rank before it.
async fn number(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    image: ImageId,
) -> Result<Option<i64>, WebError> {
    let Some(place) = rankings::place_of(conn, view, ranking, image).await? else { return Ok(None) };
    Ok(rankings::ahead(conn, view, ranking, &place).await?.map(|ahead| ahead + 1))
}

async fn not_top(conn: &mut PgConnection, view: &Viewpoint, image: ImageId) -> Result<Vec<String>, WebError> {
    let best = Ranking::default();
    let absent = rankings::absent(conn, view, &best, image).await?;
    if !absent.is_empty() {
        return Ok(absent.iter().map(in_words).collect());
    }
    Ok(match number(conn, view, &best, image).await? {
        Some(number) if number <= TOP => vec![],
        Some(number) => vec![format!("{} images have a higher quality.", words::count(number - 1))],
        None => vec!["More than 10,000 images have a higher quality.".to_owned()],
    })
}

fn in_words(reason: &Reason) -> String {
    match reason {
        Reason::Unknown => "The models that the list is ranked by have not seen it yet.".to_owned(),
        Reason::Hidden => "Somebody hid it.".to_owned(),
        Reason::NotHidden => "The list is of hidden images, and this one is not.".to_owned(),
        Reason::Lacks(sort) => lacks(*sort).to_owned(),
        Reason::BelowMin(key, min) => {
            format!("The list begins at {}; this one has {}.", key_in_words(*min), key_in_words(*key))
        }
        Reason::AboveMax(key, max) => {
            format!("The list ends at {}; this one has {}.", key_in_words(*max), key_in_words(*key))
        }
        Reason::Watch { label, verdict, confidence } => of_label(*label, *verdict, *confidence),
        Reason::OtherListing(Some(listing)) => format!("It belongs to the listing {listing}."),
        Reason::OtherListing(None) => "It belongs to no listing.".to_owned(),
        Reason::TextDoesNotMatch => {
            "Neither its name nor its listing has the text that is searched for.".to_owned()
        }
        Reason::TooFewVotes(0) => "Nobody has voted on it.".to_owned(),
        Reason::TooFewVotes(votes) => {
            format!("The list asks for more votes; this one has {}.", words::count(i64::from(*votes)))
        }
        Reason::Agreed(Some(std)) => {
            format!(
                "The list is of images about which people differ more; the votes on this one have a standard deviation of {std:.1}."
            )
        }
        Reason::Agreed(None) => {
            "The list is of images about which people differ, and nobody has voted on this one.".to_owned()
        }
        Reason::Outranked(_) => {
            "The list shows one image of each listing, and another one of its listing ranks before it."
                .to_owned()
        }
        Reason::NotDrawn => "The list is a random sample, and it was not drawn.".to_owned(),
    }
}

const fn lacks(sort: Sort) -> &'static str {
    match sort {
        Sort::Human => "Nobody has voted on it.",
        _ => "It is not scored: it waits, or a model gave up on it.",
    }
}

fn key_in_words(key: Key) -> String {
    match key {
        Key::Number(number) => format!("{number:.3}"),
        Key::Time(time) => words::moment(time),
    }
}

fn of_label(label: Option<bool>, verdict: Option<bool>, confidence: Option<f64>) -> String {
    let says = match label {
        Some(true) => "a watch",
        Some(false) => "no watch",
        None => return "The list is of another watch label, and this image has none yet.".to_owned(),
    };
    match (verdict, confidence) {
        (Some(_), _) => format!("The list is of another watch label: people say that this is {says}."),
        (None, Some(confidence)) => format!(
            "The list is of another watch label: with a confidence of {} this is {says}.",
            words::probability(confidence)
        ),
        (None, None) => format!("The list is of another watch label: this is {says}."),
    }
}
