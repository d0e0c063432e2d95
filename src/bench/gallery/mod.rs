//! `chronograde bench gallery`: how fast ranked pages come at 10,000, 100,000 and 1,000,000 images, idle and while images
//! are scored.
//!
//! The rows are synthetic, the rest is real: a private database, the real web server, somebody who is signed in, and
//! requests that come at their own times whether or not the former ones are answered.

mod load;
mod report;

use std::{path::PathBuf, time::Duration};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::load::Load;
pub use self::report::GalleryReport;
use super::{
    BenchError, Machine,
    sandbox::Sandbox,
    synthetic::{Latency, Networks, Scored, Scoring, Server, rows},
};
use crate::{config::Settings, domain::Role};

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct GalleryPlan {
    /// Sizes of the catalog, in images.
    pub images: Vec<u32>,
    /// Requests per second.
    pub rate: u32,
    /// For how long each list is asked for, idle and while images are scored.
    pub time: Duration,
    /// Images per second that are written meanwhile, as scoring writes them.
    pub writes: u32,
    /// Pictures that the networks are run on meanwhile; none to write only.
    pub pictures: Option<PathBuf>,
    /// Where the scratch folder is made.
    pub scratch: PathBuf,
}

/// What is asked for. The first is no page: what an answer costs that asks nothing of the database is the floor of the others.
const LISTS: [(&str, &str); 8] = [
    ("no page (floor)", "/healthz"),
    ("top", "/top"),
    ("ranking, all", "/ranking"),
    ("watches only", "/ranking?watch=yes"),
    ("a band of quality", "/ranking?min=4&max=6&order=asc"),
    ("rare: 0.1 %", "/ranking?watch=doubtful"),
    ("one per listing", "/ranking?one_per_listing=yes"),
    ("search", "/ranking?q=batch-0007"),
];

/// One list at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Images in the catalog.
    pub images: u32,
    /// What was asked for.
    pub list: &'static str,
    /// Its address.
    pub path: &'static str,
    /// Bytes of the page, without pictures, as sent.
    pub page_bytes: usize,
    /// While nothing else happens.
    pub idle: Latency,
    /// While images are scored.
    pub scoring: Latency,
    /// What was scored meanwhile.
    pub scored: Scored,
    /// What was scored in as much time, less the warming up, with nobody asking for pages.
    pub unasked: Scored,
}

/// Measures everything. Cancelling `stop` ends it early; the scratch folder is removed either way.
///
/// # Errors
/// No database, or pages that are not answered.
pub async fn run(
    plan: &GalleryPlan,
    settings: &Settings,
    stop: CancellationToken,
) -> Result<GalleryReport, BenchError> {
    let machine = Machine::look(&plan.scratch);
    let networks = plan.pictures.as_deref().map(|images| Networks::open(settings, images)).transpose()?;
    let sandbox = Sandbox::open(settings, &plan.scratch).await?;
    let measured = tokio::select! {
        measured = Box::pin(measure(plan, &sandbox, networks)) => measured,
        () = stop.cancelled() => Err(BenchError::Stopped),
    };
    let closed = sandbox.close().await;
    let (networks_alone, lists) = measured?;
    closed?;
    Ok(GalleryReport::new(machine, plan, networks_alone, lists))
}

async fn measure(
    plan: &GalleryPlan,
    sandbox: &Sandbox,
    networks: Option<Networks>,
) -> Result<(Option<f64>, Vec<Measured>), BenchError> {
    let alone = match &networks {
        Some(networks) => Some(networks.alone(plan.time).await?),
        None => None,
    };
    let generation = rows::open(&sandbox.pool).await?;
    let mut sizes = plan.images.clone();
    sizes.sort_unstable();
    let mut measured = vec![];
    for images in sizes {
        rows::grow(&sandbox.pool, generation, images).await?;
        measured.extend(with_server(plan, sandbox, networks.as_ref(), images).await?);
    }
    Ok((alone, measured))
}

/// Starts the web server, asks for every list, and stops it.
async fn with_server(
    plan: &GalleryPlan,
    sandbox: &Sandbox,
    networks: Option<&Networks>,
    images: u32,
) -> Result<Vec<Measured>, BenchError> {
    let server = Server::start(sandbox).await?;
    let managers = server.sign_in(sandbox, 1, Role::Manager).await?;
    let browser = managers.into_iter().next().ok_or(BenchError::Ended)?;
    let scoring = Scoring::start(sandbox, plan.writes, networks);
    tokio::time::sleep(plan.time).await;
    let unasked = scoring.stop().await?;
    let mut measured = vec![];
    for (list, path) in LISTS {
        let page_bytes = browser.connect().await?.get(path).await?;
        let load = Load { browser: browser.clone(), path, rate: plan.rate, time: plan.time };
        let idle = load.run().await?;
        let scoring = Scoring::start(sandbox, plan.writes, networks);
        let latency = load.run().await?;
        let scored = scoring.stop().await?;
        measured.push(Measured { images, list, path, page_bytes, idle, scoring: latency, scored, unasked });
    }
    server.stop().await?;
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::tests::data_dir;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_small_catalog_gives_a_figure_for_every_list_and_no_page_weighs_too_much() {
        let scratch = data_dir();
        let plan = GalleryPlan {
            images: vec![2_000],
            rate: 20,
            time: Duration::from_millis(400),
            writes: 20,
            pictures: None,
            scratch: scratch.path().to_owned(),
        };
        let report = run(&plan, &Settings::default(), CancellationToken::new()).await.unwrap();
        assert_eq!(report.lists.len(), LISTS.len());
        for measured in &report.lists {
            let is_page = measured.path != "/healthz";
            assert!(
                measured.page_bytes < 60_000 && (measured.page_bytes > 1_000 || !is_page),
                "{measured:?}"
            );
            for latency in [measured.idle, measured.scoring] {
                assert_eq!(latency.requests, 8, "warming up is not counted: {measured:?}");
                assert!(latency.p50_ms > 0.0 && latency.p99_ms >= latency.p50_ms, "{measured:?}");
            }
            assert!(measured.scored.written_per_second > 0.0, "{measured:?}");
        }
        assert!(report.to_string().contains("one per listing"));
    }
}
