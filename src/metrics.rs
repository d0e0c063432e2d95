//! What the service tells of itself at `/metrics`: every metric is named and described here.
//!
//! Counters and histograms are of this process; what the database knows is asked for when it is told.

use std::sync::{Mutex, OnceLock, PoisonError};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use crate::{
    pipeline::Outcome,
    store::{ledger::Ledger, queue::Queue},
};

const REQUESTS: &str = "chronograde_http_requests_total";
const REQUEST_SECONDS: &str = "chronograde_http_request_seconds";
const IMAGES: &str = "chronograde_images_processed_total";
const IMAGE_SECONDS: &str = "chronograde_image_seconds";
const SWEEP_CPU_SECONDS: &str = "chronograde_sweep_cpu_seconds";
const PATHS: &str = "chronograde_ledger_paths";
const CATALOG: &str = "chronograde_catalog_images";
const JOBS: &str = "chronograde_jobs";
const CONNECTIONS: &str = "chronograde_database_connections";
const VERSION: &str = "chronograde_build_info";

/// Bounds of the histograms, in seconds: from a page out of memory to a picture on a busy machine.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to count in this process; a second call changes nothing.
///
/// # Errors
/// Never, in practice: the bounds are fixed, and nothing else records.
pub fn install() -> Result<(), BuildError> {
    // Two that begin at the same moment must not both find that nobody has.
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if HANDLE.get().is_none() {
        let handle = PrometheusBuilder::new().set_buckets(&SECONDS)?.install_recorder()?;
        if HANDLE.set(handle).is_ok() {
            describe();
        }
    }
    Ok(())
}

fn describe() {
    describe_counter!(REQUESTS, "Requests answered, by route and status.");
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "From a request to the head of its answer, by route."
    );
    describe_counter!(IMAGES, "Images taken through the pipeline, by what came of it.");
    describe_histogram!(IMAGE_SECONDS, Unit::Seconds, "From an image's bytes to its rows.");
    describe_histogram!(SWEEP_CPU_SECONDS, Unit::Seconds, "CPU time of a sweep of the upload directory.");
    describe_gauge!(PATHS, "Paths of the ledger, by state.");
    describe_gauge!(CATALOG, "Images, by how far scoring is: scored, pending, unscorable.");
    describe_gauge!(JOBS, "Jobs in the queue, by state: waiting, running, failed.");
    describe_gauge!(CONNECTIONS, "Connections of this process to the database: open, idle.");
    describe_gauge!(VERSION, "Always 1; the label is the version.");
    gauge!(VERSION, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// A request was answered.
pub fn request(route: String, status: u16, seconds: f64) {
    histogram!(REQUEST_SECONDS, "route" => route.clone()).record(seconds);
    counter!(REQUESTS, "route" => route, "status" => status.to_string()).increment(1);
}

/// An image went through the pipeline; none when another try is needed.
pub fn image(outcome: Option<Outcome>, seconds: f64) {
    let outcome = match outcome {
        Some(Outcome::Scored) => "scored",
        Some(Outcome::NothingToDo) => "nothing_to_do",
        Some(Outcome::Rejected) => "rejected",
        Some(Outcome::GivenUp) => "given_up",
        Some(Outcome::Missing) => "missing",
        None => "to_be_tried_again",
    };
    counter!(IMAGES, "outcome" => outcome).increment(1);
    histogram!(IMAGE_SECONDS).record(seconds);
}

/// The upload directory was listed in full.
pub fn sweep(cpu_seconds: f64) {
    histogram!(SWEEP_CPU_SECONDS).record(cpu_seconds);
}

/// What the database and its pool know at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The ledger's totals.
    pub ledger: Ledger,
    /// The jobs.
    pub queue: Queue,
    /// Open connections, and how many of them are idle.
    pub connections: (u32, u32),
}

/// Everything, in Prometheus's text format; none before [`install`].
pub fn render(moment: &Moment) -> Option<String> {
    let Ledger { settling, imported, duplicate, failed, ignored, missing, .. } = moment.ledger;
    let paths = [
        ("settling", settling),
        ("imported", imported),
        ("duplicate", duplicate),
        ("failed", failed),
        ("ignored", ignored),
        ("missing", missing),
    ];
    for (state, count) in paths {
        gauge!(PATHS, "state" => state).set(number(count));
    }
    let Ledger { scored, pending, unscorable, .. } = moment.ledger;
    for (state, count) in [("scored", scored), ("pending", pending), ("unscorable", unscorable)] {
        gauge!(CATALOG, "state" => state).set(number(count));
    }
    let Queue { waiting, running, failed } = moment.queue;
    for (state, count) in [("waiting", waiting), ("running", running), ("failed", failed)] {
        gauge!(JOBS, "state" => state).set(number(count));
    }
    let (open, idle) = moment.connections;
    gauge!(CONNECTIONS, "state" => "open").set(f64::from(open));
    gauge!(CONNECTIONS, "state" => "idle").set(f64::from(idle));
    HANDLE.get().map(PrometheusHandle::render)
}

#[expect(clippy::cast_precision_loss, reason = "counts, far below 2^53")]
const fn number(count: i64) -> f64 {
    count as f64
}
