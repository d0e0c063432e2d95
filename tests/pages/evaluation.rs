//! Evaluation: what it rests on, figures of three views, the cells' images, missed watches by class, suspicious labels.

use sqlx::PgPool;
use uuid::Uuid;

use super::catalog::{Catalog, Picture, TestSite};

/// Forty images whose confidence rises from 0; there is a watch from 0.3 on, but for one slip at 0.95 and one at 0.05. The
/// threshold is 0.5: eight watches and the slip are missed. Each label rests on one manager.
async fn labelled(pool: &PgPool) -> Vec<Uuid> {
    let mut catalog = Catalog::open(pool, 0.5).await;
    let mut images = vec![];
    for number in 0..40_i32 {
        images.push(catalog.add(Picture::scored(number, 5.0, f64::from(number) / 40.0)).await);
    }
    sqlx::raw_sql("INSERT INTO annotators (id, name, role) VALUES (gen_random_uuid(), 'Mara', 'manager')")
        .execute(pool)
        .await
        .unwrap();
    for (image, number) in images.iter().zip(0_i32..) {
        let watch = (number >= 12) != (number == 38 || number == 2);
        verdict(pool, *image, watch).await;
    }
    sqlx::raw_sql("DELETE FROM watch_predictions").execute(pool).await.unwrap();
    sqlx::raw_sql(
        r#"INSERT INTO watch_predictions (image_id, model_id, confidence, positives, top)
           SELECT c.image_id, m.id, c.watch_confidence, '{}',
                  jsonb_build_array(jsonb_build_object('label', CASE WHEN c.watch_confidence < 0.45 THEN 'magnetic compass' ELSE 'buckle' END,
                                                       'probability', 0.4))
           FROM catalog c, models m WHERE m.task = 'watch'"#,
    )
    .execute(pool)
    .await
    .unwrap();
    images
}

async fn verdict(pool: &PgPool, image: Uuid, watch: bool) {
    sqlx::query(
        "WITH said AS (
             INSERT INTO corrections (image_id, annotator_id, kind, is_watch, saw_model, saw_others, served_why, client_key)
             SELECT $1, id, 'verdict', $2, true, true, 'doubtful', gen_random_uuid() FROM annotators WHERE name = 'Mara')
         UPDATE catalog SET verdict = $2 WHERE image_id = $1",
    )
    .bind(image)
    .bind(watch)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn without_labels_the_page_says_how_to_get_some(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    assert_eq!(
        site.page("/evaluation").await.one(".lone p"),
        "No watch model with a threshold has scored here yet."
    );
    let mut catalog = Catalog::open(&pool, 0.5).await;
    let image = catalog.add(Picture::scored(0, 5.0, 0.9)).await;
    assert!(
        site.page("/evaluation")
            .await
            .one(".lone p")
            .starts_with("No judged images yet: open a round that asks")
    );
    sqlx::query("UPDATE catalog SET verdict = true WHERE image_id = $1")
        .bind(image)
        .execute(&pool)
        .await
        .unwrap();
    let one = site.page("/evaluation").await;
    assert!(
        one.one(".notice").starts_with("There is nothing to draw yet: all 1 labelled images are watches"),
        "{}",
        one.one(".notice")
    );
    assert_eq!(one.all(".absence li"), ["1 in another way, such as by an import."]);
    assert_eq!(one.all(".figures td[data-name=Everything]")[0], "—");
}

