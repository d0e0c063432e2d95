//! People against the model: figures, the noise ceiling, the images furthest apart, and what it takes.

use reqwest::StatusCode;
use sqlx::PgPool;
use uuid::Uuid;

use super::catalog::{Catalog, Html, Picture, TestSite};

/// Twelve images with rising quality, the model's distribution around it; a listing of two.
async fn scored(pool: &PgPool) -> Vec<Uuid> {
    let mut catalog = Catalog::open(pool, 0.5).await;
    let mut images = vec![];
    for number in 0..12_i32 {
        let listing = (number < 2).then(|| "offer-1".to_owned());
        images.push(catalog.add(Picture { listing, ..Picture::scored(number, 5.0, 0.9) }).await);
    }
    // Predictions are never overwritten: they are put in anew.
    sqlx::raw_sql("DELETE FROM quality_predictions").execute(pool).await.unwrap();
    for (image, number) in images.iter().zip(0_i32..) {
        let middle = number % 6 + 2;
        sqlx::query(
            "INSERT INTO quality_predictions (image_id, model_id, bins, mean, std)
             SELECT $1, id, (SELECT array_agg(CASE WHEN score = $2 THEN 0.6 WHEN abs(score - $2) = 1 THEN 0.2 ELSE 0.0 END
                                              ORDER BY score) FROM generate_series(1, 10) score)::float8[], $2, 0.6
             FROM models WHERE task = 'quality'",
        )
        .bind(image)
        .bind(f64::from(middle))
        .execute(pool)
        .await
        .unwrap();
    }
    images
}

/// A closed round in which people gave `scores` to each image, everybody in a place of their own.
pub async fn votes(pool: &PgPool, scores: &[(Uuid, &[i16])]) {
    let people = scores.iter().map(|(_, scores)| scores.len()).max().unwrap_or(0);
    sqlx::query("INSERT INTO annotators (id, name, role) SELECT gen_random_uuid(), 'voter ' || n, 'annotator' FROM generate_series(1, $1) n")
        .bind(i32::try_from(people).unwrap())
        .execute(pool)
        .await
        .unwrap();
    sqlx::raw_sql(
        "INSERT INTO guides (name, version, body) VALUES ('votes', 1, 'Judge the photograph.');
         INSERT INTO rounds (title, guide_id, asks_quality, judgements_per_image, state, opened_at, closed_at)
         SELECT 'Votes', max(id), true, 1, 'closed', now(), now() FROM guides",
    )
    .execute(pool)
    .await
    .unwrap();
    for ((image, scores), position) in scores.iter().zip(0_i32..) {
        sqlx::query(
            "INSERT INTO round_images (round_id, image_id, position, drawn_why, drawn_probability)
             SELECT max(id), $1, $2, 'all', 1 FROM rounds",
        )
        .bind(image)
        .bind(position)
        .execute(pool)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO votes (image_id, annotator_id, round_id, score, saw_model, saw_others, served_why, client_key)
             SELECT $1, a.id, (SELECT max(id) FROM rounds), s.score, false, false, 'random', gen_random_uuid()
             FROM unnest($2::smallint[]) WITH ORDINALITY s (score, n) JOIN annotators a ON a.name = 'voter ' || s.n",
        )
        .bind(image)
        .bind(*scores)
        .execute(pool)
        .await
        .unwrap();
    }
}

fn value(page: &Html, figure: &str) -> String {
    let names = page.all(".figures tbody th");
    let at = names.iter().position(|name| name == figure).unwrap_or_else(|| panic!("{figure} in {names:?}"));
    page.all(".figures td:nth-child(2)")[at].clone()
}

#[sqlx::test(migrations = "./migrations")]
async fn without_votes_the_page_says_how_to_get_some(pool: PgPool) {
    let images = scored(&pool).await;
    let site = TestSite::start(pool.clone(), "").await;
    let empty = site.page("/people-against-model").await;
    assert!(empty.one(".nothing").starts_with("Nobody has voted on a picture yet: open a round"));
    votes(&pool, &[(images[0], &[3, 4, 5])]).await;
    let few = site.page("/people-against-model").await;
    assert_eq!(
        few.one(".lead").rsplit("could. ").next().unwrap(),
        "0 images have at least 10 votes, of 1 image with any."
    );
    assert!(
        few.one(".nothing").starts_with("No scored image has so many votes yet; the most on one image is 3.")
    );
    let link = few.attributes(".nothing a", "href").remove(0);
    assert_eq!(link, "/people-against-model?least=3");
    let one = site.page(&link).await;
    assert_eq!(value(&one, "Rank correlation (SRCC)"), "undefined", "one image has no order");
    assert!(value(&one, "Bias, model less people").starts_with("−2.000"));
}

