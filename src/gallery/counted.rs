//! What a page of a list says besides its images: totals, what is left out, and the histogram that percentiles come from.
//!
//! They are not counted anew at once while nothing is written, which the position in the write-ahead log tells. While pictures
//! come in something is always written; then they may be a second or two old, unless somebody changed something by this process. A list
//! that is looked at all the time is counted behind its visitors' backs; after a pause one of them counts, and the others wait.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use moka::sync::Cache;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Mutex;

use crate::store::{
    ledger,
    rankings::{self, LeftOut, Ranking, Sort, Total, Watch},
    summary::{self, Means},
    viewpoint::Viewpoint,
};

/// Lists whose counts are kept.
const LISTS: u64 = 1_000;

/// For how long nobody minds what scorers and other processes have written since; twice as long while it is being counted anew.
const UNMINDED: Duration = Duration::from_secs(1);

/// For how long at most they are found to hold still. A transaction is in the log an instant before others see it: who counts in that instant counts
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
    pool: PgPool,
    lists: Cache<String, Arc<List>>,
    changes: Arc<AtomicU64>,
    unminded: Duration,
}

/// What was counted of one list; whoever counts holds the turn.
#[derive(Debug, Default)]
struct List {
    known: std::sync::Mutex<Option<Known>>,
    turn: Arc<Mutex<()>>,
}

/// What was counted, and what tells whether it still holds.
#[derive(Clone, Debug)]
struct Known {
    counted: Arc<Counted>,
    /// When it was counted.
    since: Instant,
    /// When it was last seen to hold.
    held: Instant,
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

impl Counts {
    /// Counts in this database.
    pub fn new(pool: PgPool) -> Self {
        Self::as_of(pool, UNMINDED)
    }

    /// Counts that are never older than the last transaction.
    pub fn exact(pool: PgPool) -> Self {
        Self::as_of(pool, Duration::ZERO)
    }

    fn as_of(pool: PgPool, unminded: Duration) -> Self {
        let lists = Cache::builder().max_capacity(LISTS).time_to_idle(FORGOTTEN).build();
        Self { pool, lists, changes: Arc::default(), unminded }
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
        let name = format!("{}/{:?}?{ranking}", view.generation, view.threshold.map(f64::from));
        let list = self.lists.get_with(name, Arc::default);
        let (asked, changes) = (Instant::now(), self.changes.load(Ordering::Acquire));
        if let Some(known) = self.recent(&list, self.unminded) {
            return Ok(known.counted);
        }
        let turn = Arc::clone(&list.turn).try_lock_owned();
        if let Some(known) = self.recent(&list, 2 * self.unminded) {
            // Not while all connections are in use: visitors who hold them may come to wait for the turn.
            if let (Ok(turn), Some(mut conn)) = (turn, self.pool.try_acquire()) {
                let (counts, view, ranking) = (self.clone(), view.clone(), ranking.clone());
                tokio::spawn(async move {
                    let _turn = turn;
                    // Whoever looks next finds the same trouble, and says so.
                    let _ = counts.anew(&mut conn, &list, &view, &ranking).await;
                });
            }
            return Ok(known.counted);
        }
        let _turn = match turn {
            Ok(turn) => turn,
            Err(_) => Arc::clone(&list.turn).lock_owned().await,
        };
        // Of those who waited the first counts at most, however long that takes and whatever changes meanwhile.
        let since_asked = list.known(|known| known.held >= asked && known.changes >= changes);
        match since_asked.or_else(|| self.recent(&list, self.unminded)) {
            Some(known) => Ok(known.counted),
            None => self.anew(conn, &list, view, ranking).await,
        }
    }

    /// What held less than `age` ago, if nobody has changed anything since.
    fn recent(&self, list: &List, age: Duration) -> Option<Known> {
        let changes = self.changes.load(Ordering::Acquire);
        list.known(|known| known.changes == changes && known.held.elapsed() < age)
    }

    /// Counts, unless nothing was written since that was done last. For whoever holds the list's turn.
    async fn anew(
        &self,
        conn: &mut PgConnection,
        list: &List,
        view: &Viewpoint,
        ranking: &Ranking,
    ) -> sqlx::Result<Arc<Counted>> {
        let (now, changes) = (Instant::now(), self.changes.load(Ordering::Acquire));
        let written = ledger::written(&mut *conn).await?;
        let holds = |known: &Known| {
            known.changes == changes && known.written == written && known.since.elapsed() < KEPT
        };
        let known = match list.known(holds) {
            Some(known) => Known { held: now, ..known },
            None => {
                let counted = Arc::new(count(conn, view, ranking).await?);
                Known { counted, since: now, held: now, changes, written }
            }
        };
        list.learn(known.clone());
        Ok(known.counted)
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
        let counts = Counts::new(pool.clone());
        let seen = try_join_all((0..4).map(|_| look(&counts, &pool))).await.unwrap();
        assert!(seen.iter().all(|counted| Arc::ptr_eq(counted, &seen[0])));
        counts.changed();
        let anew = look(&counts, &pool).await.unwrap();
        assert!(!Arc::ptr_eq(&anew, &seen[0]));
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn nobody_waits_for_what_is_hardly_old_and_whoever_looks_later_has_it_anew(pool: PgPool) {
        let counts = Counts::as_of(pool.clone(), Duration::from_secs(10));
        let first = look(&counts, &pool).await.unwrap();
        let list = counts.lists.iter().next().unwrap().1;
        // As if it had been counted a quarter of a minute ago, and something written since.
        let past = Instant::now().checked_sub(Duration::from_secs(15)).unwrap();
        let known = list.known(|_| true).unwrap();
        list.learn(Known { since: past, held: past, written: known.written - 1, ..known });
        let meanwhile = look(&counts, &pool).await.unwrap();
        assert!(Arc::ptr_eq(&meanwhile, &first), "what is known is shown at once");
        // Whoever counts behind everybody's back has the turn until it is done.
        drop(list.turn.lock().await);
        let anew = look(&counts, &pool).await.unwrap();
        assert!(!Arc::ptr_eq(&anew, &first));
    }
}
