//! A catalog on disk with a private database, and the program run on it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use chronograde::{
    clock::Clock,
    cluster::{Database, Durability},
    config::Settings,
    ingest::Ingest,
    objects::Objects,
};
use sqlx::{ConnectOptions, PgPool, postgres::PgConnectOptions};
use tempfile::TempDir;

/// A data directory with a private database that is up while this value lives.
pub struct Catalog {
    data: TempDir,
    database: Database,
}

impl Catalog {
    /// An empty one.
    pub async fn empty() -> Self {
        // The server may run under another user, who must be able to enter.
        let data = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let database = Database::private(data.path(), Durability::ThrowAway).await.unwrap();
        Self { data, database }
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// What the program runs with, but for the age that files are to have.
    fn settings(&self) -> Settings {
        Settings {
            data_dir: self.data_dir().canonicalize().unwrap(),
            minimum_age_ms: 0,
            ..Settings::default()
        }
    }

    /// Draws a picture of each shade under its name into the upload directory.
    pub fn draw(&self, pictures: &[(u8, &[u8])]) {
        let upload = self.settings().upload_dir();
        fs::create_dir(&upload).unwrap();
        for (shade, name) in pictures {
            let picture = image::RgbImage::from_pixel(40, 30, image::Rgb([*shade, 120, 60]));
            let path = upload.join(OsStr::from_bytes(name));
            picture.save_with_format(path, image::ImageFormat::Png).unwrap();
        }
    }

    /// Takes in what lies in the upload directory, until there are `images`.
    pub async fn sweep(&self, pool: &PgPool, images: i64) -> Objects {
        let settings = self.settings();
        let objects = Objects::local(&settings.store_dir()).unwrap();
        let mut ingest = Ingest::new(pool.clone(), objects.clone(), &settings, Clock::System).unwrap();
        while sqlx::query_scalar::<_, i64>("SELECT count(*) FROM images").fetch_one(pool).await.unwrap()
            < images
        {
            ingest.sweep().await.unwrap();
        }
        objects
    }

    /// Runs the program on it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_chronograde"))
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_dir())
            .arg("--models")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/models"))
            .env_remove("DATABASE_URL")
            .env("CHRONOGRADE_MINIMUM_AGE_MS", "50")
            .output()
            .unwrap()
    }

    /// Runs the program, which succeeds, and gives what it prints.
    pub fn runs(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = said(&output);
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        out
    }

    /// Runs the program, which fails, and gives what it says.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = said(&output);
        assert!(!output.status.success(), "{arguments:?} succeeded: {out}");
        err
    }

    /// How to connect to its database.
    pub fn options(&self) -> PgConnectOptions {
        self.database.connect_options().unwrap()
    }

    /// Of each table, how many rows it has and a hash of all of them.
    pub async fn contents(&self) -> BTreeMap<String, (i64, String)> {
        let mut conn = self.options().connect().await.unwrap();
        let tables: Vec<(String, String)> = sqlx::query_as(
            "SELECT schemaname || '.' || tablename,
                    format('SELECT count(*), md5(coalesce(string_agg(md5(t::text), '','' ORDER BY md5(t::text)), ''''))
                            FROM ONLY %I.%I t', schemaname, tablename)
             FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker')",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap();
        let mut contents = BTreeMap::new();
        for (name, query) in tables {
            let row = sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_one(&mut conn).await.unwrap();
            contents.insert(name, row);
        }
        contents
    }

    /// The files below a folder of the data directory, with their bytes.
    pub fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let folder = self.data_dir().join(folder);
        let entries = walkdir::WalkDir::new(&folder).into_iter().filter_map(Result::ok);
        let files = entries.filter(|entry| entry.file_type().is_file());
        files
            .map(|entry| {
                let inside = entry.path().strip_prefix(&folder).unwrap().to_owned();
                (inside, fs::read(entry.path()).unwrap())
            })
            .collect()
    }

    /// Closes the database.
    pub async fn close(self) {
        self.database.close().await.unwrap();
    }
}

fn said(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}
