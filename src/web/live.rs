//! Server-sent events: a page that is open hears that something changed, and looks again.
//!
//! What is sent says only *that*; the page fetches itself, so that what a reload shows and what the live page
//! shows cannot differ. One task of the process looks at the database, and only while somebody listens.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding},
    web::{Bytes, Data},
};
use futures_util::stream;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Site;
use crate::store::ledger;

/// Between two looks at the database.
const LOOK: Duration = Duration::from_secs(1);
/// A proxy closes a connection on which nothing is said for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What is said to whoever listens. Clones are the same.
#[derive(Clone, Debug)]
pub struct Live {
    pool: PgPool,
    stop: CancellationToken,
    changes: Arc<Mutex<Option<watch::Receiver<i64>>>>,
}

impl Live {
    /// Looks at the database of `pool`; connections end when `stop` is cancelled.
    pub fn new(pool: PgPool, stop: CancellationToken) -> Self {
        Self { pool, stop, changes: Arc::default() }
    }

    /// The changes from now on. Ends with the task that looks.
    fn listen(&self) -> watch::Receiver<i64> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(changes) = changes.as_ref().filter(|changes| changes.has_changed().is_ok()) {
            return changes.clone();
        }
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(look(self.pool.clone(), sender, self.stop.clone()));
        *changes = Some(receiver.clone());
        receiver
    }
}

/// Tells of changes until nobody listens any more: the last receiver is the one that is kept for newcomers.
async fn look(pool: PgPool, sender: watch::Sender<i64>, stop: CancellationToken) {
    while sender.receiver_count() > 1 {
        // While the database is away nothing changes; the page says so when it looks.
        if let Ok(pulse) = ledger::written(&pool).await {
            sender.send_if_modified(|known| std::mem::replace(known, pulse) != pulse);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// `GET /live`: an event `change` when the database has written something. Now and then that is nothing that the page
/// shows: whoever listens looks, and sees.
pub async fn events(site: Data<Site>) -> HttpResponse {
    let (live, stop) = (site.live.listen(), site.live.stop.clone());
    let said = stream::unfold((live, stop), |(mut live, stop)| async move {
        let said = tokio::select! {
            changed = live.changed() => {
                changed.ok()?;
                format!("event: change\ndata: {}\n\n", *live.borrow_and_update())
            }
            () = tokio::time::sleep(KEEP_ALIVE) => ": still here\n\n".to_owned(),
            () = stop.cancelled() => return None,
        };
        Some((Ok::<_, actix_web::Error>(Bytes::from(said)), (live, stop)))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Compressed, an event would wait for those that fill a block; and proxies are not to keep it either.
        .insert_header(ContentEncoding::Identity)
        .insert_header(("x-accel-buffering", "no"))
        .streaming(said)
}