#[sqlx::test(migrations = "./migrations")]
async fn figures_are_of_images_with_enough_votes_and_the_worst_come_first(pool: PgPool) {
    let images = scored(&pool).await;
    // The model's middles are 2 to 7, twice. People agree, but for the second image: 9 instead of 3.
    let given: Vec<Vec<i16>> = (0..12_i16)
        .map(|number| {
            let middle = if number == 1 { 9 } else { number % 6 + 2 };
            // The last image has too few votes.
            [-1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
                .iter()
                .map(|off| middle + off)
                .take(if number == 11 { 9 } else { 10 })
                .collect()
        })
        .collect();
    let given: Vec<(Uuid, &[i16])> = images.iter().copied().zip(given.iter().map(Vec::as_slice)).collect();
    votes(&pool, &given).await;
    let site = TestSite::start(pool.clone(), "").await;
    let page = site.page("/people-against-model").await;
    assert!(
        page.one(".lead").ends_with("11 images have at least 10 votes, of 12 images with any."),
        "{}",
        page.one(".lead")
    );
    assert_eq!(page.all(".figures tbody tr").len(), 12);
    // One gap of 6 in 11 images: 6/11, and √(36/11).
    assert!(value(&page, "Mean absolute error (MAE)").starts_with("0.545 ("));
    let error = value(&page, "Root mean squared error (RMSE)");
    assert!(
        error.starts_with("1.809 (") && error.contains(" to "),
        "an error in points has its interval: {error}"
    );
    assert!(value(&page, "Bias, model less people").starts_with("−0.545 ("));
    assert!(value(&page, "Same side of 5").starts_with("0.909 ("));
    assert!(page.one(".figures caption").contains("drawn as 10 listings"));
    let ceiling = page.one("[aria-labelledby=figures] .sentence");
    assert!(
        ceiling.contains("200 random splits") && ceiling.contains("a perfect model about 0.9"),
        "{ceiling}"
    );
    assert_eq!(
        page.one("[aria-labelledby=worst] .sentence"),
        "On 1 of 11 images people and model differ by more than the luck of who voted; about one in twenty of those finds may still be luck."
    );
    assert_eq!(page.all("circle").len(), 11);
    assert_eq!(page.all("circle.apart title"), ["picture-1.jpg: people 9.00, model 3.00"]);
    let worst = page.attributes(".apart-list .plate", "href");
    assert_eq!((worst.len(), worst[0].as_str()), (11, format!("/images/{}", images[1]).as_str()));
    assert!(page.all(".apart-list .quiet")[0].starts_with("−6.00, more than chance"));
    assert!(page.all(".apart-list .quiet")[20].contains("may be chance"));
    let label = page.attributes(".apart-list li:first-child svg", "aria-label").remove(0);
    assert!(label.contains("9: 80\u{202f}%") && label.contains("3: 60\u{202f}%"), "{label}");

    assert_eq!(page.all(".leaves a").len(), 0);
    let beyond = site.page("/people-against-model?page=1").await;
    assert_eq!(beyond.all(".apart-list li").len(), 0);
    assert_eq!(beyond.attributes(".leaves a", "href"), ["/people-against-model?least=10&page=0#worst"]);

    // Whoever is excluded counts nowhere; a lower bound takes the image with nine votes in.
    sqlx::raw_sql("UPDATE annotators SET excluded_at = now() WHERE name = 'voter 1'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(site.page("/people-against-model").await.all(".nothing").len(), 1);
    assert!(
        site.page("/people-against-model?least=8")
            .await
            .one(".lead")
            .contains("12 images have at least 8 votes")
    );
    sqlx::query("UPDATE catalog SET hidden = true WHERE image_id = $1")
        .bind(images[1])
        .execute(&pool)
        .await
        .unwrap();
    let hidden = site.page("/people-against-model?least=8").await;
    assert_eq!(hidden.all(".apart-list li").len(), 11, "galleries leave hidden images out, figures do not");
    assert_eq!(site.status("/people-against-model?least=0").await, StatusCode::BAD_REQUEST);
    assert_eq!(site.status("/people-against-model?least=").await, StatusCode::OK, "an emptied field");
}
