//! The service as a test uses it: the real parts, moved by hand.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta};
use chronograde::{
    clock::Clock,
    config::Settings,
    domain::{ImageId, SightingId},
    ingest::Ingest,
    jobs,
    objects::Objects,
    pipeline::{Pipeline, Trouble},
    scorer::Scorer,
    serving::{self, Loaded, Refusals, ServingError},
    store::sightings,
};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use sqlx::{ConnectOptions, PgPool};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The jobs that score images.
pub const JOBS: &str = "graphile_worker.jobs WHERE task_identifier = 'score_image'";

/// The service on a database of its own, with an upload directory of its own.
pub struct TestApp {
    pub pool: PgPool,
    pub settings: Arc<Settings>,
    pub objects: Objects,
    clock: Clock,
    ingest: Ingest,
    data: TempDir,
}

impl TestApp {
    /// With the models that the project ships.
    pub async fn new(pool: PgPool) -> Self {
        Self::with_settings(pool, |settings| settings).await
    }

    pub async fn with_models(pool: PgPool, models: PathBuf) -> Self {
        Self::with_settings(pool, |settings| Settings { models, ..settings }).await
    }

    pub async fn with_settings(pool: PgPool, change: impl FnOnce(Settings) -> Settings) -> Self {
        jobs::migrate(&pool).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let models = repository().join("models");
        let settings = change(Settings { data_dir: data.path().to_owned(), models, ..Settings::default() });
        fs::create_dir(settings.upload_dir()).unwrap();
        let objects = Objects::local(&settings.store_dir()).unwrap();
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let ingest = Ingest::new(pool.clone(), objects.clone(), &settings, clock.clone()).unwrap();
        Self { pool, settings: Arc::new(settings), objects, clock, ingest, data }
    }

