//! What goes out comes in again: labels, votes and answers, from one catalog into another with the same pictures.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;
use sqlx::PgPool;

use super::catalog::Catalog;

/// Names that a table of values must survive, and what a spreadsheet would take for a formula.
const NAMES: [&str; 8] = [
    "68428_1.png",
    "68428_2.png",
    "a \"b\", c.png",
    "=1+1.png",
    "line\nbreak.png",
    "café.png",
    "68500_1.png",
    "68500_2.png",
];

/// A catalog of drawn pictures, with models and scores that are written by hand.
async fn catalog(shift: u8) -> (Catalog, PgPool) {
    let catalog = Catalog::empty().await;
    let shades = (0..).step_by(20);
    let pictures: Vec<(u8, &[u8])> = shades.zip(NAMES.map(str::as_bytes)).collect();
    catalog.draw(&pictures);
    catalog.runs(&["migrate"]);
    let pool = PgPool::connect_with(catalog.options()).await.unwrap();
    // The other catalog has other model rows, and numbers of its own for everything.
    sqlx::query(
        "INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, default_threshold, question)
         VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w'), 0.5, 'watch'),
                ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q'), NULL, NULL)",
    )
    .execute(&pool)
    .await
    .unwrap();
    sqlx::raw_sql(
        "INSERT INTO generations (watch_model, quality_model, state)
         SELECT w.id, q.id, 'live' FROM models w, models q WHERE w.name = 'w' AND q.name = 'q';
         INSERT INTO active_generation (generation_id) SELECT id FROM generations;",
    )
    .execute(&pool)
    .await
    .unwrap();
    catalog.sweep(&pool, i64::try_from(NAMES.len()).unwrap()).await;
    sqlx::query("UPDATE images SET audit = false").execute(&pool).await.unwrap();
    sqlx::query(
        "INSERT INTO quality_predictions (image_id, model_id, bins, mean, std)
         SELECT i.id, m.id, '{0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1}', 5.5, 2.8722813232690143 FROM images i, models m WHERE m.name = 'q'",
    )
    .execute(&pool)
    .await
    .unwrap();
    sqlx::query("UPDATE catalog SET watch_confidence = $1, quality_mean = 5.5, quality_std = 2.87")
        .bind(f64::from(shift) / 100.0)
        .execute(&pool)
        .await
        .unwrap();
    (catalog, pool)
}

/// Three people judge every picture in a closed round, one of them changes a vote, one is excluded; a manager gives verdicts.
async fn judged(pool: &PgPool) {
    sqlx::raw_sql(
        "INSERT INTO annotators (id, name, role) VALUES (gen_random_uuid(), 'Ada', 'manager'), (gen_random_uuid(), 'Ben', 'annotator');
         INSERT INTO annotators (id, name, role, excluded_at) VALUES (gen_random_uuid(), 'Cleo', 'annotator', now());
         INSERT INTO guides (name, version, body) VALUES ('beauty', 3, 'Look.');
         INSERT INTO rounds (title, guide_id, asks_quality, watch_question, judgements_per_image, state, opened_at, closed_at)
         SELECT 'A \"round\", first', id, true, 'watch', 3, 'closed', now(), now() FROM guides WHERE name = 'beauty';
         INSERT INTO round_images (round_id, image_id, position, drawn_why, drawn_probability, judged)
         SELECT (SELECT max(id) FROM rounds), id, row_number() OVER (ORDER BY sha256), 'random', 0.5, 3 FROM images;
         INSERT INTO votes (image_id, annotator_id, round_id, score, seconds, saw_model, saw_others, pixels_shown, served_why,
                            served_probability, client_key, created_at, superseded_at)
         SELECT p.image_id, a.id, p.round_id, 1 + (p.position * 3 + length(a.name)) % 10, 1.0 / 3, false, false, 900, 'random', 0.1,
                gen_random_uuid(), now() - interval '1 day', now() FROM round_images p, annotators a WHERE a.name = 'Ben';
         INSERT INTO votes (image_id, annotator_id, round_id, score, seconds, saw_model, saw_others, served_why, client_key)
         SELECT p.image_id, a.id, p.round_id, 1 + (p.position * 7 + length(a.name)) % 10, NULL, false, false, 'random',
                gen_random_uuid() FROM round_images p, annotators a;
         INSERT INTO corrections (image_id, annotator_id, round_id, kind, is_watch, saw_model, saw_others, served_why, client_key)
         SELECT p.image_id, a.id, p.round_id, 'answer', p.position % 3 > 0, false, false, 'random', gen_random_uuid()
         FROM round_images p, annotators a;
         INSERT INTO corrections (image_id, annotator_id, kind, is_watch, saw_model, saw_others, served_why, client_key)
         SELECT p.image_id, a.id, 'verdict', p.position % 2 = 0, true, false, 'image page', gen_random_uuid()
         FROM round_images p, annotators a WHERE a.name = 'Ada' AND p.position < 4;",
    )
    .execute(pool)
    .await
    .unwrap();
    let images: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM images").fetch_all(pool).await.unwrap();
    chronograde::store::evidence::refresh(&mut pool.acquire().await.unwrap(), &images).await.unwrap();
}

