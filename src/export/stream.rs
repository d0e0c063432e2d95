//! A list, walked page by page.

use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use sqlx::{PgPool, PgTransaction};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Export, Table, csv, training};
use crate::store::{
    exports,
    rankings::{self, Place, Ranking},
    viewpoint::{self, Viewpoint},
};

/// Images that are read at once.
const AT_ONCE: u16 = 500;

/// Exports that run at the same time; further ones wait. Each keeps a connection and a view of the database as it was.
static AT_A_TIME: Semaphore = Semaphore::const_new(2);

/// Begins it. Whoever stops reading for a minute is not waited for: the database needs to clear away what has changed since.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// Where an export stands.
struct Walk {
    _turn: SemaphorePermit<'static>,
    tx: PgTransaction<'static>,
    view: Option<Viewpoint>,
    ranking: Ranking,
    export: Export,
    place: Option<Place>,
    /// Rows so far.
    rows: u64,
    begun: bool,
}

/// The text of `export` for the images of `ranking`, in its order, as they are at this moment.
///
/// # Errors
/// When the database refuses, now or later.
pub async fn stream(
    pool: &PgPool,
    ranking: Ranking,
    export: Export,
) -> sqlx::Result<impl Stream<Item = sqlx::Result<Bytes>> + use<>> {
    // The semaphore is never closed.
    let turn = AT_A_TIME.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
    let mut tx = pool.begin_with(BEGIN).await?;
    let view = viewpoint::active(&mut tx).await?;
    let place = view.is_some().then_some(Place::Start);
    let walk = Walk { _turn: turn, tx, view, ranking, export, place, rows: 0, begun: false };
    Ok(stream::try_unfold(Some(walk), async |walk| match walk {
        Some(walk) => walk.next().await.map(Some),
        None => Ok(None),
    }))
}

impl Walk {
    /// The next piece of text, and the rest if there is more.
    async fn next(mut self) -> sqlx::Result<(Bytes, Option<Self>)> {
        let mut text = String::new();
        if !self.begun {
            self.begun = true;
            text += &head(self.export);
        }
        if let (Some(place), Some(view)) = (self.place.take(), self.view.clone()) {
            let (images, next) = rankings::ids(&mut self.tx, &view, &self.ranking, &place, AT_ONCE).await?;
            let conn = &mut *self.tx;
            let lines = match self.export.table() {
                Table::Images => exports::images(conn, &view, &images).await?,
                Table::Votes => exports::votes(conn, &view, &images).await?,
                Table::Corrections => exports::corrections(conn, &view, &images).await?,
            };
            lines.iter().for_each(|line| self.write(&mut text, line));
            self.place = next.map(Place::After);
        }
        if self.place.is_some() {
            return Ok((text.into(), Some(self)));
        }
        text += tail(self.export);
        self.tx.rollback().await?;
        Ok((text.into(), None))
    }

    fn write(&mut self, text: &mut String, line: &str) {
        let written = match self.export {
            Export::JsonLines(_) => Some(format!("{line}\n")),
            Export::Csv(table) => csv::row(table, line),
            Export::Ava => training::ava(line, self.rows + 1),
            Export::Nima => training::nima(line, self.rows == 0),
        };
        if let Some(written) = written {
            self.rows += 1;
            *text += &written;
        }
    }
}

fn head(export: Export) -> String {
    match export {
        Export::Csv(table) => csv::header(table),
        Export::Nima => "[".to_owned(),
        Export::JsonLines(_) | Export::Ava => String::new(),
    }
}

const fn tail(export: Export) -> &'static str {
    match export {
        Export::Nima => "\n]\n",
        Export::Csv(_) | Export::JsonLines(_) | Export::Ava => "",
    }
}
