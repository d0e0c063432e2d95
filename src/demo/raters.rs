//! People for a catalog that has none: once every picture is scored, a round that simulated raters have judged.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    feedback,
    store::{ledger, rankings::Ranked, viewpoint},
};

/// Between two looks whether everything is scored.
const LOOK: Duration = Duration::from_secs(1);
const SEED: u64 = 1;

/// Waits until every picture is scored, and has them judged, once. A failure is told in the log: the pages work without.
pub async fn judge(pool: PgPool, clock: Clock, stop: CancellationToken) {
    loop {
        match once(&pool, &clock).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!("the demo has no simulated raters: {error:#}");
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Whether there is nothing left to do.
async fn once(pool: &PgPool, clock: &Clock) -> anyhow::Result<bool> {
    let mut conn = pool.acquire().await?;
    if sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM rounds) AS "is!""#).fetch_one(&mut *conn).await? {
        return Ok(true);
    }
    let Some(view) = viewpoint::active(&mut conn).await? else { return Ok(false) };
    let ledger = ledger::totals(&mut conn, Some(view.generation)).await?;
    if ledger.images == 0 || ledger.pending > 0 || ledger.settling > 0 {
        return Ok(false);
    }
    drop(conn);
    // The folder says what was drawn.
    let is_watch = |image: &Ranked| image.filename.starts_with("watches/");
    feedback::simulate(pool, (clock, &mut StdRng::seed_from_u64(SEED)), &view, is_watch).await?;
    Ok(true)
}
