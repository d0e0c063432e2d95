//! Raters: how far people agree, and how each of them uses the scale.

use chronograde::{domain::AnnotatorId, store::progress};
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

#[sqlx::test(migrations = "./migrations")]
async fn others_are_compared_with_those_who_count_and_what_does_not_count_says_why(pool: PgPool) {
    let images = images(&pool).await;
    let given: Vec<(Uuid, &[i16])> = images[..3].iter().map(|image| (*image, &[8, 4, 2][..])).collect();
    votes(&pool, &given).await;
    answers(&pool, &images[..1]).await;
    let site = TestSite::start(pool.clone(), "").await;
    let bias = async || {
        let page = site.page("/raters").await;
        let names = page.all("td[data-name=Name]").into_iter();
        let mut rows: Vec<_> = names.zip(page.all("td.number[data-name=Bias]")).collect();
        rows.sort();
        rows.into_iter().map(|(_, bias)| bias).collect::<Vec<_>>()
    };
    assert_eq!(bias().await, ["+5.00", "−1.00", "−4.00"]);
    sqlx::raw_sql("UPDATE annotators SET excluded_at = now() WHERE name = 'voter 3'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(bias().await, ["+4.00", "−4.00", "−4.00"], "the excluded one is no measure for the others");

    let said = site.page(&format!("/images/{}", images[0])).await.all(".said li");
    let of =
        |start: &str| said.iter().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{said:?}"));
    assert!(of("voter 3: 2").ends_with("does not count: whoever gave it is excluded"), "{said:?}");
    assert!(of("voter 3: no watch").ends_with("does not count: whoever said it is excluded"), "{said:?}");
    assert!(
        !of("voter 1: 8").contains("does not count") && !of("voter 1: no watch").contains("does not count")
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_silent_repeat_is_no_further_picture_and_a_vote_beside_the_score_says_why_it_does_not_count(
    pool: PgPool,
) {
    let images = images(&pool).await;
    let given: Vec<(Uuid, &[i16])> = images[..3].iter().map(|image| (*image, &[8, 4][..])).collect();
    votes(&pool, &given).await;
    sqlx::raw_sql(
        "INSERT INTO votes (image_id, annotator_id, round_id, occurrence, score, saw_model, saw_others, served_why, client_key)
         SELECT image_id, annotator_id, round_id, 1, score, false, false, served_why, gen_random_uuid() FROM votes;
         INSERT INTO rounds (title, guide_id, asks_quality, judgements_per_image, state, opened_at, closed_at)
         SELECT 'Seen', max(id), true, 1, 'closed', now(), now() FROM guides;
         INSERT INTO round_images (round_id, image_id, position, drawn_why, drawn_probability)
         SELECT (SELECT max(id) FROM rounds), image_id, position, drawn_why, drawn_probability FROM round_images WHERE position = 0;
         INSERT INTO votes (image_id, annotator_id, round_id, score, saw_model, saw_others, served_why, client_key)
         SELECT image_id, annotator_id, (SELECT max(id) FROM rounds), 9, true, false, served_why, gen_random_uuid()
         FROM votes JOIN round_images USING (round_id, image_id) WHERE position = 0 AND occurrence = 0",
    )
    .execute(&pool)
    .await
    .unwrap();
    let who: Uuid = sqlx::query_scalar("SELECT id FROM annotators WHERE name = 'voter 1'")
        .fetch_one(&pool)
        .await
        .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mine = progress::mine(&mut conn, AnnotatorId(who), chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((mine.today, mine.total, mine.spread.iter().sum::<i64>()), (4, 4, 4));
    let site = TestSite::start(pool.clone(), "").await;
    let said = site.page(&format!("/images/{}", images[0])).await.all(".said li");
    let seen = said
        .iter()
        .filter(|line| line.ends_with("does not count: the model’s score was seen before"))
        .count();
    assert_eq!((said.len(), seen), (4, 2), "{said:?}");
}

#[sqlx::test(migrations = "./migrations")]
async fn of_three_who_scatter_alike_the_page_makes_nobody_the_measure(pool: PgPool) {
    let images = images(&pool).await;
    // The first votes the mean of the two others: as if without any error.
    let given: Vec<Vec<i16>> = (0..24_i16).map(|number| vec![5, 5 + number % 4, 5 - number % 4]).collect();
    let given: Vec<(Uuid, &[i16])> = images.iter().copied().zip(given.iter().map(Vec::as_slice)).collect();
    votes(&pool, &given).await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/raters").await;
    let notice = page.one("[aria-labelledby=habits] .notice");
    assert!(notice.contains("all weigh the same. The estimate ran towards voter 1"), "{notice}");
    let scatter = page.all("[aria-labelledby=habits] [data-name=Scatter]");
    assert!(scatter.iter().all(|text| text == &scatter[0] && text.ends_with("everybody’s")), "{scatter:?}");
    assert!(
        page.all("[aria-labelledby=moved] span")
            .iter()
            .all(|text| text.contains("mean 5.00") && text.contains("score 5.00"))
    );
}
