//! What a page of a list says besides its images: totals, what is left out, and the histogram that percentiles come from.
//! They are counted once for as long as nothing is written, which the position in the write-ahead log tells.

use std::{sync::Arc, time::Duration};

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
    /// What no list shows.
    pub left_out: LeftOut,
    /// Images that wait to be scored.
    pub unscored: Total,
    /// How the quality means are distributed.
    pub means: Means,
}

/// The counts of the lists that were looked at last. Clones are the same.
#[derive(Clone, Debug)]
pub struct Counts(Cache<(i64, String), Arc<Counted>>);

impl Default for Counts {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(LISTS).time_to_live(KEPT).build())
    }
}

impl Counts {
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
        let written = ledger::written(&mut *conn).await?;
        let threshold = view.threshold.map(f64::from);
        let key = (written, format!("{}/{threshold:?}?{ranking}", view.generation));
        if let Some(counted) = self.0.get(&key) {
            return Ok(counted);
        }
        let counted = Arc::new(count(conn, view, ranking).await?);
        self.0.insert(key, Arc::clone(&counted));
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
    Ok(Counted {
        total,
        others,
        left_out: rankings::left_out(conn, view).await?,
        unscored: rankings::unscored(conn, view).await?,
        means: summary::means(conn, view.generation).await?,
    })
}
