//! What another pair of models would change: how far both agree, who enters and leaves the ends, and the biggest movers.
//!
//! It is worked out once for a while: over a large catalog it takes seconds, of the database and of a thread that no page
//! waits for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web;
use moka::sync::Cache;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use crate::{
    comparison::spearman,
    decode::GRID_PX,
    gallery::words,
    store::{
        model_change::{self, Mover, Pair, Places, Relabelled},
        viewpoint::Viewpoint,
    },
    web::{Site, error::WebError},
};

/// Images that are shown as the biggest movers.
const MOVERS: i64 = 12;
/// Length of the lists whose changes are told.
const ENDS: i64 = 20;
/// A comparison is at least so old before another is made …
const KEPT: Duration = Duration::from_secs(10);
/// … and so many times as old as it took to make, so that looking costs the database no more than a part of its time.
const KEPT_TIMES: u32 = 20;
/// Pairs whose comparison is kept.
const PAIRS: u64 = 16;

/// How two pairs of models compare, on the images that both have scored.
#[derive(Debug)]
pub(super) struct Comparison {
    /// Figures with their names.
    pub(super) figures: Vec<(&'static str, String)>,
    /// Who enters and leaves the ends.
    pub(super) ends: Vec<Ends>,
    /// The images about which both differ most.
    pub(super) movers: Vec<Card>,
}

/// Those who enter one end of the ranking, or leave it.
#[derive(Debug)]
pub(super) struct Ends {
    /// What they do.
    pub(super) title: String,
    /// They.
    pub(super) cards: Vec<Card>,
}

/// An image that another pair of models sees otherwise.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) page: String,
    pub(super) picture: String,
    pub(super) name: String,
    /// Its place with the present pair and with the other one.
    pub(super) places: Option<String>,
    pub(super) quality: String,
    pub(super) confidence: String,
}

/// The comparisons that were made last. Clones are the same.
#[derive(Clone, Debug)]
pub struct Comparisons {
    made: Cache<String, Made>,
    at_work: Arc<Mutex<()>>,
    kept: Duration,
}

#[derive(Clone, Debug)]
struct Made {
    comparison: Arc<Comparison>,
    at: Instant,
    took: Duration,
}

impl Default for Comparisons {
    fn default() -> Self {
        Self { made: Cache::new(PAIRS), at_work: Arc::default(), kept: KEPT }
    }
}

impl Comparisons {
    /// Comparisons that are made anew each time.
    pub fn exact() -> Self {
        Self { kept: Duration::ZERO, ..Self::default() }
    }

    /// How `then` compares with `now`. Whoever asks has no connection of the pool meanwhile: many may wait for one that compares.
    pub(super) async fn of(
        &self,
        site: &Site,
        (now, then): (&Viewpoint, &Viewpoint),
    ) -> Result<Arc<Comparison>, WebError> {
        let side = |view: &Viewpoint| format!("{}/{:?}", view.generation, view.threshold.map(f64::from));
        let pair = format!("{} {}", side(now), side(then));
        // One at a time: whoever comes meanwhile finds what was made.
        let _turn = self.at_work.lock().await;
        if let Some(made) = self.made.get(&pair).filter(|made| self.holds(made)) {
            return Ok(made.comparison);
        }
        let at = Instant::now();
        let mut conn = site.pool.acquire().await?;
        let comparison = Arc::new(compare(site, &mut conn, now, then).await?);
        drop(conn);
        self.made.insert(pair, Made { comparison: Arc::clone(&comparison), at, took: at.elapsed() });
        Ok(comparison)
    }

    fn holds(&self, made: &Made) -> bool {
        self.kept > Duration::ZERO && made.at.elapsed() < self.kept.max(made.took * KEPT_TIMES)
    }
}

async fn compare(
    site: &Site,
    conn: &mut PgConnection,
    now: &Viewpoint,
    then: &Viewpoint,
) -> Result<Comparison, WebError> {
    let pairs = model_change::pairs(conn, now.generation, then.generation).await?;
    let correlations = web::block(move || correlations(&pairs)).await.map_err(WebError::internal)?;
    let relabelled = model_change::relabelled(conn, (now, then)).await?;
    let changed = model_change::enter_or_leave(conn, (now, then), ENDS).await?;
    let movers = model_change::movers(conn, now.generation, then.generation, MOVERS).await?;
    let (top, bottom) = (
        of_end(site, &changed, "top", |places| places.from_top),
        of_end(site, &changed, "bottom", |places| places.from_bottom),
    );
    let [confidence, quality] = correlations.map(correlation);
    Ok(Comparison {
        figures: vec![
            ("Watch labels", labels(relabelled, now, then)),
            ("Rank correlation of the confidences", confidence),
            ("Rank correlation of the quality means", quality),
            ("The top 20 of the watches", counts(&top)),
            ("The bottom 20 of the watches", counts(&bottom)),
        ],
        ends: top.into_iter().chain(bottom).filter(|ends| !ends.cards.is_empty()).collect(),
        movers: movers.iter().map(|mover| Card::new(site, mover, None)).collect(),
    })
}

