//! Why is this image not in that list?

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Key, Ranking, Sort, Watch, sql};
use crate::{domain::ImageId, store::viewpoint::Viewpoint};

/// One thing that keeps an image out of a list. Each would alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The catalog of this generation does not have it, or not yet.
    Unknown,
    /// Somebody hid it, and the list is of what is not hidden.
    Hidden,
    /// It is not hidden, and the list is of what is.
    NotHidden,
    /// It has no value of the sort key: it is not scored, or nobody voted.
    Lacks(Sort),
    /// The sort key is below the least that is asked for.
    BelowMin(Key, Key),
    /// The sort key is above the most that is asked for.
    AboveMax(Key, Key),
    /// The list is of another watch label.
    Watch {
        /// The image's own label; none while it has none.
        label: Option<bool>,
        /// What people say, if they have said enough.
        verdict: Option<bool>,
        /// What the model says.
        confidence: Option<f64>,
    },
    /// It belongs to another listing, or to none.
    OtherListing(Option<String>),
    /// Neither its name nor its listing contains the text.
    TextDoesNotMatch,
    /// It has fewer votes than are asked for: so many.
    TooFewVotes(i32),
    /// People agree more about it than is asked for; the standard deviation of their votes, if they voted.
    Agreed(Option<f64>),
    /// Of each listing only the first image is shown, and of this one's that is another.
    Outranked(ImageId),
    /// It would be in the list that the sample is drawn from, but was not drawn.
    NotDrawn,
}

/// What decides about an image.
struct Row {
    hidden: bool,
    key: Option<Key>,
    verdict: Option<bool>,
    confidence: Option<f64>,
    label: Option<bool>,
    listing: Option<String>,
    matches: bool,
    votes: i32,
    std: Option<f64>,
}

/// Everything that keeps `image` out of the list; nothing when it is in it.
///
/// # Errors
/// When the database refuses.
pub async fn absent(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    image: ImageId,
) -> sqlx::Result<Vec<Reason>> {
    let Some(row) = find(conn, view, ranking, image).await? else { return Ok(vec![Reason::Unknown]) };
    let mut reasons = reasons(&row, view, ranking);
    // Who ranks before whom is a question only for what passes the filters.
    if reasons.is_empty() && ranking.one_per_listing {
        let mut sql = sql::representative(view, ranking, image.0);
        let first: Option<Uuid> = sql.build_query_scalar().fetch_optional(&mut *conn).await?;
        reasons.extend(first.map(|first| Reason::Outranked(ImageId(first))));
    }
    if reasons.is_empty() && ranking.sort == Sort::Random {
        let drawn: bool = sql::holds(view, ranking, image.0).build_query_scalar().fetch_one(conn).await?;
        reasons.extend((!drawn).then_some(Reason::NotDrawn));
    }
    Ok(reasons)
}

/// The image's value of the sort key; none when it lacks one.
///
/// # Errors
/// When the database refuses.
pub(super) async fn key_of(
    conn: &mut PgConnection,
    view: &Viewpoint,
    sort: Sort,
    image: ImageId,
) -> sqlx::Result<Option<Key>> {
    let ranking = Ranking { sort, ..Ranking::default() };
    Ok(find(conn, view, &ranking, image).await?.and_then(|row| row.key))
}

async fn find(
    conn: &mut PgConnection,
    view: &Viewpoint,
    ranking: &Ranking,
    image: ImageId,
) -> sqlx::Result<Option<Row>> {
    let row = sqlx::query!(
        r#"SELECT hidden, quality_mean, watch_confidence, human_rank, human_std, votes, sharpness, ingested_at, verdict, listing_key,
                  watch_label(verdict, watch_confidence, $3) AS label,
                  ($4::text IS NULL OR filename ILIKE $4 OR coalesce(listing_key ILIKE $4, FALSE)) AS "matches!"
           FROM catalog WHERE generation_id = $1 AND image_id = $2"#,
        view.generation.0,
        image.0,
        view.threshold.map(f64::from),
        ranking.text.as_deref().map(sql::contains),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Row {
        hidden: row.hidden,
        key: match ranking.sort {
            Sort::Quality | Sort::Random => row.quality_mean.map(Key::Number),
            Sort::Watch => row.watch_confidence.map(Key::Number),
            Sort::Human => row.human_rank.map(Key::Number),
            Sort::Sharpness => row.sharpness.map(Key::Number),
            Sort::Newest => Some(Key::Time(row.ingested_at)),
        },
        verdict: row.verdict,
        confidence: row.watch_confidence,
        label: row.label,
        listing: row.listing_key,
        matches: row.matches,
        votes: row.votes,
        std: row.human_std,
    }))
}

/// What the row itself tells.
fn reasons(row: &Row, view: &Viewpoint, ranking: &Ranking) -> Vec<Reason> {
    let mut reasons = vec![];
    match (row.hidden, ranking.hidden) {
        (true, false) => reasons.push(Reason::Hidden),
        (false, true) => reasons.push(Reason::NotHidden),
        _ => {}
    }
    match row.key {
        None => reasons.push(Reason::Lacks(ranking.sort)),
        Some(key) => {
            let below = ranking.min.filter(|min| key < *min).map(|min| Reason::BelowMin(key, min));
            let above = ranking.max.filter(|max| key > *max).map(|max| Reason::AboveMax(key, max));
            reasons.extend(below.into_iter().chain(above));
        }
    }
    if !is_wanted(row, view, ranking.watch) {
        let Row { label, verdict, confidence, .. } = *row;
        reasons.push(Reason::Watch { label, verdict, confidence });
    }
    if ranking.listing.is_some() && ranking.listing != row.listing {
        reasons.push(Reason::OtherListing(row.listing.clone()));
    }
    if row.votes < i32::from(ranking.votes) {
        reasons.push(Reason::TooFewVotes(row.votes));
    }
    if ranking.spread.is_some_and(|spread| row.std.is_none_or(|std| std < spread.get())) {
        reasons.push(Reason::Agreed(row.std));
    }
    if !row.matches {
        reasons.push(Reason::TextDoesNotMatch);
    }
    reasons
}

fn is_wanted(row: &Row, view: &Viewpoint, watch: Watch) -> bool {
    match watch {
        Watch::Any => true,
        Watch::Yes => row.label == Some(true),
        Watch::No => row.label == Some(false),
        Watch::Doubtful => {
            let band = view.threshold.map(|threshold| Watch::doubtful_band(threshold.get()));
            let (Some((low, high)), Some(confidence)) = (band, row.confidence) else { return false };
            row.verdict.is_none() && (low..=high).contains(&confidence)
        }
    }
}
