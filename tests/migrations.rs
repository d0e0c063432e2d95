//! The migrations over a real PostgreSQL: both directions, data carried along, comments, and what is refused.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it where they stand")]

use std::collections::BTreeMap;

use chronograde::{
    domain::{Confidence, ImageId, Threshold},
    store::{MIGRATOR, images},
};
use sqlx::{AssertSqlSafe, PgPool};

/// Three images, their paths, models and predictions: fits any version from 3 on.
const PICTURES: &str = include_str!("migrations/pictures.sql");
/// Catalog, round, votes and threshold on top of them: needs version 6.
const JUDGEMENTS: &str = include_str!("migrations/judgements.sql");

/// What the schema holds, as text: columns, constraints, indexes, triggers, functions, and all their comments.
const DESCRIPTION: &str = "
    SELECT concat_ws(' ', 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                     pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i') AND c.relname NOT LIKE '\\_sqlx%'
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '\\_sqlx%'
    UNION ALL
    SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), obj_description(indexrelid)) FROM pg_index
    WHERE indrelid IN (SELECT oid FROM pg_class
                       WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx%')
    UNION ALL
    SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', 'function', pg_get_functiondef(p.oid), obj_description(p.oid)) FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
    ORDER BY 1";

async fn texts(pool: &PgPool, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(pool).await.unwrap()
}

async fn load(pool: &PgPool, script: &'static str) {
    sqlx::raw_sql(script).execute(pool).await.unwrap();
}

/// Rows of every table that has any, but those that count the others: their rows come and go as they are folded.
async fn row_counts(pool: &PgPool) -> BTreeMap<String, i64> {
    let tables = texts(
        pool,
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
         AND relname NOT LIKE '\\_sqlx%' AND relname NOT LIKE '%\\_summary' AND relname NOT LIKE '%\\_deltas'",
    )
    .await;
    let mut counts = BTreeMap::new();
    for table in tables {
        let query = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let rows: i64 = sqlx::query_scalar(query).fetch_one(pool).await.unwrap();
        if rows > 0 {
            counts.insert(table, rows);
        }
    }
    counts
}

#[sqlx::test(migrations = false)]
async fn every_migration_goes_up_and_down_and_up_again(pool: PgPool) {
    MIGRATOR.run(&pool).await.unwrap();
    let described = texts(&pool, DESCRIPTION).await;
    assert!(described.len() > 500, "only {} lines", described.len());

    MIGRATOR.undo(&pool, 0).await.unwrap();
    assert_eq!(texts(&pool, DESCRIPTION).await, Vec::<String>::new());

    MIGRATOR.run(&pool).await.unwrap();
    assert_eq!(texts(&pool, DESCRIPTION).await, described);
}

#[sqlx::test(migrations = false)]
async fn each_migration_alone_goes_down_to_what_was_there_before(pool: PgPool) {
    let versions = MIGRATOR.iter().filter(|m| m.migration_type.is_up_migration()).map(|m| m.version);
    let mut before = 0;
    for version in versions {
        let described = texts(&pool, DESCRIPTION).await;
        MIGRATOR.run_to(version, &pool).await.unwrap();
        MIGRATOR.undo(&pool, before).await.unwrap();
        assert_eq!(texts(&pool, DESCRIPTION).await, described, "after {version} and back");
        MIGRATOR.run_to(version, &pool).await.unwrap();
        before = version;
    }
    assert!(before >= 7, "only {before} migrations were tried");
}

#[sqlx::test(migrations = false)]
async fn data_is_carried_up_and_survives_the_way_down(pool: PgPool) {
    MIGRATOR.run_to(3, &pool).await.unwrap();
    load(&pool, PICTURES).await;
    let pictures = row_counts(&pool).await;
    let expected = [
        ("active_generation", 1),
        ("annotators", 4),
        ("embeddings", 2),
        ("generations", 1),
        ("images", 3),
        ("models", 2),
        ("quality_predictions", 2),
        ("scorings", 6),
        ("sightings", 6),
        ("watch_predictions", 2),
    ];
    assert_eq!(pictures, expected.map(|(table, rows)| (table.to_owned(), rows)).into());

    MIGRATOR.run(&pool).await.unwrap();
    assert_eq!(row_counts(&pool).await, pictures);

    load(&pool, JUDGEMENTS).await;
    let all = row_counts(&pool).await;
    assert_eq!((all["catalog"], all["round_images"], all["votes"]), (3, 2, 6));

    MIGRATOR.undo(&pool, 6).await.unwrap();
    MIGRATOR.run(&pool).await.unwrap();
    assert_eq!(row_counts(&pool).await, all, "the label functions come and go without a row");

    MIGRATOR.undo(&pool, 3).await.unwrap();
    assert_eq!(row_counts(&pool).await, pictures, "what came in before version 4 is still there");
    MIGRATOR.run(&pool).await.unwrap();
    load(&pool, JUDGEMENTS).await;
    assert_eq!(row_counts(&pool).await, all);
}

#[sqlx::test]
async fn everything_in_the_schema_has_a_comment(pool: PgPool) {
    let bare = texts(
        &pool,
        "SELECT relname || coalesce('.' || attname, '') FROM pg_class c
         CROSS JOIN LATERAL (
             SELECT NULL::text AS attname, obj_description(c.oid, 'pg_class') AS comment
             UNION ALL
             SELECT attname, col_description(c.oid, attnum) FROM pg_attribute
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND c.relkind = 'r') described
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i') AND comment IS NULL
           AND relname NOT LIKE '\\_sqlx%'
         UNION ALL
         SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
           AND obj_description(p.oid, 'pg_proc') IS NULL
           AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')",
    )
    .await;
    assert_eq!(bare, Vec::<String>::new());
}

#[sqlx::test]
async fn an_index_says_which_query_it_serves(pool: PgPool) {
    let silent = texts(
        &pool,
        "SELECT relname::text FROM pg_class c WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace
         AND relname NOT LIKE '\\_sqlx%' AND obj_description(c.oid) NOT LIKE 'Serves%'",
    )
    .await;
    assert_eq!(silent, ["active_generation_pkey"], "which only keeps a second row out");
}

#[sqlx::test]
async fn a_foreign_key_has_an_index_that_finds_the_referring_rows(pool: PgPool) {
    // Models, generations and people are few and not deleted in passing; images are many, and some are rejected.
    let unindexed = texts(
        &pool,
        "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint f
         WHERE contype = 'f' AND confrelid = 'images'::regclass AND NOT EXISTS (
             SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indkey[0] = f.conkey[1])",
    )
    .await;
    assert_eq!(unindexed, Vec::<String>::new());
}

/// A statement that must fail, and the constraint (or the beginning of the message) that refuses it.
const REFUSED: &[(&str, &str)] = &[
    // Probabilities: NaN is greater than every number in PostgreSQL.
    ("INSERT INTO watch_predictions (image_id, model_id, confidence, positives) SELECT i.id, m.id, 'NaN', '{}'
      FROM images i, models m WHERE i.audit AND m.task = 'watch'", "watch_predictions_confidence_check"),
    ("INSERT INTO watch_predictions (image_id, model_id, confidence, positives) SELECT i.id, m.id, 1.0000001, '{}'
      FROM images i, models m WHERE i.audit AND m.task = 'watch'", "watch_predictions_confidence_check"),
    ("INSERT INTO watch_predictions (image_id, model_id, confidence, positives) SELECT i.id, m.id, 0.5, '{0.5,NaN}'
      FROM images i, models m WHERE i.audit AND m.task = 'watch'", "watch_predictions_positives_are_probabilities"),
    ("INSERT INTO watch_predictions (image_id, model_id, confidence, positives) SELECT i.id, m.id, 0.5, '{0.5,NULL}'
      FROM images i, models m WHERE i.audit AND m.task = 'watch'", "watch_predictions_positives_are_probabilities"),
    ("UPDATE catalog SET watch_confidence = 'NaN'", "catalog_watch_confidence_check"),
    ("UPDATE catalog SET quality_mean = 'NaN' WHERE quality_mean IS NOT NULL", "catalog_quality_mean_check"),
    ("UPDATE catalog SET sharpness = 'Infinity'", "catalog_sharpness_check"),
    ("INSERT INTO threshold_settings (model_id, value, objective) SELECT id, 'NaN', 'f1' FROM models
      WHERE task = 'watch'", "threshold_settings_value_check"),
    // Distributions: ten bins from 0 that add up to 1 within 1e-6.
    ("INSERT INTO quality_predictions (image_id, model_id, bins, mean, std) SELECT i.id, m.id,
      '{0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.100002}', 5.5, 2.9
      FROM images i, models m WHERE i.audit AND m.task = 'quality'", "quality_predictions_bins_add_up"),
    ("INSERT INTO quality_predictions (image_id, model_id, bins, mean, std) SELECT i.id, m.id,
      '{-0.1,0.3,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1}', 5.5, 2.9
      FROM images i, models m WHERE i.audit AND m.task = 'quality'", "quality_predictions_bins_add_up"),
    ("INSERT INTO quality_predictions (image_id, model_id, bins, mean, std) SELECT i.id, m.id,
      '{NaN,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1}', 5.5, 2.9
      FROM images i, models m WHERE i.audit AND m.task = 'quality'", "quality_predictions_bins_add_up"),
    ("INSERT INTO quality_predictions (image_id, model_id, bins, mean, std) SELECT i.id, m.id,
      '{0.2,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1}', 5.5, 2.9
      FROM images i, models m WHERE i.audit AND m.task = 'quality'", "quality_predictions_bins_are_ten"),
    ("INSERT INTO quality_predictions (image_id, model_id, bins, mean, std) SELECT i.id, m.id,
      array_fill(0.1::float8, '{10}'), 'NaN', 2.9
      FROM images i, models m WHERE i.audit AND m.task = 'quality'", "quality_predictions_mean_check"),
    // Predictions: one per image and model, never overwritten, and they keep their image.
    ("INSERT INTO watch_predictions (image_id, model_id, confidence, positives)
      SELECT image_id, model_id, 0.1, '{}' FROM watch_predictions", "watch_predictions_pkey"),
    ("INSERT INTO quality_predictions SELECT * FROM quality_predictions", "quality_predictions_pkey"),
    ("UPDATE watch_predictions SET confidence = 0.1", "rows of watch_predictions are never changed"),
    ("UPDATE quality_predictions SET mean = 1", "rows of quality_predictions are never changed"),
    ("UPDATE embeddings SET values = '\\x0000'", "rows of embeddings are never changed"),
    ("INSERT INTO embeddings (image_id, model_id, values) SELECT i.id, m.id, '\\x000000'
      FROM images i, models m WHERE i.audit AND m.task = 'quality'", "embeddings_values_check"),
    ("DELETE FROM images WHERE audit", "sightings_taken_have_an_image"),
    ("WITH rejected AS (UPDATE sightings SET state = 'failed', reason = 'truncated' WHERE image_id IS NOT NULL)
      DELETE FROM images WHERE NOT audit", "watch_predictions_image_id_fkey"),
    // Images and the ledger.
    ("UPDATE images SET sha256 = '\\x00' WHERE audit", "images_sha256_check"),
    ("UPDATE images SET sha256 = sha256('first') WHERE audit", "images_sha256_key"),
    ("UPDATE images SET format = 'heic' WHERE audit", "images_format_check"),
    ("UPDATE images SET orientation = 9 WHERE audit", "images_orientation_check"),
    ("INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, state)
      VALUES ('/drop', 'again.jpg', 'again.jpg', 1, 1, 1, 'settling')", "sightings_current_path"),
    ("UPDATE sightings SET state = 'lost' WHERE path_text = 'empty.jpg'", "sightings_state_check"),
    ("UPDATE sightings SET reason = NULL WHERE path_text = 'empty.jpg'", "sightings_refused_have_a_reason"),
    ("UPDATE sightings SET state = 'imported' WHERE path_text = 'empty.jpg'", "sightings_taken_have_an_image"),
    ("UPDATE sightings SET moved_to = id WHERE path_text = 'again.jpg'", "sightings_moved_are_closed"),
    ("UPDATE scorings SET state = 'lost'", "scorings_state_check"),
    ("UPDATE scorings SET state = 'failed'", "scorings_failed_have_a_reason"),
    // Models and generations.
    ("INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
      SELECT name, task, kind, fingerprint, preprocessing, manifest, sha256 FROM models",
     "models_name_fingerprint_version_key"),
    ("INSERT INTO generations (watch_model, quality_model) SELECT quality_model, watch_model FROM generations",
     "generations_watch_model_watch_task_fkey"),
    ("INSERT INTO generations (watch_model, quality_model) SELECT watch_model, quality_model FROM generations",
     "generations_pair"),
    ("INSERT INTO active_generation (generation_id) SELECT id FROM generations", "active_generation_pkey"),
    ("INSERT INTO active_generation (single, generation_id) SELECT FALSE, id FROM generations",
     "active_generation_single_check"),
    ("UPDATE generations SET state = 'retired'", "active_generation_generation_id_state_fkey"),
    ("INSERT INTO model_members SELECT id, id, 1 FROM models", "model_members_are_others"),
    // What people said.
    ("INSERT INTO votes (image_id, annotator_id, round_id, score, saw_model, saw_others, served_why, client_key)
      SELECT image_id, annotator_id, round_id, 3, FALSE, FALSE, 'random', gen_random_uuid() FROM votes",
     "votes_current"),
    ("INSERT INTO votes (image_id, annotator_id, round_id, occurrence, score, saw_model, saw_others, served_why,
                         client_key)
      SELECT image_id, annotator_id, round_id, 1, 3, FALSE, FALSE, 'random', client_key FROM votes",
     "votes_annotator_id_client_key_key"),
    ("INSERT INTO votes (image_id, annotator_id, round_id, score, saw_model, saw_others, served_why, client_key)
      SELECT i.id, a.id, r.id, 3, FALSE, FALSE, 'random', gen_random_uuid() FROM images i, annotators a, rounds r
      WHERE i.audit AND a.name = 'Ada'", "votes_round_id_image_id_fkey"),
    ("INSERT INTO votes (image_id, annotator_id, round_id, occurrence, score, saw_model, saw_others, served_why,
                         client_key)
      SELECT image_id, annotator_id, round_id, 1, 11, FALSE, FALSE, 'random', gen_random_uuid() FROM votes",
     "votes_score_check"),
    ("UPDATE votes SET score = 8", "rows of votes are never changed"),
    ("DELETE FROM annotators WHERE name = 'Ada'", "votes_annotator_id_fkey"),
    ("INSERT INTO corrections (image_id, annotator_id, round_id, kind, is_watch, saw_model, saw_others, served_why,
                               client_key)
      SELECT image_id, annotator_id, round_id, 'verdict', TRUE, FALSE, FALSE, 'random', gen_random_uuid() FROM votes",
     "corrections_verdicts_are_outside_rounds"),
    ("INSERT INTO label_imports (image_id, is_watch, source) SELECT id, TRUE, 'labels.csv' FROM images WHERE audit",
     "label_imports_image_id_audit_fkey"),
    ("UPDATE threshold_settings SET value = 0.1", "rows of threshold_settings are never changed"),
    ("INSERT INTO annotators (id, name, role) VALUES (gen_random_uuid(), 'ADA', 'annotator')", "annotators_name"),
    ("UPDATE annotators SET role = 'owner'", "annotators_role_check"),
    ("INSERT INTO api_tokens (name, sha256, role) VALUES ('t', '\\x00', 'admin')", "api_tokens_sha256_check"),
];

#[sqlx::test]
async fn the_schema_refuses_what_must_not_be(pool: PgPool) {
    load(&pool, PICTURES).await;
    load(&pool, JUDGEMENTS).await;
    let rows = row_counts(&pool).await;
    for (statement, reason) in REFUSED {
        match sqlx::query(*statement).execute(&pool).await {
            Ok(done) => panic!("{} rows instead of {reason}: {statement}", done.rows_affected()),
            Err(error) => {
                let error = error.into_database_error().unwrap();
                let by = error.constraint().unwrap_or(error.message());
                assert!(
                    by.starts_with(reason),
                    "{by} ({}) instead of {reason}: {statement}",
                    error.message()
                );
            }
        }
    }
    assert_eq!(row_counts(&pool).await, rows);
}

#[sqlx::test]
async fn what_is_at_the_edge_is_accepted(pool: PgPool) {
    load(&pool, PICTURES).await;
    load(&pool, JUDGEMENTS).await;
    // A sum that is off by less than 1e-6; certainty; a closed path used again; a path longer than an index entry.
    for (statement, rows) in [
        ("INSERT INTO quality_predictions (image_id, model_id, bins, mean, std) SELECT i.id, m.id,
          '{0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1000009}', 10, 0
          FROM images i, models m WHERE i.audit AND m.task = 'quality'", 1),
        ("INSERT INTO watch_predictions (image_id, model_id, confidence, positives) SELECT i.id, m.id, 1, '{0,1}'
          FROM images i, models m WHERE i.audit AND m.task = 'watch'", 1),
        ("INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, state)
          VALUES ('/drop', 'old.jpg', 'old.jpg', 1, 1, 1, 'settling')", 1),
        ("INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, state)
          SELECT '/drop', convert_to(name, 'UTF8'), name, 1, 1, 1, 'settling'
          FROM (SELECT string_agg(md5(n::text), '/') AS name FROM generate_series(1, 120) n) long", 1),
        ("UPDATE votes SET superseded_at = now()", 6),
        ("INSERT INTO votes (image_id, annotator_id, round_id, score, saw_model, saw_others, served_why, client_key)
          SELECT image_id, annotator_id, round_id, 3, FALSE, FALSE, 'random', gen_random_uuid() FROM votes", 6),
    ] {
        assert_eq!(sqlx::query(statement).execute(&pool).await.unwrap().rows_affected(), rows, "{statement}");
    }
}

#[sqlx::test]
async fn an_image_that_was_never_scored_can_be_rejected(pool: PgPool) {
    load(&pool, PICTURES).await;
    load(&pool, JUDGEMENTS).await;
    for statement in [
        "UPDATE sightings SET state = 'failed', reason = 'truncated' FROM images i WHERE i.id = image_id AND i.audit",
        "DELETE FROM images WHERE audit",
    ] {
        assert_eq!(sqlx::query(statement).execute(&pool).await.unwrap().rows_affected(), 1, "{statement}");
    }
    let rows = row_counts(&pool).await;
    assert_eq!((rows["images"], rows["catalog"], rows["scorings"], rows["sightings"]), (2, 2, 4, 6));
}

#[sqlx::test]
async fn a_broken_picture_that_somebody_labelled_is_turned_away_with_its_reason(pool: PgPool) {
    load(&pool, PICTURES).await;
    load(&pool, JUDGEMENTS).await;
    let image: ImageId =
        sqlx::query_scalar("SELECT id FROM images WHERE audit").fetch_one(&pool).await.unwrap();
    sqlx::query(
        "INSERT INTO corrections (image_id, annotator_id, kind, is_watch, saw_model, saw_others, served_why, client_key)
         SELECT $1, id, 'verdict', true, true, true, 'image page', gen_random_uuid() FROM annotators LIMIT 1",
    )
    .bind(image)
    .execute(&pool)
    .await
    .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    images::reject(&mut conn, image, "truncated").await.unwrap();
    let is_kept: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM images WHERE id = $1)")
        .bind(image)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(is_kept, "what was said of it stays");
    let failed: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sightings WHERE state = 'failed' AND reason = 'truncated'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(failed, 1, "the ledger says why");
}

#[sqlx::test]
async fn the_label_in_sql_is_the_label_in_rust(pool: PgPool) {
    let below = 0.01_f64.next_down();
    let above = 0.01_f64.next_up();
    for verdict in [None, Some(true), Some(false)] {
        for confidence in [0.0, below, 0.01, above, 1.0] {
            for threshold in [0.0, below, 0.01, above, 1.0] {
                let label: bool = sqlx::query_scalar("SELECT watch_label($1, $2, $3)")
                    .bind(verdict)
                    .bind(confidence)
                    .bind(threshold)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
                let is_watch =
                    Threshold::new(threshold).unwrap().is_watch(Confidence::new(confidence).unwrap());
                assert_eq!(label, verdict.unwrap_or(is_watch), "{verdict:?} {confidence} {threshold}");
            }
        }
    }
    let unscored: Option<bool> =
        sqlx::query_scalar("SELECT watch_label(NULL, NULL, 0.01)").fetch_one(&pool).await.unwrap();
    assert_eq!(unscored, None);
}

#[sqlx::test]
async fn the_planner_looks_into_the_label(pool: PgPool) {
    let plan = texts(
        &pool,
        "EXPLAIN SELECT image_id FROM catalog WHERE watch_label(verdict, watch_confidence, 0.5)",
    )
    .await
    .join("\n");
    assert!(!plan.contains("watch_label"), "{plan}");
    assert!(plan.contains("COALESCE(verdict, (watch_confidence > '0.5'::double precision))"), "{plan}");
}

/// Who says what, step by step, and the verdict on the image after each.
const VERDICTS: &[(&str, &str, bool, Option<bool>)] = &[
    ("Ada", "answer", true, None),          // one of the two that are needed
    ("Ben", "answer", false, None),         // a tie
    ("Cleo", "answer", false, Some(false)), // two to one
    ("Ada", "answer", false, Some(false)),  // Ada changes her mind: three to none
    ("Mia", "verdict", true, Some(true)),   // the manager decides
    ("Mia", "verdict", false, Some(false)), // and decides anew
];

#[sqlx::test]
async fn the_verdict_is_the_managers_or_the_majoritys(pool: PgPool) {
    load(&pool, PICTURES).await;
    for (step, (name, kind, is_watch, expected)) in VERDICTS.iter().enumerate() {
        sqlx::query(
            "UPDATE corrections c SET superseded_at = now() FROM annotators a
             WHERE a.id = annotator_id AND a.name = $1 AND c.kind = $2",
        )
        .bind(name)
        .bind(kind)
        .execute(&pool)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO corrections (image_id, annotator_id, kind, is_watch, saw_model, saw_others, served_why,
                                      client_key)
             SELECT i.id, a.id, $2, $3, TRUE, FALSE, 'image page', gen_random_uuid()
             FROM images i, annotators a WHERE i.audit AND a.name = $1",
        )
        .bind(name)
        .bind(kind)
        .bind(is_watch)
        .execute(&pool)
        .await
        .unwrap();
        assert_eq!(verdict(&pool).await, *expected, "after step {step}");
    }

    // Without Mia the three answers hold; without Ben two are left, of which both say no.
    for (name, expected) in [("Mia", Some(false)), ("Ben", Some(false)), ("Cleo", None)] {
        sqlx::query("UPDATE annotators SET excluded_at = now() WHERE name = $1")
            .bind(name)
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(verdict(&pool).await, expected, "without {name}");
    }
}

async fn verdict(pool: &PgPool) -> Option<bool> {
    sqlx::query_scalar("SELECT watch_verdict(id) FROM images WHERE audit").fetch_one(pool).await.unwrap()
}

/// A query of the service with what follows from it: the index that answers it, in order, without a sort.
const SERVED: &[(&str, &str)] = &[
    (
        "SELECT * FROM catalog WHERE generation_id = 1 ORDER BY quality_mean, image_id LIMIT 20",
        "catalog_quality_mean",
    ),
    (
        "SELECT * FROM catalog WHERE generation_id = 1 AND quality_mean IS NOT NULL
      AND (quality_mean, image_id) < (5.5, '01900000-0000-7000-8000-000000000002')
      ORDER BY quality_mean DESC, image_id DESC LIMIT 20",
        "catalog_quality_mean",
    ),
    (
        "SELECT * FROM catalog WHERE generation_id = 1 AND watch_confidence IS NOT NULL
      ORDER BY watch_confidence DESC, image_id DESC LIMIT 20",
        "catalog_watch_confidence",
    ),
    (
        "SELECT * FROM catalog WHERE generation_id = 1 ORDER BY ingested_at DESC, image_id DESC LIMIT 20",
        "catalog_ingested_at",
    ),
    (
        "SELECT * FROM catalog WHERE generation_id = 1 AND human_rank IS NOT NULL
      ORDER BY human_rank DESC, image_id DESC LIMIT 20",
        "catalog_human_rank",
    ),
    (
        "SELECT * FROM catalog WHERE generation_id = 1 AND sharpness IS NOT NULL
      ORDER BY sharpness DESC, image_id DESC LIMIT 20",
        "catalog_sharpness",
    ),
    (
        "SELECT * FROM sightings WHERE state = 'failed' AND superseded_at IS NULL
      ORDER BY first_seen DESC, id DESC LIMIT 50",
        "sightings_state",
    ),
    (
        "SELECT * FROM sightings WHERE superseded_at IS NULL ORDER BY first_seen DESC, id DESC LIMIT 50",
        "sightings_newest",
    ),
    (
        "SELECT value FROM threshold_settings WHERE model_id = 1 ORDER BY id DESC LIMIT 1",
        "threshold_settings_model_id",
    ),
];

#[sqlx::test]
async fn an_index_serves_the_query_that_its_comment_names(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    // Enough rows of which one in a hundred failed, so that an index pays.
    sqlx::raw_sql(
        "INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, state, reason)
         SELECT '/drop', convert_to(n::text, 'UTF8'), n::text, 1, 1, 1,
                CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'settling' END, 'a reason' FROM generate_series(1, 10000) n;
         ANALYZE sightings; SET enable_seqscan = off; SET enable_bitmapscan = off",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    for (query, index) in SERVED {
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {query}")))
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Sort"), "{query}\n{plan}");
    }
}