/// The rows of an export without what is another catalog's own: numbers of rows, images and rounds.
fn comparable(text: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        for own in
            ["vote_id", "correction_id", "image_id", "round_id", "ingested_at", "watch_confidence", "watch"]
        {
            row.remove(own);
        }
    }
    rows.sort_by_key(ToString::to_string);
    rows
}

fn written(catalog: &Catalog, export: &str, folder: &Path) -> (String, String) {
    let path = folder.join(export);
    catalog.runs(&["export", export, "--out", path.to_str().unwrap()]);
    (fs::read_to_string(&path).unwrap(), path.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn judgements_that_go_out_come_in_again_without_loss() {
    let ((here, here_pool), (there, there_pool)) = tokio::join!(catalog(90), catalog(20));
    judged(&here_pool).await;
    let folder = tempfile::tempdir().unwrap();
    let exports = ["votes.jsonl", "corrections.jsonl"];
    let out = exports.map(|export| written(&here, export, folder.path()));
    let files = out.each_ref().map(|(_, path)| path.as_str());

    let said = there.runs(&["--json", "import-judgements", files[0], files[1]]);
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((said[0]["rows"].as_u64(), said[0]["new"].as_u64()), (Some(32), Some(32)));
    assert_eq!((said[1]["rows"].as_u64(), said[1]["new"].as_u64()), (Some(27), Some(27)));

    let elsewhere = tempfile::tempdir().unwrap();
    for ((before, _), export) in out.iter().zip(exports) {
        let (after, _) = written(&there, export, elsewhere.path());
        assert_eq!(comparable(before), comparable(&after), "{export}");
    }
    // Counts, means and verdicts follow, and the files that trainers read are the same.
    let (before, _) = written(&here, "images.jsonl", folder.path());
    let (after, _) = written(&there, "images.jsonl", elsewhere.path());
    assert_eq!(comparable(&before), comparable(&after));
    assert!(comparable(&before).iter().any(|row| row["votes"] == 2 && row["verdict"].is_boolean()));
    let lines = |text: String| {
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
        lines.sort();
        lines
    };
    let nima = |catalog, folder: &tempfile::TempDir| lines(written(catalog, "nima.json", folder.path()).0);
    assert_eq!(nima(&here, &folder), nima(&there, &elsewhere));
    assert_eq!(nima(&here, &folder).len(), 2 + NAMES.len());

    // Rounds of elsewhere are no evidence for the audit set.
    sqlx::query("UPDATE images SET audit = true").execute(&there_pool).await.unwrap();
    let mut conn = there_pool.acquire().await.unwrap();
    let view = chronograde::store::viewpoint::active(&mut conn).await.unwrap().unwrap();
    let labelled = chronograde::store::labels::all(&mut conn, &view).await.unwrap();
    assert_eq!((labelled.audit.len(), labelled.tuning.len()), (0, 0));
    drop(conn);

    // Twice is once.
    let again = there.runs(&["--json", "import-judgements", files[0]]);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((again["new"].as_u64(), again["here_already"].as_u64()), (Some(0), Some(32)));
    let own = here.runs(&["--json", "import-judgements", files[1]]);
    assert!(own.contains("\"new\":0"), "{own}");
    assert!(there.refuses(&["import-judgements", "Cargo.toml"]).contains("no JSON"));
    here_pool.close().await;
    there_pool.close().await;
}

#[tokio::test]
async fn tables_have_the_columns_of_their_lines_and_a_judgement_that_is_said_twice_comes_in_once() {
    let ((here, here_pool), (there, there_pool)) = tokio::join!(catalog(90), catalog(20));
    judged(&here_pool).await;
    let folder = tempfile::tempdir().unwrap();
    for table in ["images", "votes", "corrections"] {
        let (lines, _) = written(&here, &format!("{table}.jsonl"), folder.path());
        let (csv, path) = written(&here, &format!("{table}.csv"), folder.path());
        let line: serde_json::Map<String, Value> =
            serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let mut columns: Vec<&str> = reader.headers().unwrap().iter().collect();
        columns.sort_unstable();
        let mut keys: Vec<&str> = line.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(columns, keys, "{table}");
        // It may be read by whom this user's other files may be read.
        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(Path::new(&path)), mode(&other));
    }

    let (votes, _) = written(&here, "votes.jsonl", folder.path());
    let twice = folder.path().join("twice.jsonl");
    fs::write(&twice, votes.repeat(2)).unwrap();
    let said = there.runs(&["--json", "import-judgements", twice.to_str().unwrap()]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (said["rows"].as_u64(), said["new"].as_u64(), said["here_already"].as_u64()),
        (Some(64), Some(32), Some(32))
    );
    // A row is a vote or an answer.
    let mut both: Value = serde_json::from_str(votes.lines().next().unwrap()).unwrap();
    both["correction_id"] = 1.into();
    fs::write(&twice, both.to_string()).unwrap();
    assert!(there.refuses(&["import-judgements", twice.to_str().unwrap()]).contains("line 1 is none of"));
    here_pool.close().await;
    there_pool.close().await;
}

#[tokio::test]
async fn a_folder_for_training_keeps_the_audit_set_apart_and_is_left_as_it_was_after_an_error() {
    let (here, pool) = catalog(90).await;
    judged(&pool).await;
    sqlx::query("UPDATE images SET audit = true WHERE id IN (SELECT image_id FROM catalog WHERE filename LIKE '68500%')")
        .execute(&pool)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().to_str().unwrap();
    sqlx::raw_sql("ALTER TABLE catalog RENAME TO away").execute(&pool).await.unwrap();
    here.refuses(&["export", "--folder", pictures]);
    assert_eq!(fs::read_dir(pictures).unwrap().count(), 0, "nothing is left behind");
    sqlx::raw_sql("ALTER TABLE away RENAME TO catalog").execute(&pool).await.unwrap();
    here.runs(&["export", "--folder", pictures]);
    let count = |name: &str| fs::read_dir(folder.path().join(name)).unwrap().count();
    assert_eq!(count("watch") + count("other"), NAMES.len() - 2);
    assert_eq!(count("audit/watch") + count("audit/other"), 2);
    let table = fs::read_to_string(folder.path().join("labels.csv")).unwrap();
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert_eq!(rows.len(), NAMES.len());
    for row in rows {
        assert_eq!(row.starts_with("audit/"), row.split(',').nth(3) == Some("true"), "{row}");
        assert!(folder.path().join(row.split(',').next().unwrap()).is_file(), "{row}");
    }
    pool.close().await;
}

#[tokio::test]
async fn labels_that_go_out_come_in_again_and_never_into_the_audit_set() {
    let ((here, here_pool), (there, there_pool)) = tokio::join!(catalog(90), catalog(20));
    judged(&here_pool).await;
    sqlx::query("UPDATE images SET audit = true WHERE id = (SELECT image_id FROM catalog WHERE filename = 'café.png')")
        .execute(&there_pool)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (table, file) = written(&here, "images.csv", folder.path());
    assert!(table.contains("'=1+1.png") && !table.contains("\n=1+1"), "{table}");
    let told = |said: String| -> Value { serde_json::from_str(&said).unwrap() };
    let tried = told(there.runs(&["--json", "import-labels", &file, "--dry-run"]));
    let first = told(there.runs(&["--json", "import-labels", &file]));
    assert_eq!(
        (tried["new"].as_u64(), first["new"].as_u64(), first["audit"].as_u64()),
        (Some(7), Some(7), Some(1))
    );
    let verdicts = async |pool: &PgPool| -> Vec<(String, Option<bool>)> {
        let sql = "SELECT filename, verdict FROM catalog WHERE filename <> 'café.png' ORDER BY filename";
        sqlx::query_as(sql).fetch_all(pool).await.unwrap()
    };
    assert_eq!(verdicts(&here_pool).await, verdicts(&there_pool).await);
    assert_eq!(told(there.runs(&["--json", "import-labels", &file]))["same"].as_u64(), Some(7));

    // A folder of pictures, the way trainers read it, and back.
    let pictures = folder.path().join("pictures");
    here.runs(&["export", "--folder", pictures.to_str().unwrap()]);
    assert!(here.refuses(&["export", "--folder", pictures.to_str().unwrap()]).contains("not empty"));
    let (watch, other) = (pictures.join("watch"), pictures.join("other"));
    let folders = [watch.to_str().unwrap(), other.to_str().unwrap()];
    let said = told(there.runs(&[
        "--json",
        "import-labels",
        "--source",
        "folders",
        "--folders",
        folders[0],
        folders[1],
    ]));
    assert_eq!(
        (said["labels"].as_u64(), said["new"].as_u64(), said["audit"].as_u64()),
        (Some(8), Some(7), Some(1))
    );
    let both = there.refuses(&["import-labels", "--folders", folders[0], folders[0]]);
    assert!(both.contains("different labels; nothing was kept"), "{both}");

    // What people say here weighs more than what came from outside.
    let names = folder.path().join("names.csv");
    fs::write(&names, "file,watch\n68428_1.png,1\nnowhere.png,0\n").unwrap();
    let said = told(there.runs(&["--json", "import-labels", names.to_str().unwrap()]));
    assert_eq!((said["new"].as_u64(), said["unknown"].as_u64()), (Some(1), Some(1)));
    let label = "SELECT verdict FROM catalog WHERE filename = '68428_1.png'";
    assert_eq!(
        sqlx::query_scalar::<_, Option<bool>>(label).fetch_one(&there_pool).await.unwrap(),
        Some(true)
    );
    here_pool.close().await;
    there_pool.close().await;
}
