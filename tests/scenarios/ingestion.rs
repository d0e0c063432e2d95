//! What becomes of each kind of input: always a row in the ledger, never a crash, nothing lost.

use std::{
    ffi::OsString,
    fs,
    os::unix::{ffi::OsStringExt, fs::symlink},
};

use chronograde::{
    config::{IngestMode, Settings},
    store::MIGRATOR,
};
use sqlx::PgPool;

use crate::{app::TestApp, pictures};

fn states<const N: usize>(states: [(&str, i64); N]) -> std::collections::BTreeMap<String, i64> {
    states.into_iter().map(|(state, count)| (state.to_owned(), count)).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_no_picture_fails_with_a_sentence_and_the_rest_goes_on(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("good.png", &pictures::dial(1));
    app.drop_file("zero.jpg", b"");
    app.drop_file("text.jpg", b"this is no picture");
    app.drop_file("bomb.png", &pictures::png_header(60_000, 60_000));
    let large = fs::File::create(app.upload("large.jpg")).unwrap();
    large.set_len(65 * 1024 * 1024).unwrap();
    app.look().await;

    assert_eq!(app.ledger().await, states([("failed", 4), ("imported", 1)]));
    for (file, words) in [
        ("zero.jpg", "empty"),
        ("text.jpg", "not an image"),
        ("bomb.png", "megapixels"),
        ("large.jpg", "MiB"),
    ] {
        let reason = app.reason(file).await;
        assert!(reason.contains(words), "{file}: {reason}");
    }
    // Nothing changed, so nothing is tried again.
    app.look().await;
    assert_eq!(app.count("sightings WHERE state = 'failed' AND tries = 1").await, 4);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_failed_file_is_tried_again_when_it_changes_or_by_hand(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", b"not yet a picture");
    app.look().await;
    app.retry("a.png").await;
    assert_eq!(app.ledger().await, states([("settling", 1)]));
    app.look().await;
    assert_eq!(app.count("sightings WHERE state = 'failed' AND tries = 2").await, 1);

    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    assert_eq!(app.ledger().await, states([("imported", 1)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_growing_file_is_left_alone_until_it_stands_still(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let whole = pictures::dial(1);
    for part in [100, 1_000, 10_000] {
        app.drop_file("a.png", &whole[..part.min(whole.len() - 1)]);
        app.look_once().await;
        assert_eq!(app.ledger().await, states([("settling", 1)]));
    }
    app.drop_file("a.png", &whole);
    app.look().await;
    assert_eq!(app.ledger().await, states([("imported", 1)]));
    assert_eq!(app.count("sightings").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn other_bytes_under_a_path_are_another_image_and_the_first_one_stays(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    app.drop_file("a.png", &pictures::poor_dial(2));
    app.look().await;
    assert_eq!(app.ledger().await, states([("imported", 1)]));
    assert_eq!(app.count("sightings WHERE superseded_at IS NOT NULL").await, 1);
    assert_eq!(app.count("images").await, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_that_is_gone_is_missing_and_is_itself_again_when_it_is_back(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.drop_file("b.png", &pictures::dial(2));
    app.look().await;
    fs::remove_file(app.upload("a.png")).unwrap();
    app.look().await;
    assert_eq!(app.ledger().await, states([("imported", 1), ("missing", 1)]));
    assert_eq!(app.count("images").await, 2);

    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    assert_eq!(app.ledger().await, states([("imported", 2)]));
    assert_eq!(app.count("images").await, 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_dropped_mount_is_shown_and_is_no_mass_deletion(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    for number in 0..5 {
        app.drop_file(&format!("{number}.png"), &pictures::dial(number));
    }
    app.look().await;
    let (root, aside) = (app.settings.upload_dir(), app.settings.data_dir.join("aside"));
    fs::rename(&root, &aside).unwrap();
    app.look().await;
    assert_eq!(app.count("roots WHERE state = 'unreachable'").await, 1);
    fs::create_dir(&root).unwrap();
    app.look().await;
    assert_eq!(app.count("roots WHERE state = 'empty'").await, 1);
    assert_eq!(app.ledger().await, states([("imported", 5)]));

    fs::remove_dir(&root).unwrap();
    fs::rename(&aside, &root).unwrap();
    app.look().await;
    assert_eq!(app.count("roots WHERE state = 'ok'").await, 1);
    assert_eq!(app.ledger().await, states([("imported", 5)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn links_and_pipes_are_ignored_and_temporary_names_are_not_even_seen(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.png"), pictures::dial(1)).unwrap();
    symlink(outside.path().join("secret.png"), app.upload("link.png")).unwrap();
    symlink(outside.path(), app.upload("folder")).unwrap();
    nix::unistd::mkfifo(&app.upload("pipe.png"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(app.upload("@eaDir")).unwrap();
    app.drop_file("@eaDir/thumb.png", &pictures::dial(2));
    app.drop_file("a.png.part", &pictures::dial(3));
    app.look().await;
    assert_eq!(app.ledger().await, states([("ignored", 3)]));
    assert_eq!(app.count("images").await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn strange_names_are_names(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let deep = "folder with spaces/".repeat(30);
    fs::create_dir_all(app.upload(&deep)).unwrap();
    app.drop_file(&format!("{deep}a.png"), &pictures::dial(1));
    app.drop_file("new\nline.png", &pictures::dial(2));
    let not_utf8 = OsString::from_vec(b"caf\xe9.png".to_vec());
    fs::write(app.settings.upload_dir().join(not_utf8), pictures::dial(3)).unwrap();
    app.drop_file("no extension", &pictures::dial(4));
    app.look().await;
    app.score().await;
    assert_eq!(app.ledger().await, states([("imported", 4)]));
    assert!(app.ranking().await.contains(&"caf\u{fffd}.png".to_owned()));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn photos_of_one_offer_are_one_listing_with_one_audit_flag(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("68428_1.png", &pictures::dial(1));
    app.drop_file("68428_2.png", &pictures::poor_dial(2));
    app.drop_file("IMG_0001.png", &pictures::dial(3));
    app.look().await;
    app.score().await;
    assert_eq!(app.count("images WHERE listing_key = '68428'").await, 2);
    assert_eq!(
        app.count("(SELECT DISTINCT audit FROM images WHERE listing_key = '68428') AS flags").await,
        1
    );
    assert_eq!(
        app.count(
            "listings l JOIN sightings s ON s.image_id = l.best_image
             WHERE l.key = '68428' AND l.images = 2 AND s.path_text = '68428_1.png'"
        )
        .await,
        1
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn in_copy_mode_the_stored_bytes_count_whatever_becomes_of_the_dropped_file(pool: PgPool) {
    let mut app =
        TestApp::with_settings(pool, |settings| Settings { ingest_mode: IngestMode::Copy, ..settings }).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    fs::remove_file(app.upload("a.png")).unwrap();
    app.drop_file("b.png", &pictures::dial(1));
    app.look().await;
    app.score().await;
    assert_eq!(app.ledger().await, states([("duplicate", 1), ("imported", 1)]));
    assert_eq!(app.ranking().await.len(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn in_move_mode_a_file_leaves_the_inbox_once_it_was_decoded_and_a_damaged_one_stays(pool: PgPool) {
    let mut app =
        TestApp::with_settings(pool, |settings| Settings { ingest_mode: IngestMode::Move, ..settings }).await;
    let whole = pictures::dial(1);
    app.drop_file("good.png", &whole);
    app.drop_file("cut.png", &whole[..whole.len() / 2]);
    app.look().await;
    assert!(app.upload("good.png").exists(), "not before it was decoded");
    app.score().await;
    app.look().await;
    assert!(!app.upload("good.png").exists());
    assert!(app.upload("cut.png").exists());
    assert_eq!(app.ledger().await, states([("failed", 1), ("imported", 1)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_that_vanishes_before_it_is_scored_is_scored_when_it_is_back(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.drop_file("b.png", &pictures::dial(2));
    app.look().await;
    fs::remove_file(app.upload("a.png")).unwrap();
    app.score().await;
    assert_eq!(app.ledger().await, states([("imported", 1), ("missing", 1)]));
    assert_eq!(app.ranking().await, ["b.png"]);

    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    app.score().await;
    assert_eq!(app.ranking().await.len(), 2);
    app.assert_queue_is_empty().await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn events_alone_bring_a_file_in_at_once(pool: PgPool) {
    let app = TestApp::with_settings(pool, |settings| Settings {
        sweep_interval_ms: 3_600_000,
        minimum_age_ms: 50,
        ..settings
    })
    .await;
    let running = app.watch().await;
    app.drop_file("a.png", &pictures::dial(1));
    app.wait_for("sightings WHERE state = 'imported'", 1).await;
    assert_eq!(app.count("roots WHERE last_found_by = 'events'").await, 1);
    running.stop().await;
}
