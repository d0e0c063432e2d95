//! Stage 4: all SQL, one file per table. PostgreSQL and the image store are all that the roles share.
//!
//! Functions take the connection or transaction first, so that their caller decides what is one transaction; rows
//! become domain values by `TryFrom`. Queries are checked when the program is compiled, except those that
//! `rankings` puts together.

pub mod annotators;
pub mod answers_needed;
pub mod arrivals;
pub mod catalog;
pub mod components;
pub mod corrections;
pub mod doubtful;
pub mod events;
pub mod evidence;
pub mod exports;
pub mod generations;
pub mod guides;
pub mod human_pool;
pub mod idempotency;
pub mod image_page;
pub mod image_views;
pub mod images;
pub mod judgement_imports;
pub mod label_imports;
pub mod labelled;
pub mod labels;
pub mod ledger;
pub mod links;
pub mod model_change;
pub mod model_names;
pub mod model_versions;
pub mod models;
pub mod opening;
pub mod opinions;
pub mod predictions;
pub mod progress;
pub mod queue;
pub mod ranking;
pub mod rankings;
pub mod raters;
pub mod reservations;
pub mod results;
pub mod retired;
pub mod roots;
pub mod round_annotators;
pub mod round_images;
pub mod rounds;
pub mod said;
pub mod scorings;
pub mod secrets;
pub mod server;
pub mod sessions;
pub mod sightings;
pub mod skips;
pub mod summary;
pub mod thresholds;
pub mod tokens;
pub mod viewpoint;
pub mod votes;
pub mod whole;

/// Begins a transaction whose statements are planned once per connection, not for their values: for many small statements
/// by key, where planning costs more than running.
pub(crate) const BEGIN_BY_KEY: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan";

/// The same, and its commit does not wait for the disk: for what is simply done again when a crash of the server undoes it.
pub(crate) const BEGIN_BY_KEY_WITHOUT_WAIT: &str =
    "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL synchronous_commit = off";

/// Begins a transaction about one image that comes in or is scored. Its plans go by keys also where reading all of a table would do
/// as well when they are made, for they are kept while the tables grow. For statements that find every row by a key: the planner
/// takes any other for so dear that it does not weigh anything else.
pub(crate) const BEGIN_IMAGE: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

/// The same, and its commit does not wait for the disk.
pub(crate) const BEGIN_IMAGE_WITHOUT_WAIT: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; \
     SET LOCAL jit = off; SET LOCAL synchronous_commit = off";

/// The schema's migrations, in order. They run forwards when the service starts.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
