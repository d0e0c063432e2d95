//! `chronograde bench gallery`: how fast ranked pages come at 10,000, 100,000 and 1,000,000 images, idle and while images
//! are scored.
//!
//! The rows are synthetic, the rest is real: a private database, the real web server, somebody who is signed in, and
//! requests that come at their own times whether or not the former ones are answered.

mod client;
mod load;
mod report;
mod rows;
mod writes;

use std::{path::PathBuf, time::Duration};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::{client::Browser, load::Load};
pub use self::{load::Latency, report::GalleryReport};
use super::{BenchError, Machine, sandbox::Sandbox};
use crate::{
    clock::Clock,
    config::{Role, Settings},
    domain::{self, AnnotatorId},
    people::Passwords,
    startup::Application,
    store::annotators,
};

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
    /// Where the scratch folder is made.
    pub scratch: PathBuf,
}

/// What is asked for.
const LISTS: [(&str, &str); 7] = [
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
    /// While images are written at the plan's rate.
    pub scoring: Latency,
    /// Images per second that were written meanwhile.
    pub written_per_second: f64,
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
    let sandbox = Sandbox::open(settings, &plan.scratch).await?;
    let measured = tokio::select! {
        measured = Box::pin(measure(plan, &sandbox)) => measured,
        () = stop.cancelled() => Err(BenchError::Stopped),
    };
    sandbox.close().await?;
    Ok(GalleryReport::new(machine, plan, measured?))
}

async fn measure(plan: &GalleryPlan, sandbox: &Sandbox) -> Result<Vec<Measured>, BenchError> {
    let generation = rows::open(&sandbox.pool).await?;
    let mut sizes = plan.images.clone();
    sizes.sort_unstable();
    let mut measured = vec![];
    for images in sizes {
        rows::grow(&sandbox.pool, generation, images).await?;
        measured.extend(with_server(plan, sandbox, images).await?);
    }
    Ok(measured)
}

/// Starts the web server, asks for every list, and stops it.
async fn with_server(
    plan: &GalleryPlan,
    sandbox: &Sandbox,
    images: u32,
) -> Result<Vec<Measured>, BenchError> {
    let stop = CancellationToken::new();
    let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), ..Settings::clone(&sandbox.settings) };
    let application = Application::build(settings, &[Role::Web], Clock::System).await?;
    let address = application.address().ok_or(BenchError::Ended)?;
    let server = tokio::spawn(application.run(stop.clone()));
    let browser = sign_in(sandbox, Browser::new(address)).await?;
    let mut measured = vec![];
    for (list, path) in LISTS {
        let page_bytes = browser.connect().await?.get(path).await?;
        let load = Load { browser: browser.clone(), path, rate: plan.rate, time: plan.time };
        let idle = load.run().await?;
        let writing = writes::Writing::start(sandbox, plan.writes);
        let scoring = load.run().await?;
        let written_per_second = writing.stop().await?;
        measured.push(Measured { images, list, path, page_bytes, idle, scoring, written_per_second });
    }
    stop.cancel();
    server.await.map_err(|_| BenchError::Thread)??;
    Ok(measured)
}

/// A browser in which a manager is signed in.
async fn sign_in(sandbox: &Sandbox, browser: Browser) -> Result<Browser, BenchError> {
    const PASSWORD: &str = "measured, not guessed";
    let hash =
        Passwords::default().hash(PASSWORD).await.map_err(|error| BenchError::Page(error.to_string()))?;
    let mut conn = sandbox.pool.acquire().await?;
    let id = AnnotatorId::new(Clock::System.now());
    annotators::add(&mut conn, id, "bench", domain::Role::Manager, Some(&hash)).await?;
    browser.sign_in("bench", PASSWORD).await
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
            scratch: scratch.path().to_owned(),
        };
        let report = run(&plan, &Settings::default(), CancellationToken::new()).await.unwrap();
        assert_eq!(report.lists.len(), LISTS.len());
        for measured in &report.lists {
            assert!(measured.page_bytes > 1_000 && measured.page_bytes < 60_000, "{measured:?}");
            for latency in [measured.idle, measured.scoring] {
                assert_eq!(latency.requests, 8, "{measured:?}");
                assert!(latency.p50_ms > 0.0 && latency.p99_ms >= latency.p50_ms, "{measured:?}");
            }
            assert!(measured.written_per_second > 0.0, "{measured:?}");
        }
        assert!(report.to_string().contains("one per listing"));
    }
}
