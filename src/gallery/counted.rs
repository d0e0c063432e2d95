//! What a page of a list says besides its images: totals, what is left out, and the histogram that percentiles come from.
//!
//! They are counted once for as long as nothing is written, which the position in the write-ahead log tells. While pictures
//! come in something is always written; then they may be a second old, unless somebody changed something by this process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use moka::sync::Cache;
use sqlx::PgConnection;

use crate::store::{
    ledger,
    rankings::{self, LeftOut, Ranking, Sort, Total, Watch},
    summary::{self, Means},
    viewpoint::Viewpoint,
};

/// Lists whose counts are kept.
const LISTS: u64 = 1_000;

/// For how long nobody minds what scorers and other processes have written since.
const UNMINDED: Duration = Duration::from_secs(1);

/// For how long at most. A transaction is in the log an instant before others see it: who counts in that instant counts
/// without it, and should not be believed for long.
const KEPT: Duration = Duration::from_secs(2);

/// The counts of one list.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Its images.
    pub total: Total,
    /// The images that its watch filter leaves out, or those without a watch where it leaves out none; of a sample, of what is
    /// hidden, and of listings that tells nothing.
    pub others: Option<Total>,
    /// How many images stand behind the one of their listing that is shown; none where each is, or where they are too many.
    pub folded: Option<i64>,
    /// What no list shows.
    pub left_out: LeftOut,
    /// Images that wait to be scored.
    pub unscored: Total,
    /// How the quality means are distributed.
    pub means: Means,
}

/// The counts of the lists that were looked at last. Clones are the same.
#[derive(Clone, Debug)]
pub struct Counts {
    lists: Cache<String, Known>,
    changes: Arc<AtomicU64>,
    unminded: Duration,
}

/// What was counted, and what tells whether it still holds.
#[derive(Clone, Debug)]
struct Known {
    counted: Arc<Counted>,
    since: Instant,
    changes: u64,
    written: i64,
}

impl Default for Counts {
    fn default() -> Self {
        Self::as_of(UNMINDED)
    }
}

impl Counts {
    /// Counts that are never older than the last transaction.
    pub fn exact() -> Self {
        Self::as_of(Duration::ZERO)
    }

    fn as_of(unminded: Duration) -> Self {
        let lists = Cache::builder().max_capacity(LISTS).time_to_live(KEPT).build();
        Self { lists, changes: Arc::default(), unminded }
    }

    /// Somebody has changed something: what was counted before that no longer holds.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// The counts of `ranking`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(
        &self,
        conn: &mut PgConnection,
        view: &Viewpoint,
        ranking: &Ranking,
    ) -> sqlx::Result<Arc<Counted>> {
        let (since, changes) = (Instant::now(), self.changes.load(Ordering::Acquire));
        let list = format!("{}/{:?}?{ranking}", view.generation, view.threshold.map(f64::from));
        let known = self.lists.get(&list).filter(|known| known.changes == changes);
        if let Some(known) = known.as_ref().filter(|known| known.since.elapsed() < self.unminded) {
            return Ok(Arc::clone(&known.counted));
        }
        let written = ledger::written(&mut *conn).await?;
        if let Some(known) = known.filter(|known| known.written == written) {
            return Ok(known.counted);
        }
        let counted = Arc::new(count(conn, view, ranking).await?);
        self.lists.insert(list, Known { counted: Arc::clone(&counted), since, changes, written });
        Ok(counted)
    }
}

async fn count(conn: &mut PgConnection, view: &Viewpoint, ranking: &Ranking) -> sqlx::Result<Counted> {
    let tells = !(ranking.hidden || ranking.one_per_listing || ranking.sort == Sort::Random);
    let (total, others) = match (tells, ranking.watch, &ranking.text) {
        // A search is worth the trouble: what it costs is finding the images, however they are counted then.
        (true, Watch::Any, Some(_)) => {
            let (total, others) = rankings::both(conn, view, ranking, false).await?;
            (total, Some(others))
        }
        (true, watch, _) => {
            let others = rankings::labelled(conn, view, ranking, watch == Watch::No).await?;
            (rankings::total(conn, view, ranking).await?, Some(others))
        }
        (false, ..) => (rankings::total(conn, view, ranking).await?, None),
    };
    let folded = match ranking.one_per_listing {
        true => {
            let each = Ranking { one_per_listing: false, ..ranking.clone() };
            let all = rankings::total(conn, view, &each).await?;
            (all.is_exact && total.is_exact).then(|| all.count - total.count)
        }
        false => None,
    };
    Ok(Counted {
        total,
        others,
        folded,
        left_out: rankings::left_out(conn, view).await?,
        unscored: rankings::unscored(conn, view).await?,
        means: summary::means(conn, view.generation).await?,
    })
}