/// How many images get another label, by which thresholds.
fn labels(relabelled: Relabelled, now: &Viewpoint, then: &Viewpoint) -> String {
    let (Some(cut_off), Some(cut_off_then)) = (now.threshold, then.threshold) else {
        let without = if now.threshold.is_none() { now } else { then };
        return format!("no threshold: the confidence of “{}” gives no label", without.watch_title);
    };
    let Relabelled { images, become_watches, stop_being_watches } = relabelled;
    format!(
        "{} newly a watch, {} no longer, of {}; thresholds {} → {}",
        words::count(become_watches),
        words::count(stop_being_watches),
        words::counted(images, "image", "images"),
        words::cut_off(cut_off.get()),
        words::cut_off(cut_off_then.get())
    )
}

/// Of the confidences, and of the quality means.
fn correlations(pairs: &[Pair]) -> [f64; 2] {
    let of = |value: fn(&Pair) -> (f64, f64)| {
        let (a, b) = pairs.iter().map(value).unzip();
        spearman(a, b)
    };
    [of(|pair| pair.confidence), of(|pair| pair.quality)]
}

/// An image's place from one end, with the models that serve and with the others; none where it is no watch.
type NowAndThen = (Option<i64>, Option<i64>);

/// Who enters one end and who leaves it, each by place.
fn of_end(site: &Site, changed: &[(Mover, Places)], end: &str, of: fn(&Places) -> NowAndThen) -> [Ends; 2] {
    let is_in = |place: Option<i64>| place.is_some_and(|place| place <= ENDS);
    let listed = |title: String, moves: fn((bool, bool)) -> bool, by: fn(NowAndThen) -> Option<i64>| {
        let is_one = |places: &Places| moves((is_in(of(places).0), is_in(of(places).1)));
        let mut those: Vec<_> = changed.iter().filter(|(_, places)| is_one(places)).collect();
        those.sort_by_key(|(mover, places)| (by(of(places)), mover.image));
        let card =
            |(mover, places): &(Mover, Places)| Card::new(site, mover, Some(in_words(of(places), end)));
        Ends { title, cards: those.into_iter().map(card).collect() }
    };
    [
        listed(format!("They enter the {end} 20"), |(was, is)| is && !was, |(_, then)| then),
        listed(format!("They leave the {end} 20"), |(was, is)| was && !is, |(now, _)| now),
    ]
}

fn counts([enter, leave]: &[Ends; 2]) -> String {
    format!("{} enter, {} leave", enter.cards.len(), leave.cards.len())
}

/// *number 57 → number 3*, from that end.
fn in_words((now, then): NowAndThen, end: &str) -> String {
    let place = |place: Option<i64>| match place {
        Some(place) if end == "bottom" => format!("{} from the bottom", words::count(place)),
        Some(place) => format!("number {}", words::count(place)),
        None => "no watch".to_owned(),
    };
    format!("{} → {}", place(now), place(then))
}

fn correlation(value: f64) -> String {
    if value.is_nan() {
        "not defined: too few images, or all alike".to_owned()
    } else {
        // No minus before what rounds to nothing, and a true one elsewhere.
        let rounded = (value * 1_000.0).round() / 1_000.0 + 0.0;
        format!("{rounded:.3}").replace('-', "\u{2212}")
    }
}

impl Card {
    fn new(site: &Site, mover: &Mover, places: Option<String>) -> Self {
        let (quality, confidence) = (mover.quality, mover.confidence);
        Self {
            page: site.url(&format!("/images/{}", mover.image)),
            picture: site.picture(GRID_PX, hex::encode(&mover.sha256)),
            name: mover.filename.rsplit('/').next().unwrap_or_default().to_owned(),
            places,
            quality: format!("quality {:.2} → {:.2}", quality.0, quality.1),
            confidence: format!(
                "watch {} → {}",
                words::probability(confidence.0),
                words::probability(confidence.1)
            ),
        }
    }
}
