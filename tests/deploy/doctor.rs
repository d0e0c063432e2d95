//! What `doctor` finds on a healthy machine, and when parts of it are away.

use std::process::Command;

use serde_json::Value;
use sqlx::{ConnectOptions as _, Connection as _};

use super::catalog::Catalog;

/// The findings of a report, as check → (verdict, text).
fn finding<'a>(report: &'a Value, check: &str) -> (&'a str, &'a str) {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no finding on {check}: {report}"));
    (found["verdict"].as_str().unwrap(), found["text"].as_str().unwrap())
}

fn examine(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_chronograde"))
        .args(["doctor", "--json", "--models", concat!(env!("CARGO_MANIFEST_DIR"), "/models")])
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env("CHRONOGRADE_LISTEN", "127.0.0.1:0")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (output.status.code(), report)
}

#[tokio::test]
async fn a_fresh_catalog_is_without_problems_and_everything_has_been_looked_at() {
    let catalog = Catalog::empty().await;
    catalog.runs(&["migrate"]);
    let data_dir = catalog.data_dir().to_str().unwrap();
    let (code, report) = examine(&["--data-dir", data_dir], &[]);
    assert_eq!(code, Some(0), "{report}");
    for check in ["settings", "data directory", "PostgreSQL", "ONNX Runtime", "address", "database", "tables"]
    {
        assert_eq!(finding(&report, check).0, "ok", "{check}: {report}");
    }
    for check in ["clock", "queue", "watch model", "quality model", "image store"] {
        assert_eq!(finding(&report, check).0, "ok", "{check}: {report}");
    }
    for check in ["roles", "first admin", "upload directory"] {
        assert_eq!(finding(&report, check).0, "warning", "{check}: {report}");
    }
    catalog.close().await;
}

#[tokio::test]
async fn links_go_to_where_the_service_runs_and_who_is_disabled_gets_none() {
    let catalog = Catalog::empty().await;
    catalog.runs(&["migrate"]);
    assert!(catalog.runs(&["users", "add", "bob"]).starts_with("http://127.0.0.1:8080/link/"));
    let mut conn = catalog.options().connect().await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO components (role, process, public_address, listens_at, seen_at)
         VALUES ('web', 'here:1', 'http://127.0.0.1:1/watches', '127.0.0.1:1', now())",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    assert!(catalog.runs(&["users", "reset", "bob"]).starts_with("http://127.0.0.1:1/watches/link/"));
    assert!(
        catalog.refuses(&["users", "add", "eve", "--role", "boss"]).contains("annotator, manager, admin")
    );
    catalog.runs(&["users", "add", "ada", "--role", "admin"]);
    sqlx::raw_sql("UPDATE annotators SET password_hash = 'x' WHERE name = 'ada'")
        .execute(&mut conn)
        .await
        .unwrap();
    catalog.runs(&["users", "disable", "bob"]);
    let refused = catalog.refuses(&["users", "reset", "bob"]);
    assert!(refused.contains("chronograde users enable bob"), "{refused}");
    conn.close().await.unwrap();
    catalog.close().await;
}

#[tokio::test]
async fn a_token_is_listed_and_revoked_by_its_name() {
    let catalog = Catalog::empty().await;
    catalog.runs(&["migrate"]);
    let token = catalog.runs(&["tokens", "add", "shop"]);
    let listed = catalog.runs(&["tokens", "list"]);
    assert!(listed.starts_with("manager    active ") && listed.trim_end().ends_with("shop"), "{listed}");
    assert!(!listed.contains(token.trim()), "only its hash is kept");
    catalog.runs(&["tokens", "revoke", "shop"]);
    assert!(catalog.runs(&["tokens", "list"]).starts_with("manager    revoked "));
    assert!(catalog.refuses(&["tokens", "revoke", "shoe"]).contains("there is no token named"));
    catalog.close().await;
}

#[tokio::test]
async fn stored_originals_that_are_absent_are_told_of() {
    let catalog = Catalog::empty().await;
    catalog.runs(&["migrate"]);
    let mut conn = catalog.options().connect().await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO images (id, sha256, bytes, format, width, height, orientation, ingested_at, stored_key, audit)
         VALUES (gen_random_uuid(), sha256('x'), 1, 'png', 1, 1, 1, now(), 'originals/ab/ab', FALSE)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    let (code, report) = examine(&["--data-dir", catalog.data_dir().to_str().unwrap()], &[]);
    assert_eq!(code, Some(1), "{report}");
    assert!(finding(&report, "image store").1.starts_with("1 of 1 stored originals"), "{report}");
    catalog.close().await;
}

#[test]
fn an_empty_place_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let (code, report) = examine(&["--data-dir", data_dir.to_str().unwrap()], &[]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(finding(&report, "database").0, "warning");
    assert!(!data_dir.exists(), "looking makes nothing");
}

#[test]
fn without_a_database_the_rest_is_examined_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:1/none")];
    let (code, report) = examine(&["--data-dir", folder.path().to_str().unwrap()], &environment);
    assert_eq!(code, Some(1), "{report}");
    let (verdict, text) = finding(&report, "database");
    assert!(verdict == "problem" && text.contains("DATABASE_URL"), "{text}");
    assert_eq!(finding(&report, "watch model").0, "ok");
    assert!(!report.to_string().contains("hunter2"), "a password is never shown");
}

#[test]
fn settings_that_cannot_be_read_are_a_finding() {
    let (code, report) = examine(&[], &[("CHRONOGRADE_UPLOADS", "/x")]);
    assert_eq!(code, Some(1));
    let (verdict, text) = finding(&report, "settings");
    assert!(verdict == "problem" && text.contains("misspelt"), "{text}");
}

#[test]
fn an_absent_library_and_an_address_of_another_program_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // It hangs up on whoever calls.
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || other.incoming().for_each(drop));
    let environment =
        [("CHRONOGRADE_ONNXRUNTIME", "/nowhere/libonnxruntime.so"), ("CHRONOGRADE_LISTEN", address.as_str())];
    let (code, report) = examine(&["--data-dir", folder.path().to_str().unwrap()], &environment);
    assert_eq!(code, Some(1), "{report}");
    assert!(finding(&report, "ONNX Runtime").1.contains("make setup"), "{report}");
    assert!(finding(&report, "address").1.contains("CHRONOGRADE_LISTEN"), "{report}");
}

#[test]
fn commands_for_a_catalog_make_none_where_there_is_none() {
    let nowhere = tempfile::tempdir().unwrap();
    let backup = nowhere.path().join("backup.chronograde");
    let commands: [&[&str]; 6] = [
        &["users", "list"],
        &["tokens", "add", "a"],
        &["export", "images.csv"],
        &["backup", backup.to_str().unwrap()],
        &["models", "activate", "starter-watch"],
        &["models", "accept", "starter-watch"],
    ];
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_chronograde"))
            .args(command)
            .current_dir(nowhere.path())
            .env_remove("DATABASE_URL")
            .env("CHRONOGRADE_MODELS", concat!(env!("CARGO_MANIFEST_DIR"), "/models"))
            .env(
                "CHRONOGRADE_ONNXRUNTIME",
                concat!(env!("CARGO_MANIFEST_DIR"), "/.runtime/onnxruntime/libonnxruntime.so"),
            )
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{command:?}: {said}");
        assert!(
            said.contains("there is no catalog in") && said.contains("--data-dir"),
            "{command:?}: {said}"
        );
        assert_eq!(std::fs::read_dir(nowhere.path()).unwrap().count(), 0, "{command:?} made something");
    }
}
