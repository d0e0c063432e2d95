//! A sweep over many files none of which changed.

use std::{
    fs::{self, File},
    path::Path,
    time::Instant,
};

use serde::Serialize;
use sqlx::PgPool;

use super::{
    BenchError,
    figures::{median, share_of_a_core},
    machine::{cpu_seconds, cpu_seconds_of},
    progress,
    sandbox::Sandbox,
};
use crate::{
    clock::Clock,
    config::Settings,
    ingest::{
        Ingest,
        diff::Entry,
        tree::{self, Ignored},
    },
};

/// Files in one folder, as people and cameras make them.
const IN_A_FOLDER: usize = 1_000;
/// Sweeps, of which the median counts.
const SWEEPS: usize = 5;

/// What a sweep over unchanged files takes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sweep {
    /// Files that lie there; each has its row in the ledger and its image.
    pub files: usize,
    /// How long a sweep takes.
    pub seconds: f64,
    /// CPU time of the service that it takes.
    pub cpu_seconds: f64,
    /// CPU time of the database that it takes, if the kernel tells.
    pub database_cpu_seconds: Option<f64>,
    /// How long the service rests after it.
    pub rest_seconds: f64,
    /// The share of one core that sweeping takes on average, the database's included.
    pub share_of_a_core: f64,
}

/// Makes `files` empty files with their rows, and sweeps.
pub(super) async fn measure(sandbox: &Sandbox, files: usize) -> Result<Sweep, BenchError> {
    let upload = sandbox.folder("sweep")?;
    let settings = Settings { upload_dir: Some(upload.clone()), ..Settings::clone(&sandbox.settings) };
    let pool = sandbox.single().await?;
    let root = upload.canonicalize().map_err(BenchError::file(&upload))?;
    let made = tokio::task::spawn_blocking(move || make(&root, files).map(|()| root));
    let root = made.await.map_err(|_| BenchError::Thread)??;
    enter(&pool, &root).await?;
    let backend = sqlx::query_scalar!(r#"SELECT pg_backend_pid() AS "pid!""#).fetch_one(&pool).await?;
    let mut ingest = Ingest::new(pool.clone(), sandbox.objects.clone(), &settings, Clock::System)?;
    let mut sweeps = Vec::with_capacity(SWEEPS);
    let bar = progress::bar("sweeps", SWEEPS);
    for number in 0..SWEEPS {
        bar.at(number);
        sweeps.push(sweep(&mut ingest, &settings, backend).await?);
    }
    pool.close().await;
    Ok(summarise(files, &sweeps))
}

/// One sweep: wall time, CPU time of this process and of the database's, and the rest after it, in seconds.
struct One {
    wall: f64,
    cpu: f64,
    database_cpu: Option<f64>,
    rest: f64,
}

async fn sweep(ingest: &mut Ingest, settings: &Settings, backend: i32) -> Result<One, BenchError> {
    let (before, database_before, started) = (cpu_seconds(), cpu_seconds_of(backend), Instant::now());
    let looked = ingest.sweep().await?;
    let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - before);
    let database_cpu = cpu_seconds_of(backend).zip(database_before).map(|(after, before)| after - before);
    if looked.noticed + looked.imported > 0 {
        return Err(BenchError::Taken(format!("a sweep over unchanged files found {looked:?}")));
    }
    let rest = looked.rest(std::time::Duration::from_millis(settings.sweep_interval_ms));
    Ok(One { wall, cpu, database_cpu, rest: rest.as_secs_f64() })
}

/// The median of each figure by itself.
fn summarise(files: usize, sweeps: &[One]) -> Sweep {
    let middle = |figure: &dyn Fn(&One) -> f64| {
        median(&sweeps.iter().map(figure).collect::<Vec<_>>()).unwrap_or_default()
    };
    let (seconds, cpu, rest) = (middle(&|one| one.wall), middle(&|one| one.cpu), middle(&|one| one.rest));
    let database: Option<Vec<f64>> = sweeps.iter().map(|one| one.database_cpu).collect();
    let database_cpu_seconds = database.and_then(|seconds| median(&seconds));
    let all_cpu = cpu + database_cpu_seconds.unwrap_or(0.0);
    Sweep {
        files,
        seconds,
        cpu_seconds: cpu,
        database_cpu_seconds,
        rest_seconds: rest,
        share_of_a_core: share_of_a_core(all_cpu, seconds, rest),
    }
}

/// Empty files: a sweep looks at names and stamps, and opens none that is unchanged.
fn make(root: &Path, files: usize) -> Result<(), BenchError> {
    let bar = progress::bar("files to sweep", files);
    for number in 0..files {
        let folder = root.join(format!("folder-{:05}", number / IN_A_FOLDER));
        if number % IN_A_FOLDER == 0 {
            bar.at(number);
            fs::create_dir(&folder).map_err(BenchError::file(&folder))?;
        }
        let file = folder.join(format!("picture-{number:07}.jpg"));
        File::create(&file).map_err(BenchError::file(&file))?;
    }
    Ok(())
}

/// Writes a row, with an image, for every file, as if all had been imported.
async fn enter(pool: &PgPool, root: &Path) -> Result<(), BenchError> {
    let ignored = Ignored::new("").map_err(crate::ingest::IngestError::from)?;
    let tree = tree::list(root, &ignored).map_err(BenchError::file(root))?;
    let (mut paths, mut mtimes, mut ctimes) = (vec![], vec![], vec![]);
    for (path, entry) in tree.entries {
        if let Entry::File(stamp) = entry {
            paths.push(path);
            mtimes.push(stamp.mtime_ns);
            ctimes.push(stamp.ctime_ns);
        }
    }
    sqlx::query!(
        "WITH files AS (
             SELECT gen_random_uuid() AS image, sha256(path) AS hash, path, mtime_ns, ctime_ns
             FROM unnest($2::bytea[], $3::bigint[], $4::bigint[]) AS f (path, mtime_ns, ctime_ns)
         ), made AS (
             INSERT INTO images (id, sha256, bytes, format, width, height, audit)
             SELECT image, hash, 1, 'jpeg', 1, 1, FALSE FROM files
         )
         INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, sha256, image_id, state)
         SELECT $1, path, convert_from(path, 'UTF8'), 0, mtime_ns, ctime_ns, hash, image, 'imported' FROM files",
        &root.to_string_lossy(),
        &paths,
        &mtimes,
        &ctimes,
    )
    .execute(pool)
    .await?;
    // What the server does by itself a minute after such a load.
    sqlx::query!("ANALYZE sightings, images").execute(pool).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_the_median_of_the_sweeps_and_the_database_counts() {
        let one = |wall, cpu| One { wall, cpu, database_cpu: Some(0.5), rest: 18.0 };
        let sweep = summarise(10, &[one(2.0, 0.5), one(9.0, 0.4), one(1.0, 3.0)]);
        assert_eq!((sweep.files, sweep.seconds, sweep.cpu_seconds), (10, 2.0, 0.5));
        assert_eq!((sweep.database_cpu_seconds, sweep.share_of_a_core), (Some(0.5), 0.05));
    }
}
