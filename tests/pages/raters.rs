//! Raters: how far people agree, and how each of them uses the scale.

use sqlx::PgPool;
use uuid::Uuid;

use super::{
    agreement::votes,
    catalog::{Catalog, Picture, TestSite},
};

async fn images(pool: &PgPool) -> Vec<Uuid> {
    let mut catalog = Catalog::open(pool, 0.5).await;
    let mut images = vec![];
    for number in 0..24_i32 {
        images.push(catalog.add(Picture::scored(number, 5.0, 0.9)).await);
    }
    images
}

/// Blind answers of everybody to the watch question, of which the last contradicts.
async fn answers(pool: &PgPool, images: &[Uuid]) {
    sqlx::query(
        "INSERT INTO corrections (image_id, annotator_id, round_id, kind, is_watch, saw_model, saw_others, served_why, client_key)
         SELECT wanted.image, a.id, (SELECT max(id) FROM rounds), 'answer', (wanted.place % 2 = 0) <> (a.name = 'voter 3' AND wanted.place = 4),
                false, false, 'random', gen_random_uuid()
         FROM unnest($1::uuid[]) WITH ORDINALITY wanted (image, place), annotators a WHERE a.name LIKE 'voter %'",
    )
    .bind(images)
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn a_generous_rater_and_a_strict_one_are_told_apart_and_few_votes_claim_little(pool: PgPool) {
    let images = images(&pool).await;
    // One votes a point above, one a point below; a fourth, two points above, on two images only.
    let given: Vec<Vec<i16>> = (0..24_i16)
        .map(|number| {
            let base = 3 + number % 5;
            let mut given = vec![base + 1, base, base - 1];
            given.extend((number < 2).then_some(base + 2));
            given
        })
        .collect();
    let given: Vec<(Uuid, &[i16])> = images.iter().copied().zip(given.iter().map(Vec::as_slice)).collect();
    votes(&pool, &given).await;
    answers(&pool, &images[..6]).await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/raters").await;
    assert_eq!(
        page.all("[aria-labelledby=habits] th[scope=row]"),
        ["voter 4", "voter 1", "voter 2", "voter 3"]
    );
    let bias = page.all("[aria-labelledby=habits] [data-name=Bias]");
    assert_eq!(bias, ["+2.00", "+1.00 ± 0.00", "0.00 ± 0.00", "−1.00 ± 0.00"]);
    let scatter = page.all("[aria-labelledby=habits] [data-name=Scatter]");
    assert_eq!(
        (scatter[0].as_str(), scatter[1].as_str()),
        (
            "0.00 everybody’s: fewer than 20 votes on pictures that three judged",
            "0.00 steadier than whole points allow"
        )
    );

    let about = page.all("[aria-labelledby=agree] tbody th");
    assert_eq!(
        about,
        ["Quality, as an order", "Quality, as a scale", "Quality, as names", "Watch or no watch"]
    );
    let alpha = page.all("[aria-labelledby=agree] [data-name=Alpha]");
    assert!(alpha[2].starts_with('−'), "no two ever gave the same score: {alpha:?}");
    // Four people on six images: the one that contradicts, once, leaves 21 of 24 pairs of answers at that image.
    assert!(alpha[3].starts_with("0.8") && alpha[3].contains(" to 1.00)"), "{alpha:?}");
    assert_eq!(page.all("[aria-labelledby=agree] [data-name=Images]"), ["24", "24", "24", "6"]);

    // The images with a generous fourth vote are freed from it: a mean of 3.5 becomes 3.
    assert_eq!(page.all("[aria-labelledby=moved] span")[0], "mean 3.50 from 4 votesscore 3.00 ± 0.00");

    sqlx::raw_sql("UPDATE annotators SET excluded_at = now() WHERE name <> 'voter 1'")
        .execute(&pool)
        .await
        .unwrap();
    let alone = site.page("/raters").await;
    assert!(
        alone
            .one("[aria-labelledby=agree] .nothing")
            .starts_with("No image has been judged by two people yet")
    );
    assert_eq!(alone.all("[aria-labelledby=habits]").len(), 0, "who votes alone has no bias");
}