    /// Puts a file into the upload directory.
    pub fn drop_file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.upload(name), bytes).unwrap();
    }

    pub fn upload(&self, name: &str) -> PathBuf {
        self.settings.upload_dir().join(name)
    }

    /// Looks at the upload directory until what lies there has settled and was read.
    pub async fn look(&mut self) {
        for _ in 0..3 {
            self.look_once().await;
        }
    }

    /// Looks at the upload directory; two seconds pass.
    pub async fn look_once(&mut self) {
        self.ingest.sweep().await.unwrap();
        self.clock.advance(TimeDelta::seconds(2));
    }

    /// Runs the ingestion as the service does, with the machine's clock, once its first sweep is done.
    pub async fn watch(&self) -> Watching {
        let ingest =
            Ingest::new(self.pool.clone(), self.objects.clone(), &self.settings, Clock::System).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(ingest.run(stop.clone()));
        self.wait_for("roots WHERE last_sweep_at IS NOT NULL", 1).await;
        Watching { stop, running }
    }

    /// Why a file could not be taken.
    pub async fn reason(&self, file: &str) -> String {
        sqlx::query_scalar("SELECT reason FROM sightings WHERE path_text = $1 AND superseded_at IS NULL")
            .bind(file)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// The current sighting of a file.
    async fn sighting(&self, file: &str) -> SightingId {
        sqlx::query_scalar("SELECT id FROM sightings WHERE path_text = $1 AND superseded_at IS NULL")
            .bind(file)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Presses the button that tries a file again.
    pub async fn retry(&self, file: &str) {
        let id = self.sighting(file).await;
        assert!(sightings::retry(&mut self.pool.acquire().await.unwrap(), id).await.unwrap());
    }

    /// Sets a file aside by hand.
    pub async fn ignore(&self, file: &str) {
        let id = self.sighting(file).await;
        assert!(sightings::ignore(&mut self.pool.acquire().await.unwrap(), id).await.unwrap());
    }

    /// Runs `chronograde ingest` on a folder, and answers what it printed.
    pub fn ingest_once(&self, folder: &Path) -> Output {
        Command::new(env!("CARGO_BIN_EXE_chronograde"))
            .arg("ingest")
            .arg(folder)
            .env("DATABASE_URL", self.pool.connect_options().to_url_lossy().as_str())
            .env("CHRONOGRADE_DATA_DIR", self.data.path())
            .env("CHRONOGRADE_MINIMUM_AGE_MS", "50")
            .output()
            .unwrap()
    }

    /// A pipeline with the models loaded, as the scoring role has it.
    pub async fn pipeline(&self) -> Result<Pipeline, ServingError> {
        let scorer = Scorer {
            pool: self.pool.clone(),
            objects: self.objects.clone(),
            decoders: self.settings.decoders(),
            settings: Arc::clone(&self.settings),
        };
        let models = serving::load(&self.pool, &self.settings, &[]).await?.models;
        Ok(scorer.pipeline(models, Trouble::default()))
    }

    /// What the scoring role finds when it loads its models.
    pub async fn loaded(&self) -> Loaded {
        serving::load(&self.pool, &self.settings, &[]).await.unwrap()
    }

    /// Why models do not run: those whose scores the pages show, and the others about which somebody has to decide.
    pub async fn refusals(&self) -> (Vec<String>, Vec<String>) {
        let loaded = self.loaded().await;
        let Refusals { urgent, lesser } = loaded.refusals(&self.pool).await.unwrap();
        let told = |errors: Vec<&ServingError>| errors.into_iter().map(ToString::to_string).collect();
        (told(urgent), told(lesser))
    }

    /// The images that wait for a model.
    pub async fn waiting(&self) -> Vec<ImageId> {
        let waiting = "SELECT DISTINCT image_id FROM scorings WHERE state = 'pending'";
        sqlx::query_scalar(waiting).fetch_all(&self.pool).await.unwrap()
    }

    /// Runs the queue until it has nothing to do.
    pub async fn score(&self) {
        let pipeline = self.pipeline().await.unwrap();
        jobs::reconcile(&self.pool, &pipeline.model_ids()).await.unwrap();
        let stop = CancellationToken::new();
        let worker = jobs::worker(pipeline, &self.settings, stop.clone()).await.unwrap();
        let running = tokio::spawn(async move { worker.run().await });
        self.wait_until_empty("scorings WHERE state = 'pending'").await;
        self.wait_until_empty(JOBS).await;
        stop.cancel();
        running.await.unwrap().unwrap();
    }

    /// How many current sightings are in each state.
    pub async fn ledger(&self) -> BTreeMap<String, i64> {
        let states: Vec<(String, i64)> = sqlx::query_as(
            "SELECT state, count(*) FROM sightings WHERE superseded_at IS NULL GROUP BY state",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        states.into_iter().collect()
    }

    /// The names in the catalog, best quality first.
    pub async fn ranking(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT filename FROM catalog JOIN active_generation USING (generation_id)
             WHERE quality_mean IS NOT NULL AND watch_confidence IS NOT NULL ORDER BY quality_mean DESC, image_id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// The watch confidence of each file, as the pages show it.
    pub async fn confidences(&self) -> BTreeMap<String, f64> {
        let rows: Vec<(String, f64)> = sqlx::query_as(
            "SELECT filename, watch_confidence FROM catalog JOIN active_generation USING (generation_id)
             WHERE watch_confidence IS NOT NULL",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        rows.into_iter().collect()
    }

    /// Has the program activate a model: whether it serves at once, and how many images wait for it.
    pub fn activate(&self, name: &str) -> (bool, u64) {
        let line = self.says(&["--json", "models", "activate", name]);
        (line["serves"].as_bool().unwrap(), line["waiting"].as_u64().unwrap())
    }

    /// Has the program do something, and answers the line that it prints.
    pub fn says(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.program(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The same, of a command that answers with a line for each of several things.
    pub fn lines(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let output = self.program(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Has the program do something that it refuses, and answers why.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.program(arguments).output().unwrap();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub async fn count(&self, what: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// No job is left, neither waiting nor failed for good.
    pub async fn assert_queue_is_empty(&self) {
        assert_eq!(self.count(JOBS).await, 0);
        assert_eq!(self.count("scorings WHERE state = 'pending'").await, 0);
    }

    /// Scores, and finds the queue empty.
    pub async fn assert_queue_is_empty_after_scoring(&self) {
        self.score().await;
        self.assert_queue_is_empty().await;
    }

    /// Starts the program itself, in the scoring role, on this database.
    pub fn start_scorer(&self) -> Serving {
        self.start("score")
    }

    /// Starts the program itself, in these roles, on this database.
    pub fn start(&self, roles: &str) -> Serving {
        let serve = ["serve", "--roles", roles, "--listen", "127.0.0.1:0"];
        Serving(self.program(&serve).stderr(Stdio::inherit()).spawn().unwrap())
    }

    /// The program on this database, with these models.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_chronograde"));
        program
            .args(arguments)
            .env("DATABASE_URL", self.pool.connect_options().to_url_lossy().as_str())
            .env("CHRONOGRADE_DATA_DIR", self.data.path())
            .env("CHRONOGRADE_MODELS", &self.settings.models)
            .env("CHRONOGRADE_WORKER_HEARTBEAT_MS", "200")
            .env("CHRONOGRADE_WORKER_DEAD_AFTER_MS", "1000")
            .env("CHRONOGRADE_DATABASE_CONNECTIONS", "10")
            .current_dir(repository());
        program
    }

    /// Waits until `what` counts at least `least` rows; gives up, loudly, after a minute and a half without news.
    pub async fn wait_for(&self, what: &str, least: i64) {
        let (mut there, mut last_news) = (self.count(what).await, Instant::now());
        while there < least {
            assert!(last_news.elapsed() < Duration::from_secs(90), "waited in vain for {least} {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            let now = self.count(what).await;
            if now != there {
                (there, last_news) = (now, Instant::now());
            }
        }
    }

    /// Waits until no row is left.
    pub async fn wait_until_empty(&self, what: &str) {
        let started = Instant::now();
        while self.count(what).await > 0 {
            assert!(started.elapsed() < Duration::from_secs(30), "there are still {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An ingestion that runs.
pub struct Watching {
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Watching {
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

/// A process that serves; killed when it is dropped.
pub struct Serving(Child);

impl Serving {
    /// What it holds in memory, files that are mapped included.
    pub fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// As a service manager does it.
    pub fn stop(mut self) {
        let process = Pid::from_raw(self.0.id().try_into().unwrap());
        signal::kill(process, Signal::SIGTERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }

    /// As `kill -9` does it: nothing is tidied up.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Fails only if it ended by itself already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
