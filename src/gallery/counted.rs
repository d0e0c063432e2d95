//! What a page of a list says besides its images: totals, what is left out, and the histogram that percentiles come from.
//!
//! They are counted once for as long as nothing is written, which the position in the write-ahead log tells. While pictures
//! come in something is always written; then they may be a second or two old, unless somebody changed something by this process. However
//! many visitors look at a list, one of them counts, and the others take what was counted before, or wait.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use moka::sync::Cache;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use crate::store::{
    ledger,
    rankings::{self, LeftOut, Ranking, Sort, Total, Watch},
    summary::{self, Means},
    viewpoint::Viewpoint,
};

/// Lists whose counts are kept.
const LISTS: u64 = 1_000;

/// For how long nobody minds what scorers and other processes have written since; twice as long while it is counted anew.
const UNMINDED: Duration = Duration::from_secs(1);

/// For how long at most. A transaction is in the log an instant before others see it: who counts in that instant counts
/// without it, and should not be believed for long.
const KEPT: Duration = Duration::from_secs(2);

/// A list that nobody looked at for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);

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
    lists: Cache<String, Arc<List>>,
    changes: Arc<AtomicU64>,
    unminded: Duration,
}

/// What was counted of one list; whoever counts holds the turn.
#[derive(Debug, Default)]
struct List {
    known: std::sync::Mutex<Option<Known>>,
    turn: Mutex<()>,
}

/// What was counted, and what tells whether it still holds.
#[derive(Clone, Debug)]
struct Known {
    counted: Arc<Counted>,
    since: Instant,
    changes: u64,
    written: i64,
}

impl List {
    /// What was counted last, if that is good enough.
    fn known(&self, is_good: impl FnOnce(&Known) -> bool) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(is_good)
    }

    fn learn(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
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
        let lists = Cache::builder().max_capacity(LISTS).time_to_idle(FORGOTTEN).build();
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
        let list = format!("{}/{:?}?{ranking}", view.generation, view.threshold.map(f64::from));
        let list = self.lists.get_with(list, Arc::default);
        let (asked, changes) = (Instant::now(), self.changes.load(Ordering::Acquire));
        let known = |age| {
            let changes = self.changes.load(Ordering::Acquire);
            list.known(|known| known.changes == changes && known.since.elapsed() < age)
        };
        if let Some(known) = known(self.unminded) {
            return Ok(known.counted);
        }
        let _turn = match list.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => match known(2 * self.unminded) {
                Some(known) => return Ok(known.counted),
                None => list.turn.lock().await,
            },
        };
        // Of those who waited the first counts at most, however long that takes and whatever changes meanwhile.
        let since_asked = list.known(|known| known.since >= asked && known.changes >= changes);
        if let Some(known) = since_asked.or_else(|| known(self.unminded)) {
            return Ok(known.counted);
        }
        let (since, changes) = (Instant::now(), self.changes.load(Ordering::Acquire));
        let written = ledger::written(&mut *conn).await?;
        if let Some(known) = known(KEPT).filter(|known| known.written == written) {
            return Ok(known.counted);
        }
        let counted = Arc::new(count(conn, view, ranking).await?);
        list.learn(Known { counted: Arc::clone(&counted), since, changes, written });
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

#[cfg(test)]
mod tests {
    use futures_util::future::try_join_all;
    use sqlx::PgPool;

    use super::*;
    use crate::{
        domain::{GenerationId, ModelId},
        store::MIGRATOR,
    };

    fn nobodys() -> Viewpoint {
        Viewpoint {
            generation: GenerationId(1),
            watch_model: ModelId(1),
            watch_title: String::new(),
            question: "watch".to_owned(),
            quality_model: ModelId(2),
            quality_title: String::new(),
            threshold: None,
            threshold_is_measured: false,
        }
    }

    async fn look(counts: &Counts, pool: &PgPool) -> sqlx::Result<Arc<Counted>> {
        counts.of(&mut *pool.acquire().await?, &nobodys(), &Ranking::default()).await
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn of_many_who_look_at_once_one_counts_and_after_a_change_it_is_counted_anew(pool: PgPool) {
        let counts = Counts::default();
        let seen = try_join_all((0..4).map(|_| look(&counts, &pool))).await.unwrap();
        assert!(seen.iter().all(|counted| Arc::ptr_eq(counted, &seen[0])));
        counts.changed();
        let anew = look(&counts, &pool).await.unwrap();
        assert!(!Arc::ptr_eq(&anew, &seen[0]));
    }
}
