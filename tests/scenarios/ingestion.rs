//! What becomes of each kind of input: always a row in the ledger, never a crash, nothing lost.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, Permissions},
    io::Write as _,
    os::unix::{
        ffi::OsStringExt,
        fs::{PermissionsExt as _, symlink},
    },
};

use chronograde::{
    config::{IngestMode, Settings},
    domain::ContentHash,
    ingest::original::{self, OriginalError},
    jobs,
    pipeline::{Outcome, PipelineError},
    store::{MIGRATOR, ledger},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
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
        ("large.jpg", " MB"),
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
async fn a_file_that_was_set_aside_by_hand_stays_so_until_it_is_tried_again_or_changes(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", b"no picture");
    app.look().await;
    app.ignore("a.png").await;
    app.look().await;
    assert_eq!(app.ledger().await, states([("ignored", 1)]));
    app.retry("a.png").await;
    app.look().await;
    assert_eq!(app.ledger().await, states([("failed", 1)]));
    app.ignore("a.png").await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    assert_eq!(app.ledger().await, states([("imported", 1)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_without_permission_fails_and_is_taken_once_it_may_be_read(pool: PgPool) {
    if nix::unistd::Uid::effective().is_root() {
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED: root may read every file; run this test as another user").unwrap();
        return;
    }
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    fs::set_permissions(app.upload("a.png"), Permissions::from_mode(0o000)).unwrap();
    app.look().await;
    assert!(app.reason("a.png").await.contains("permission"));
    app.look().await;
    assert_eq!(app.count("sightings WHERE state = 'failed' AND tries = 1").await, 1);
    fs::set_permissions(app.upload("a.png"), Permissions::from_mode(0o600)).unwrap();
    app.look().await;
    assert_eq!(app.ledger().await, states([("imported", 1)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_link_in_a_files_place_is_not_followed_and_the_image_stays(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.png"), pictures::dial(1)).unwrap();
    app.drop_file("a.png", &pictures::dial(1));
    app.drop_file("b.png", &pictures::dial(2));
    app.look().await;
    fs::remove_file(app.upload("a.png")).unwrap();
    symlink(outside.path().join("secret.png"), app.upload("a.png")).unwrap();
    let image = sqlx::query_scalar("SELECT image_id FROM sightings WHERE path_text = 'a.png'")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let read = original::read(&app.pool, &app.objects, image).await;
    assert!(matches!(read, Err(OriginalError::File(_))), "{read:?}");
    app.look().await;
    assert_eq!(app.ledger().await, states([("ignored", 1), ("imported", 1)]));
    assert_eq!(app.count("images").await, 2);
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
async fn while_a_mount_is_away_images_wait_for_their_scores_and_none_loses_a_try(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    let pipeline = app.pipeline().await.unwrap();
    jobs::reconcile(&app.pool, &pipeline.model_ids()).await.unwrap();
    let image = sqlx::query_scalar("SELECT id FROM images").fetch_one(&app.pool).await.unwrap();
    let (root, aside) = (app.settings.upload_dir(), app.settings.data_dir.join("aside"));
    fs::rename(&root, &aside).unwrap();
    assert!(matches!(pipeline.process(image).await, Err(PipelineError::Away)));
    fs::create_dir(&root).unwrap();
    assert!(matches!(pipeline.process(image).await, Err(PipelineError::Away)));
    assert_eq!(app.ledger().await, states([("imported", 1)]));
    assert_eq!(app.count("scorings WHERE state = 'pending' AND tries = 0").await, 2);

    fs::remove_dir(&root).unwrap();
    fs::rename(&aside, &root).unwrap();
    assert_eq!(pipeline.process(image).await.unwrap(), Outcome::Scored);
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
async fn a_picture_joins_its_listing_whichever_of_its_names_came_first(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.pipeline().await.unwrap();
    app.drop_file("IMG_0001.png", &pictures::dial(1));
    app.drop_file("68428_2.png", &pictures::dial(2));
    app.drop_file("IMG_0003.png", &pictures::dial(3));
    app.look().await;
    let audit = app.count("images WHERE audit").await;
    app.drop_file("68428_1.png", &pictures::dial(1));
    std::fs::rename(app.upload("IMG_0003.png"), app.upload("68428_3.png")).unwrap();
    app.look().await;
    assert_eq!(app.ledger().await, states([("duplicate", 1), ("imported", 3)]));
    assert_eq!(app.count("images WHERE listing_key = '68428'").await, 3);
    assert_eq!(app.count("catalog WHERE listing_key = '68428'").await, 3);
    assert_eq!(app.count("listings WHERE key = '68428' AND images = 3").await, 1);
    assert_eq!(app.count("images WHERE audit").await, audit, "the flag is set once");
    // It has a listing: another name does not take it from there.
    app.drop_file("70000_1.png", &pictures::dial(1));
    app.look().await;
    assert_eq!(app.count("listings").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_copy_does_not_take_a_picture_from_its_folder(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.pipeline().await.unwrap();
    std::fs::create_dir(app.upload("autumn")).unwrap();
    app.drop_file("autumn/a.png", &pictures::dial(1));
    app.look().await;
    app.drop_file("copy of a.png", &pictures::dial(1));
    app.look().await;
    assert_eq!(app.count("catalog WHERE filename = 'autumn/a.png'").await, 1);
    std::fs::remove_file(app.upload("autumn/a.png")).unwrap();
    app.look().await;
    assert_eq!(app.count("catalog WHERE filename = 'copy of a.png'").await, 1, "the path that is left");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_listing_counts_its_photos_as_they_come_and_not_the_damaged_one(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let whole = pictures::dial(100);
    app.drop_file("68428_99.png", &whole[..whole.len() / 2]);
    for number in 0..12 {
        app.drop_file(&format!("68428_{number}.png"), &pictures::dial(number));
    }
    app.look().await;
    app.score().await;
    // They are taken and scored at the same time, and each counts all of them.
    assert_eq!(app.count("listings WHERE key = '68428' AND images = 12").await, 1);
    assert_eq!(app.count("listings WHERE best_mean = (SELECT max(mean) FROM quality_predictions)").await, 1);
    assert_eq!(app.ledger().await, states([("failed", 1), ("imported", 12)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_listing_of_damaged_photos_only_is_none(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.pipeline().await.unwrap();
    let whole = pictures::dial(1);
    app.drop_file("68428_1.png", &whole[..whole.len() / 2]);
    app.look().await;
    assert_eq!(app.count("listings WHERE images = 1 AND best_image IS NULL").await, 1);
    app.score().await;
    assert_eq!(app.count("listings").await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whatever_happens_to_the_files_every_path_is_in_one_state_and_the_totals_add_up(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    app.drop_file("anchor.png", &pictures::dial(1_000));
    let names = ["a.png", "b.png", "c.png", "d.png"];
    let mut random = StdRng::seed_from_u64(68_428);
    let mut seen = BTreeSet::from(["anchor.png"]);
    for step in 0..40 {
        let (name, other) = (names[random.random_range(0..4)], names[random.random_range(0..4)]);
        match random.random_range(0..6) {
            0..3 => app.drop_file(name, &pictures::dial(random.random_range(0..3))),
            3 => app.drop_file(name, b"no picture"),
            4 => drop(fs::remove_file(app.upload(name))),
            _ => drop(fs::rename(app.upload(name), app.upload(other))),
        }
        app.look().await;
        seen.extend(names.into_iter().filter(|name| app.upload(name).exists()));
        check_ledger(&app, &seen, step).await;
    }
}

/// Each path that is there is in the state that its bytes deserve; one that is not is missing, or moved.
async fn check_ledger(app: &TestApp, seen: &BTreeSet<&str>, step: usize) {
    let rows: Vec<(String, String, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT path_text, state, sha256 FROM sightings WHERE superseded_at IS NULL")
            .fetch_all(&app.pool)
            .await
            .unwrap();
    let paths: BTreeSet<&str> = rows.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths.len(), rows.len(), "step {step}: a path has two states");
    assert!(paths.is_subset(seen), "step {step}: {rows:?}");
    for (path, state, hash) in &rows {
        let expected: &[&str] = match fs::read(app.upload(path)) {
            Err(_) => &["missing"],
            Ok(bytes) if bytes == b"no picture" => &["failed"],
            Ok(bytes) => {
                assert_eq!(
                    hash.as_deref(),
                    Some(ContentHash::of(&bytes).as_bytes().as_slice()),
                    "step {step}"
                );
                &["imported", "duplicate"]
            }
        };
        assert!(expected.contains(&state.as_str()), "step {step}: {path} is {state}");
    }
    assert!(
        seen.iter().filter(|path| app.upload(path).exists()).all(|path| paths.contains(path)),
        "step {step}"
    );
    let twice = "(SELECT image_id FROM sightings WHERE superseded_at IS NULL AND state = 'imported'
                  GROUP BY image_id HAVING count(*) > 1) AS twice";
    assert_eq!(app.count(twice).await, 0, "step {step}: an image is imported from two paths");
    let totals = ledger::totals(&mut app.pool.acquire().await.unwrap(), None).await.unwrap();
    let states =
        [totals.settling, totals.imported, totals.duplicate, totals.failed, totals.ignored, totals.missing];
    assert_eq!(states.iter().sum::<i64>(), totals.total, "step {step}");
    assert_eq!(totals.total, i64::try_from(rows.len()).unwrap(), "step {step}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_folder_is_imported_once_and_its_numbers_add_up(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.png"), pictures::dial(1)).unwrap();
    fs::write(folder.path().join("b.png"), pictures::dial(1)).unwrap();
    let first = app.ingest_once(folder.path());
    assert!(first.status.success(), "{first:?}");
    assert_eq!(String::from_utf8(first.stdout).unwrap(), "2 seen = 1 imported + 1 duplicate\n");

    fs::write(folder.path().join("c.png"), b"no picture").unwrap();
    let second = app.ingest_once(folder.path());
    assert_eq!(second.status.code(), Some(1), "one file failed");
    assert_eq!(String::from_utf8(second.stdout).unwrap(), "3 seen = 1 imported + 1 duplicate + 1 failed\n");

    for name in ["a.png", "b.png", "c.png"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let away = app.ingest_once(folder.path());
    assert!(String::from_utf8(away.stderr).unwrap().contains("empty"));
    let around = app.ingest_once(&app.settings.data_dir);
    assert!(String::from_utf8(around.stderr).unwrap().contains("own data directory"));
    assert_eq!(app.ledger().await, states([("duplicate", 1), ("failed", 1), ("imported", 1)]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_taken_by_reference_is_stored_when_it_comes_again_in_copy_mode(pool: PgPool) {
    let mut app = TestApp::new(pool.clone()).await;
    app.drop_file("a.png", &pictures::dial(1));
    app.look().await;
    let mut copying =
        TestApp::with_settings(pool, |settings| Settings { ingest_mode: IngestMode::Copy, ..settings }).await;
    copying.drop_file("b.png", &pictures::dial(1));
    copying.look().await;
    assert_eq!(copying.count("images WHERE stored_key IS NOT NULL").await, 1);
    assert_eq!(copying.ledger().await, states([("duplicate", 1), ("imported", 1)]));
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

    // Dropped anew, it goes again; made whole, the damaged one goes, too.
    app.drop_file("good.png", &whole);
    app.drop_file("cut.png", &pictures::dial(2));
    app.look().await;
    app.score().await;
    app.look().await;
    assert_eq!(fs::read_dir(app.settings.upload_dir()).unwrap().count(), 0);
    assert_eq!(app.ledger().await, states([("imported", 2)]));
    assert_eq!(app.count("images").await, 2);
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

    // A folder that is moved in brings its files along, and what is dropped into it later is noticed, too.
    let folder = app.settings.data_dir.join("2026");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("b.png"), pictures::dial(2)).unwrap();
    fs::rename(&folder, app.upload("2026")).unwrap();
    app.wait_for("sightings WHERE state = 'imported'", 2).await;
    app.drop_file("2026/c.png", &pictures::dial(3));
    app.wait_for("sightings WHERE state = 'imported'", 3).await;
    running.stop().await;
}
