//! A scratch folder with a private database of its own.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use sqlx::PgPool;
use tempfile::TempDir;

use super::BenchError;
use crate::{
    cluster::{Database, Durability},
    config::{IngestMode, Settings},
    objects::Objects,
    startup,
};

/// How often, and how long after each other, the cluster is tried to be removed while a service still leaves it.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(100);

/// A scratch folder with a private database, as durable as the service's.
pub(super) struct Sandbox {
    pub(super) pool: PgPool,
    pub(super) objects: Objects,
    /// The service's settings, moved into the scratch folder.
    pub(super) settings: Arc<Settings>,
    database: Database,
    dir: TempDir,
}

impl Sandbox {
    /// A fresh folder in `scratch`. Of `settings`, everything holds that decides speed.
    pub(super) async fn open(settings: &Settings, scratch: &Path) -> Result<Self, BenchError> {
        // The database server may run under another user, who must be able to enter.
        let dir = tempfile::Builder::new()
            .prefix("chronograde-bench-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(scratch)
            .map_err(BenchError::file(scratch))?;
        let settings = Settings {
            data_dir: dir.path().to_owned(),
            upload_dir: None,
            database_url: None,
            ingest_mode: IngestMode::Reference,
            ..settings.clone()
        };
        let database = Database::private(dir.path(), Durability::Full).await?;
        let pool = startup::connect(&database, &settings).await?;
        startup::migrate(&pool).await?;
        let objects = Objects::local(&settings.store_dir())?;
        Ok(Self { pool, objects, settings: Arc::new(settings), database, dir })
    }

    /// A new folder in the scratch folder.
    pub(super) fn folder(&self, name: &str) -> Result<std::path::PathBuf, BenchError> {
        let folder = self.dir.path().join(name);
        fs::create_dir_all(&folder).map_err(BenchError::file(&folder))?;
        Ok(folder)
    }

    /// A pool of its own with one connection only, so that all work falls to one process of the server.
    pub(super) async fn single(&self) -> Result<PgPool, BenchError> {
        let settings = Settings { database_connections: 1, ..Settings::clone(&self.settings) };
        Ok(startup::connect(&self.database, &settings).await?)
    }

    /// Stops the server and removes everything.
    pub(super) async fn close(self) -> Result<(), BenchError> {
        self.pool.close().await;
        self.database.close().await?;
        let path = self.dir.keep();
        for _ in 0..TRIES {
            // A service that still leaves may write its last lines while its folder is being removed.
            if Database::discard(&path).await? && fs::remove_dir_all(&path).is_ok() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        fs::remove_dir_all(&path).map_err(BenchError::file(&path))
    }
}
