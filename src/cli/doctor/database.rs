//! The database, and what the service says there of itself.

use std::{net::SocketAddr, time::Duration};

use sqlx::PgConnection;

use super::{Finding, machine, models::Serving};
use crate::{
    clock::Clock,
    cluster::{self, Database},
    config::{Role, Secret, Settings},
    store::{MIGRATOR, annotators, components, images, ledger, queue, whole},
};

const CHECK: &str = "database";
/// A server that is silent for longer is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clocks that differ by more make sessions and links end at the wrong time.
const SKEW_S: f64 = 5.0;

/// What a database says that other checks go by.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Which models are served.
    pub(super) serving: Serving,
    /// Where the service that runs says that it listens.
    pub(super) listens_at: Option<SocketAddr>,
    /// Keys of some of the originals that lie in the image store.
    pub(super) originals: Vec<String>,
}

/// Every check of the database, and what it says.
pub(super) async fn findings(settings: &Settings) -> (Vec<Finding>, Known) {
    let url = settings.database_url.as_ref().map(Secret::reveal);
    if url.is_none() && !cluster::is_made(&settings.data_dir) {
        let text = "there is none yet; the first `chronograde serve` makes it";
        return (vec![Finding::warning(CHECK, text)], Known::default());
    }
    let database = match Database::open(url, &settings.data_dir).await {
        Ok(database) => database,
        Err(error) => return (vec![Finding::error(CHECK, error)], Known::default()),
    };
    let found = examine(&database, settings).await;
    let (mut findings, known) =
        found.unwrap_or_else(|error| (vec![Finding::error(CHECK, error)], Known::default()));
    if let Err(error) = database.close().await {
        findings.push(Finding::error(CHECK, error));
    }
    (findings, known)
}

async fn examine(database: &Database, settings: &Settings) -> anyhow::Result<(Vec<Finding>, Known)> {
    let mut conn = database.meet(PATIENCE).await?;
    let conn = &mut conn;
    let mut findings = vec![server(conn, settings).await?];
    let tables = tables(conn).await?;
    let usable = tables.verdict == super::Verdict::Ok;
    findings.push(tables);
    findings.push(clock(conn, &Clock::System).await?);
    if !usable {
        return Ok((findings, Known::default()));
    }
    findings.push(jobs(conn).await?);
    findings.extend(roles(conn).await?);
    findings.extend(roots(conn).await?);
    findings.push(match annotators::is_set_up(conn).await? {
        true => Finding::ok("first admin", "there is one"),
        false => Finding::warning(
            "first admin",
            "there is none yet: the log of `chronograde serve` shows the link that makes one",
        ),
    });
    let pages = components::pages(&mut *conn).await?.filter(|pages| pages.is_alive && pages.is_here());
    let known = Known {
        serving: Serving::of(conn).await?,
        listens_at: pages.and_then(|pages| pages.listens_at?.parse().ok()),
        originals: images::some_stored(conn, machine::ORIGINALS).await?,
    };
    Ok((findings, known))
}

async fn server(conn: &mut PgConnection, settings: &Settings) -> sqlx::Result<Finding> {
    let server = whole::server(conn).await?;
    let text = format!(
        "PostgreSQL {}, {}, {} of {} connections in use",
        server.version,
        indicatif::HumanBytes(server.bytes.unsigned_abs()),
        server.connections,
        server.most_connections
    );
    let left = server.most_connections - server.connections;
    Ok(match settings.database_connections {
        wanted if i64::from(wanted) > left => Finding::warning(
            CHECK,
            format!(
                "{text}: one more process wants {wanted} (CHRONOGRADE_DATABASE_CONNECTIONS); raise max_connections or lower the setting"
            ),
        ),
        _ => Finding::ok(CHECK, text),
    })
}

async fn tables(conn: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "tables";
    if whole::is_empty(conn).await? {
        return Ok(Finding::warning(
            CHECK,
            "there are none yet; `chronograde migrate` or the first `serve` makes them",
        ));
    }
    let applied = whole::migrations(conn).await?;
    let pending = MIGRATOR
        .iter()
        .filter(|ours| ours.migration_type.is_up_migration() && !applied.contains(&ours.version))
        .count();
    let unknown = applied.iter().filter(|version| !MIGRATOR.version_exists(**version)).count();
    Ok(match (unknown, pending) {
        (0, 0) => Finding::ok(CHECK, format!("up to date, {} migrations", applied.len())),
        (0, pending) => Finding::warning(
            CHECK,
            format!(
                "{pending} migrations are pending: make a backup, then start the service or `chronograde migrate`"
            ),
        ),
        (unknown, _) => Finding::problem(
            CHECK,
            format!(
                "{unknown} migrations are of a newer chronograde: use that version, or restore a backup of this one's"
            ),
        ),
    })
}

async fn clock(conn: &mut PgConnection, clock: &Clock) -> sqlx::Result<Finding> {
    let theirs = whole::now(conn).await?;
    let apart_s = (clock.now() - theirs).as_seconds_f64();
    Ok(if apart_s.abs() <= SKEW_S {
        Finding::ok("clock", format!("{} UTC, as the database's", theirs.format("%Y-%m-%d %H:%M")))
    } else {
        Finding::warning(
            "clock",
            format!(
                "this machine's is {apart_s:+.0} s from the database's: set both by NTP, or sessions and links end at the wrong time"
            ),
        )
    })
}

async fn jobs(conn: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "queue";
    let queue = queue::counts(conn).await?;
    let stuck = queue::stuck(conn).await?;
    let text = format!("{} jobs wait, {} run, {} were given up", queue.waiting, queue.running, queue.failed);
    Ok(if stuck > 0 {
        Finding::problem(
            CHECK,
            format!(
                "{text}; {stuck} have been held for over 10 minutes: restart the scoring process, others take them over"
            ),
        )
    } else if queue.failed > 0 {
        Finding::warning(CHECK, format!("{text}: Arrivals lists the images with the reasons"))
    } else {
        Finding::ok(CHECK, text)
    })
}

async fn roles(conn: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    const CHECK: &str = "roles";
    let mut findings = Vec::new();
    let (mut running, mut absent) = (Vec::new(), Vec::new());
    for role in [Role::Ingest, Role::Score] {
        match components::problems(&mut *conn, role).await? {
            None => absent.push(role.as_str()),
            Some(problems) => {
                running.push(role.as_str());
                findings.extend(
                    problems
                        .into_iter()
                        .map(|text| Finding::problem(CHECK, format!("{}: {text}", role.as_str()))),
                );
            }
        }
    }
    findings.push(match absent.is_empty() {
        true => Finding::ok(CHECK, format!("{} are alive", running.join(" and "))),
        false => Finding::warning(
            CHECK,
            format!(
                "nobody does {}: start `chronograde serve --roles {}`",
                absent.join(" and "),
                absent.join(",")
            ),
        ),
    });
    Ok(findings)
}

async fn roots(conn: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let away = |root: &ledger::Root| root.state != "ok";
    let finding = |root: ledger::Root| {
        let text = format!(
            "{} is {}, though files were seen there; nothing was removed from the catalog: mount its disk again",
            root.root, root.state
        );
        Finding::problem("upload directory", text)
    };
    Ok(ledger::roots(conn).await?.into_iter().filter(away).map(finding).collect())
}
