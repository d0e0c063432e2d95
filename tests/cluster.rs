//! The private cluster with real servers: shared, killed, adopted, refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use chronograde::cluster::{ClusterError, Database, Durability};
use futures_util::future::{join_all, try_join_all};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid, getpgid, getpgrp},
};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

/// A data directory that the server's user can enter, as `mkdir` makes it.
fn data_dir() -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap()
}

async fn open(data_dir: &TempDir) -> Result<Database, ClusterError> {
    Database::private(data_dir.path(), Durability::ThrowAway).await
}

async fn connect(database: &Database) -> PgConnection {
    database.connect_options().unwrap().connect().await.unwrap()
}

fn pgdata(data_dir: &TempDir) -> PathBuf {
    data_dir.path().join("postgres/pgdata")
}

/// The server's process number as it is recorded; a server that was stopped properly leaves none.
fn postmaster(data_dir: &TempDir) -> Option<Pid> {
    let text = fs::read_to_string(pgdata(data_dir).join("postmaster.pid")).ok()?;
    Some(Pid::from_raw(text.lines().next().unwrap().parse().unwrap()))
}

async fn write_a_row(database: &Database) {
    let mut connection = connect(database).await;
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

async fn read_the_row(database: &Database) -> i32 {
    let mut connection = connect(database).await;
    let n = sqlx::query_scalar("SELECT n FROM kept").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    n
}

/// `chronograde database run -- sh -c 'echo …; cat'`: another process that uses the database until it is told
/// to end by closing its standard input.
struct OtherProcess {
    child: Child,
    url: String,
}

impl OtherProcess {
    fn start(mut program: Command, data_dir: &TempDir) -> Self {
        let mut child = program
            .env_remove("DATABASE_URL")
            .arg("--data-dir")
            .arg(data_dir.path())
            .args(["database", "run", "--", "sh", "-c", "echo $DATABASE_URL; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

fn chronograde() -> Command {
    Command::new(env!("CARGO_BIN_EXE_chronograde"))
}

#[tokio::test]
async fn the_first_one_in_starts_the_server_and_the_last_one_out_stops_it() {
    let dir = data_dir();
    let first = open(&dir).await.unwrap();
    let second = open(&dir).await.unwrap();
    assert_eq!(first.url(), second.url());
    write_a_row(&first).await;

    first.close().await.unwrap();
    assert_eq!(read_the_row(&second).await, 42);
    assert!(postmaster(&dir).is_some());
    second.close().await.unwrap();
    assert_eq!(postmaster(&dir), None);

    let again = open(&dir).await.unwrap();
    assert_eq!(read_the_row(&again).await, 42);
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_only_dropped_stops_its_server_too() {
    let dir = data_dir();
    drop(open(&dir).await.unwrap());
    assert_eq!(postmaster(&dir), None);
}

#[tokio::test]
async fn closing_ends_connections_that_are_still_open() {
    let dir = data_dir();
    let database = open(&dir).await.unwrap();
    let mut connection = connect(&database).await;
    database.close().await.unwrap();
    assert!(connection.ping().await.is_err());
}

#[tokio::test]
async fn another_process_uses_the_same_server() {
    let dir = data_dir();
    let database = open(&dir).await.unwrap();
    let server = postmaster(&dir);

    let other = OtherProcess::start(chronograde(), &dir);
    assert_eq!(other.url, database.url());
    assert_eq!(postmaster(&dir), server);
    other.end();
    assert_eq!(postmaster(&dir), server, "it is still used here");

    let other = OtherProcess::start(chronograde(), &dir);
    database.close().await.unwrap();
    assert_eq!(postmaster(&dir), server, "it is still used there");
    other.end();
    assert_eq!(postmaster(&dir), None);
}

#[tokio::test]
async fn the_server_of_a_killed_process_is_adopted() {
    let dir = data_dir();
    let mut other = OtherProcess::start(chronograde(), &dir);
    let server = postmaster(&dir);
    other.child.kill().unwrap();
    other.child.wait().unwrap();

    let database = open(&dir).await.unwrap();
    assert_eq!(postmaster(&dir), server);
    database.close().await.unwrap();
    assert_eq!(postmaster(&dir), None);
}

#[tokio::test]
async fn a_cluster_is_discarded_with_its_server_once_nobody_uses_it() {
    let dir = data_dir();
    let mut other = OtherProcess::start(chronograde(), &dir);
    assert!(!Database::discard(dir.path()).await.unwrap());
    assert!(postmaster(&dir).is_some());
    let server = postmaster(&dir).unwrap();
    other.child.kill().unwrap();
    other.child.wait().unwrap();
    assert!(Database::discard(dir.path()).await.unwrap());
    assert!(!dir.path().join("postgres").exists());
    assert!(fs::read(format!("/proc/{server}/cmdline")).unwrap_or_default().is_empty(), "a zombie at most");
}

#[tokio::test]
async fn a_killed_server_is_started_again_with_everything_that_was_in_it() {
    let dir = data_dir();
    let first = Database::open(None, dir.path()).await.unwrap();
    write_a_row(&first).await;
    let killed = postmaster(&dir).unwrap();
    kill(killed, Signal::SIGKILL).unwrap();

    let second = open(&dir).await.unwrap();
    assert_ne!(postmaster(&dir), Some(killed));
    assert_eq!(read_the_row(&second).await, 42);
    assert_eq!(read_the_row(&first).await, 42);
    second.close().await.unwrap();
    first.close().await.unwrap();
    assert_eq!(postmaster(&dir), None);
}

#[tokio::test]
async fn a_server_that_is_killed_under_its_user_comes_back_by_itself() {
    let dir = data_dir();
    let database = open(&dir).await.unwrap();
    let killed = postmaster(&dir).unwrap();
    kill(killed, Signal::SIGKILL).unwrap();
    let options = database.connect_options().unwrap();
    let back = async {
        while options.connect().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), back).await.unwrap();
    assert_ne!(postmaster(&dir), Some(killed));
    database.close().await.unwrap();
    assert_eq!(postmaster(&dir), None);
}

#[tokio::test]
async fn a_process_that_got_the_number_of_a_killed_server_is_left_alone() {
    let dir = data_dir();
    let mut other = OtherProcess::start(chronograde(), &dir);
    other.child.kill().unwrap();
    other.child.wait().unwrap();
    kill(postmaster(&dir).unwrap(), Signal::SIGKILL).unwrap();
    let owner = fs::metadata(pgdata(&dir)).unwrap();
    let mut bystander =
        Command::new("cat").uid(owner.uid()).gid(owner.gid()).stdin(Stdio::piped()).spawn().unwrap();
    let file = pgdata(&dir).join("postmaster.pid");
    let text = fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&file, format!("{}\n{rest}", bystander.id())).unwrap();

    open(&dir).await.unwrap().close().await.unwrap();
    assert_eq!(bystander.try_wait().unwrap(), None, "it still runs");
    drop(bystander.stdin.take());
    assert!(bystander.wait().unwrap().success());
}

#[tokio::test]
async fn a_directory_with_an_awkward_and_very_long_name_will_do() {
    let parent = data_dir();
    let dir = parent.path().join(r"it's a \ näme, 100 %").join("x".repeat(150));
    let database = Database::private(&dir, Durability::ThrowAway).await.unwrap();
    connect(&database).await.ping().await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let dir = data_dir();
    let half = dir.path().join("postgres/pgdata.new");
    fs::create_dir_all(half.join("base")).unwrap();
    fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    open(&dir).await.unwrap().close().await.unwrap();
    assert!(!half.exists());
}

#[tokio::test]
async fn many_at_once_make_one_cluster_and_none_is_stopped_under_another() {
    let dir = data_dir();
    let all = try_join_all((0..4).map(|_| open(&dir))).await.unwrap();
    assert!(all.iter().all(|database| database.url() == all[0].url()));
    for closed in join_all(all.into_iter().map(Database::close)).await {
        closed.unwrap();
    }
    assert_eq!(postmaster(&dir), None);

    let coming_and_going = (0..4).map(|_| async {
        for _ in 0..3 {
            let database = open(&dir).await.unwrap();
            connect(&database).await.ping().await.unwrap();
            database.close().await.unwrap();
        }
    });
    join_all(coming_and_going).await;
    assert_eq!(postmaster(&dir), None);
}

#[tokio::test]
async fn a_cluster_of_another_version_is_refused_and_left_as_it_is() {
    let dir = data_dir();
    open(&dir).await.unwrap().close().await.unwrap();
    let version = pgdata(&dir).join("PG_VERSION");
    let made_by = fs::read_to_string(&version).unwrap();
    fs::write(&version, "999\n").unwrap();
    let message = open(&dir).await.unwrap_err().to_string();
    assert!(
        message.contains("PostgreSQL 999") && message.contains("apt-get install postgresql-999"),
        "{message}"
    );
    fs::write(&version, made_by).unwrap();
    open(&dir).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let dir = data_dir();
    open(&dir).await.unwrap().close().await.unwrap();
    fs::write(pgdata(&dir).join("postgresql.auto.conf"), "shared_buffers = 'plenty'\n").unwrap();
    let message = open(&dir).await.unwrap_err().to_string();
    assert!(message.contains("shared_buffers"), "{message}");
}

#[tokio::test]
async fn the_server_is_private_durable_and_out_of_reach_of_ctrl_c() {
    let dir = data_dir();
    let database = Database::open(None, dir.path()).await.unwrap();
    let mut connection = connect(&database).await;
    for (setting, expected) in [
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
    ] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(value, expected, "{setting}");
    }
    let sorted: Vec<String> = sqlx::query_scalar("SELECT unnest(ARRAY['é', 'b', 'B']) AS word ORDER BY word")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(sorted, ["B", "b", "é"], "by bytes, the same on every machine");
    let sockets: String =
        sqlx::query_scalar("SHOW unix_socket_directories").fetch_one(&mut connection).await.unwrap();
    assert_eq!(fs::metadata(&sockets).unwrap().mode() & 0o777, 0o700);
    assert_ne!(getpgid(postmaster(&dir)).unwrap(), getpgrp());
    database.close().await.unwrap();
    assert!(!Path::new(&sockets).exists());
}

#[tokio::test]
async fn an_address_of_ones_own_is_taken_as_it_is() {
    let dir = data_dir();
    let database = Database::open(Some("postgres://me@db.example/watches"), dir.path()).await.unwrap();
    assert_eq!(database.connect_options().unwrap().get_host(), "db.example");
    assert!(!dir.path().join("postgres").exists());
    database.close().await.unwrap();
}

/// Says loudly that a test did not happen.
fn skip_unless_root() -> bool {
    let skip = !Uid::effective().is_root();
    if skip {
        // Not `eprintln!`, which is kept back while a test passes.
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED: only root can take the parts of several users").unwrap();
    }
    skip
}

#[tokio::test]
async fn as_root_the_server_runs_under_another_user() {
    if skip_unless_root() {
        return;
    }
    let dir = data_dir();
    let database = open(&dir).await.unwrap();
    assert_ne!(fs::metadata(pgdata(&dir)).unwrap().uid(), 0);
    assert_ne!(fs::metadata(format!("/proc/{}", postmaster(&dir).unwrap())).unwrap().uid(), 0);
    database.close().await.unwrap();
}

#[tokio::test]
async fn as_root_a_closed_directory_keeps_its_mode_and_its_database_lies_elsewhere() {
    if skip_unless_root() {
        return;
    }
    let closed = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap();
    let database = open(&closed).await.unwrap();
    let mut connection = connect(&database).await;
    let elsewhere: String =
        sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await.unwrap();
    assert!(elsewhere.starts_with("/var/lib/chronograde/"), "{elsewhere}");
    assert_eq!(fs::metadata(closed.path()).unwrap().mode() & 0o777, 0o700);
    write_a_row(&database).await;
    database.close().await.unwrap();

    let again = open(&closed).await.unwrap();
    assert_eq!(read_the_row(&again).await, 42);
    again.close().await.unwrap();
    fs::remove_dir_all(Path::new(&elsewhere).parent().unwrap()).unwrap();
}

/// The program as the user `nobody`, who may be unable to reach the build directory.
fn as_nobody(copy_in: &TempDir) -> Command {
    let copy = copy_in.path().join("chronograde");
    if !copy.exists() {
        fs::copy(env!("CARGO_BIN_EXE_chronograde"), &copy).unwrap();
    }
    let mut command = Command::new(copy);
    command.uid(NOBODY).gid(NOBODY).current_dir("/").env("HOME", "/");
    command
}

const NOBODY: u32 = 65534;

#[tokio::test]
async fn an_ordinary_user_has_a_cluster_of_their_own_which_root_may_use_too() {
    if skip_unless_root() {
        return;
    }
    let (dir, bin) = (data_dir(), data_dir());
    chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let user = OtherProcess::start(as_nobody(&bin), &dir);
    assert_eq!(fs::metadata(pgdata(&dir)).unwrap().uid(), NOBODY);

    let root = open(&dir).await.unwrap();
    assert_eq!(root.url(), user.url);
    user.end();
    write_a_row(&root).await;
    root.close().await.unwrap();
    assert_eq!(postmaster(&dir), None);

    // root starts it, the user joins and is the last one out.
    let root = open(&dir).await.unwrap();
    let user = OtherProcess::start(as_nobody(&bin), &dir);
    root.close().await.unwrap();
    user.end();
    assert_eq!(postmaster(&dir), None);
}

#[tokio::test]
async fn the_cluster_of_another_user_is_refused_with_the_name_of_its_owner() {
    if skip_unless_root() {
        return;
    }
    let (dir, bin) = (data_dir(), data_dir());
    open(&dir).await.unwrap().close().await.unwrap();
    let refused = as_nobody(&bin)
        .env_remove("DATABASE_URL")
        .arg("--data-dir")
        .arg(dir.path())
        .args(["database", "run", "--", "true"])
        .output()
        .unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(message.contains("belongs to the user"), "{message}");

    chown(pgdata(&dir), Some(0), Some(0)).unwrap();
    let message = open(&dir).await.unwrap_err().to_string();
    assert!(message.contains("belongs to root") && message.contains("chown"), "{message}");
}

#[test]
fn the_status_of_the_command_is_passed_on() {
    let dir = data_dir();
    let status = chronograde()
        .env_remove("DATABASE_URL")
        .arg("--data-dir")
        .arg(dir.path())
        .args(["database", "run", "--", "sh", "-c", "exit 7"])
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(postmaster(&dir), None);
}