#[sqlx::test(migrations = "./migrations")]
async fn figures_curves_and_the_images_behind_each_cell(pool: PgPool) {
    let images = labelled(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/evaluation").await;
    assert_eq!(page.all(".tiles b"), ["40", "28", "12", "0", "0"]);
    assert_eq!(
        page.all(".absence li"),
        ["40 only by a manager, on Doubtful or on the image’s page: chosen by hand."]
    );
    assert!(
        page.one("[aria-labelledby=labels] .sentence")
            .starts_with("These are too few to say how good the model is: 28 with a watch and 12 without")
    );
    // 18 found, 10 missed, 1 false alarm, 11 left alone: F1 = 36/47, recall 18/28.
    assert_eq!(page.all(".matrix-of a"), ["18 found", "10 missed", "1 false alarm", "11 left alone"]);
    let everything = page.all(".figures td[data-name=Everything]");
    assert!(everything[4].starts_with("0.766 (") && everything[7].starts_with("0.643 ("), "{everything:?}");
    assert_eq!(page.all(".figures td[data-name=\"Audit set\"]")[0], "—");
    assert_eq!(page.all(".charts svg").len(), 5);
    assert!(
        page.attributes(".charts svg", "aria-label")[0].contains("At the present threshold recall is 0.643")
    );
    assert_eq!(
        page.all("[aria-labelledby=thresholds] tbody tr").len(),
        10,
        "the present one is among the ten"
    );
    assert_eq!(page.one(".present th"), "0.5 present");

    // The class that the model took missed watches for, the most frequent first.
    assert_eq!(page.all("[aria-labelledby=missed] h3"), ["magnetic compass 7 watches", "buckle 3 watches"]);
    // Nobody but a single person said so, and the model is sure of the contrary.
    let suspicious = page.attributes("[aria-labelledby=suspicious] .flips a", "href");
    assert_eq!(suspicious, [images[38], images[2]].map(|image| format!("/images/{image}")));

    let cells = page.attributes(".matrix-of a", "href");
    let missed = site.page(&cells[1]).await;
    assert_eq!(missed.one("h1"), "Watches that are missed");
    let listed = missed.attributes(".flips a", "href");
    assert_eq!(
        (listed.len(), &listed[0]),
        (10, &format!("/images/{}", images[2])),
        "the surest mistake first"
    );
    let alarms = site.page(&cells[2]).await;
    assert_eq!(alarms.attributes(".flips a", "href"), [format!("/images/{}", images[38])]);
    assert!(alarms.one(".flips span").starts_with("0.95, buckle"));
}

#[sqlx::test(migrations = "./migrations")]
async fn the_audit_set_is_evaluated_by_blind_answers_in_random_order_only(pool: PgPool) {
    let images = labelled(&pool).await;
    sqlx::raw_sql(
        "INSERT INTO guides (name, version, body) VALUES ('audit', 1, 'Is there a watch?');
         INSERT INTO rounds (title, guide_id, asks_quality, watch_question, judgements_per_image, blind, serving_order, state, opened_at)
         SELECT 'Audit', max(id), false, 'watch', 1, true, 'random', 'open', now() FROM guides",
    )
    .execute(&pool)
    .await
    .unwrap();
    // Four of the audit set: two with a watch, one of them missed, and two without.
    for (number, watch) in [(5, false), (15, true), (30, true), (1, false), (6, true)] {
        sqlx::query("UPDATE images SET audit = true WHERE id = $1")
            .bind(images[number])
            .execute(&pool)
            .await
            .unwrap();
        if number == 6 {
            continue; // Labelled by a manager only: no audit evidence.
        }
        sqlx::query(
            "WITH drawn AS (
                 INSERT INTO round_images (round_id, image_id, position, drawn_why, drawn_probability)
                 SELECT max(id), $1, $3, 'all', 1 FROM rounds RETURNING round_id, image_id)
             INSERT INTO corrections (image_id, annotator_id, round_id, kind, is_watch, saw_model, saw_others, served_why, client_key)
             SELECT d.image_id, a.id, d.round_id, 'answer', $2, false, false, 'random', gen_random_uuid()
             FROM drawn d, annotators a WHERE a.name = 'Mara'",
        )
        .bind(images[number])
        .bind(watch)
        .bind(i32::try_from(number).unwrap())
        .execute(&pool)
        .await
        .unwrap();
    }
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/evaluation?of=audit").await;
    assert_eq!(page.all(".tiles b")[3], "4");
    assert_eq!(page.all(".matrix-of a"), ["1 found", "1 missed", "0 false alarms", "2 left alone"]);
    assert!(page.all(".figures td[data-name=\"Audit set\"]")[7].starts_with("0.500 ("));
    assert_eq!(page.all(".sources li"), ["4 in “Audit”: images, in random order, blind."]);
    assert!(page.all(".absence li")[0].starts_with("4 in rounds that serve their images in random order"));
    assert!(
        page.one("[aria-labelledby=labels] .sentence")
            .contains("Of the audit set, 2 images with a watch and 2 without have fair labels")
    );
    let heads = page.all(".figures th[scope=col] .quiet");
    assert_eq!(heads[1], "2 with a watch, 2 without: too few");

    // One fair answer labels an image of the audit set, even where a label elsewhere takes more: each image counts once.
    sqlx::query(
        "UPDATE catalog SET verdict = NULL, corrections_against = 1, corrections_for = 0 WHERE image_id = ANY ($1)",
    )
    .bind([images[5], images[0]])
    .execute(&pool)
    .await
    .unwrap();
    let page = site.page("/evaluation?of=audit").await;
    let tiles: Vec<i32> = page.all(".tiles b").iter().map(|tile| tile.parse().unwrap()).collect();
    assert_eq!(
        tiles,
        [38, 28, 10, 4, 1],
        "38 labelled, 1 set aside, and 1 of the audit set that a manager labelled"
    );
    assert_eq!(page.all(".matrix-of a")[3], "2 left alone");
    assert!(page.all(".absence li")[0].starts_with("4 in rounds that serve"));
    let cell = page.attributes(".matrix-of a", "href").remove(1);
    assert_eq!(site.page(&cell).await.attributes(".flips a", "href"), [format!("/images/{}", images[15])]);
}
