use super::*;
use crate::{
    comparison::{HumanScore, VoteCounts},
    domain::{RoundState, SkipKind},
    feedback::{
        FeedbackError,
        judge::{Skip, Taken},
        verdict,
    },
    store::{corrections::Verdict, evidence, human_pool, image_views, reservations::Held, rounds},
};

/// Says that an image cannot be judged.
fn cannot(held: &Held, key: u128) -> Skip {
    let kind = SkipKind::Cannot;
    Skip { image: held.image, occurrence: held.occurrence, key: uuid::Uuid::from_u128(key), kind, why: None }
}

/// What the catalog says of an image: human mean, votes, answers for and against, verdict.
async fn shown(world: &World, image: ImageId) -> (Option<f64>, i32, i32, i32, Option<bool>) {
    sqlx::query_as(
        "SELECT human_mean, votes, corrections_for, corrections_against, verdict FROM catalog WHERE image_id = $1",
    )
    .bind(image)
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_same_key_is_stored_once_however_often_and_fast_it_comes(pool: PgPool) {
    let mut world = World::new(&pool, 5, 1, 1).await;
    let round = world.open(Ask::default()).await;
    let held = world.fill(round, 0).await;
    let seat = world.seat(round, 0);
    let one = vote(&held[0], 7, 1);
    let tries = futures_util::future::join_all((0..8).map(|_| judge::submit(&seat, &one))).await;
    let mut taken: Vec<_> = tries.into_iter().map(Result::unwrap).collect();
    taken.sort_by_key(|taken| *taken != Taken::First);
    assert_eq!((taken[0], taken[1..].iter().all(|taken| *taken == Taken::Again)), (Taken::First, true));
    assert_eq!(world.number("SELECT count(*) FROM votes").await, 1);
    assert_eq!(shown(&world, held[0].image).await, (Some(7.0), 1, 0, 0, None));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_change_keeps_the_old_vote_and_a_late_retry_of_it_changes_nothing(pool: PgPool) {
    let mut world = World::new(&pool, 5, 1, 2).await;
    let round = world.open(Ask::default()).await;
    let held = world.fill(round, 0).await;
    let seat = world.seat(round, 0);
    assert_eq!(submit(&seat, &vote(&held[0], 3, 1)).await, Taken::First);
    assert_eq!(
        submit(&seat, &vote(&held[0], 3, 2)).await,
        Taken::Same,
        "the same score again changes nothing"
    );
    assert_eq!(submit(&seat, &vote(&held[0], 8, 3)).await, Taken::Changed);
    assert_eq!(submit(&seat, &vote(&held[0], 3, 1)).await, Taken::Again);
    assert_eq!(world.number("SELECT count(*) FROM votes").await, 2);
    assert_eq!(
        world.number("SELECT count(*) FROM votes WHERE superseded_at IS NOT NULL AND score = 3").await,
        1
    );
    assert_eq!(shown(&world, held[0].image).await.0, Some(8.0));
    assert_eq!(world.number("SELECT max(judged)::bigint FROM round_images").await, 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn undo_takes_a_vote_back_once_and_gives_the_picture_again(pool: PgPool) {
    let mut world = World::new(&pool, 5, 1, 3).await;
    let round = world.open(Ask::default()).await;
    let held = world.fill(round, 0).await;
    submit(&world.seat(round, 0), &vote(&held[0], 3, 1)).await;
    for _ in 0..2 {
        let undone = judge::undo(&world.seat(round, 0), Uuid::from_u128(1)).await.unwrap();
        assert_eq!(undone, Some(held[0].image));
    }
    assert_eq!(shown(&world, held[0].image).await, (None, 0, 0, 0, None));
    assert_eq!(world.fill(round, 0).await[0].image, held[0].image, "it is the first one again");
    assert_eq!(submit(&world.seat(round, 0), &vote(&held[0], 9, 2)).await, Taken::First);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_closed_round_takes_what_was_handed_out_but_no_change_and_reopens(pool: PgPool) {
    let mut world = World::new(&pool, 5, 2, 4).await;
    let round = world.open(Ask::default()).await;
    let held = world.fill(round, 0).await;
    let seat = world.seat(round, 0);
    submit(&seat, &vote(&held[0], 3, 1)).await;
    let mut conn = pool.acquire().await.unwrap();
    assert!(rounds::close(&mut conn, round, world.clock.now()).await.unwrap());
    assert_eq!(submit(&seat, &vote(&held[1], 4, 2)).await, Taken::First, "it waited for the network");
    assert!(matches!(judge::submit(&seat, &vote(&held[0], 5, 3)).await, Err(FeedbackError::Closed)));
    assert!(matches!(judge::undo(&seat, Uuid::from_u128(1)).await, Err(FeedbackError::Closed)));
    assert!(rounds::reopen(&mut conn, round, world.clock.now()).await.unwrap());
    assert_eq!(submit(&seat, &vote(&held[0], 5, 3)).await, Taken::Changed);
    let state = rounds::find(&mut conn, round).await.unwrap().unwrap().state;
    assert_eq!(state, RoundState::Open);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nobody_judges_what_they_were_not_handed_or_were_not_asked(pool: PgPool) {
    let mut world = World::new(&pool, 9, 2, 5).await;
    let round = world.open(Ask { watch: true, ..Ask::default() }).await;
    let held = world.fill(round, 0).await;
    let both = Judgement { is_watch: Some(true), ..vote(&held[0], 5, 1) };
    let other = judge::submit(&world.seat(round, 1), &both).await;
    assert!(matches!(other, Err(FeedbackError::NotServed)));
    let half = judge::submit(&world.seat(round, 0), &vote(&held[0], 5, 1)).await;
    assert!(matches!(half, Err(FeedbackError::WrongAnswer { .. })));
    assert_eq!(submit(&world.seat(round, 0), &both).await, Taken::First);
    let only_answer = Judgement { is_watch: Some(false), ..vote(&held[0], 5, 2) };
    assert_eq!(submit(&world.seat(round, 0), &only_answer).await, Taken::Changed);
    assert_eq!(world.number("SELECT count(*) FROM votes").await, 1, "the score stayed as it was");
    assert_eq!(world.number("SELECT count(*) FROM corrections").await, 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_label_follows_two_answers_a_tie_none_and_a_verdict_above_all(pool: PgPool) {
    let mut world = World::new(&pool, 1, 4, 6).await;
    let round = world.open(Ask { quality: false, watch: true, judgements: 4, ..Ask::default() }).await;
    let mut held = vec![];
    for person in 0..4 {
        held.push(world.fill(round, person).await[0].clone());
    }
    let image = image(&held[0]);
    let say = async |person: usize, is_watch: bool| {
        let judgement = answer(&held[person], is_watch, 100 + person as u128);
        submit(&world.seat(round, person), &judgement).await;
        shown(&world, image).await
    };
    assert_eq!(say(0, true).await, (None, 0, 1, 0, None), "one is not enough");
    assert_eq!(say(1, true).await, (None, 0, 2, 0, Some(true)));
    assert_eq!(say(2, false).await, (None, 0, 2, 1, Some(true)));
    assert_eq!(say(3, false).await, (None, 0, 2, 2, None), "a tie decides nothing");
    let (now, manager) = (world.clock.now(), world.people[0]);
    let say = |is_watch, key: u128| Verdict {
        image,
        question: Question::Watch,
        is_watch,
        key: Uuid::from_u128(key),
        why: "doubtful",
    };
    assert_eq!(verdict::give(&pool, now, manager, &[say(false, 1)]).await.unwrap(), 1);
    assert_eq!(verdict::give(&pool, now, manager, &[say(false, 1)]).await.unwrap(), 0, "once");
    assert_eq!(shown(&world, image).await.4, Some(false));
    world.wait(1);
    verdict::give(&pool, world.clock.now(), manager, &[say(true, 2)]).await.unwrap();
    assert_eq!(shown(&world, image).await.4, Some(true));
    world.wait(1);
    let undone = verdict::take_back(&pool, world.clock.now(), manager, &[Uuid::from_u128(2)]).await.unwrap();
    assert_eq!((undone, shown(&world, image).await.4), (1, Some(false)), "what it superseded holds again");
    let undone = verdict::take_back(&pool, world.clock.now(), manager, &[Uuid::from_u128(2)]).await.unwrap();
    assert_eq!(undone, 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_is_excluded_counts_nowhere_and_the_rows_stay(pool: PgPool) {
    let mut world = World::new(&pool, 1, 2, 7).await;
    let round = world.open(Ask::default()).await;
    for (person, score) in [(0, 2), (1, 8)] {
        let held = world.fill(round, person).await;
        submit(&world.seat(round, person), &vote(&held[0], score, score as u128)).await;
    }
    let image = ImageId(world.images[0]);
    assert_eq!(shown(&world, image).await.0, Some(5.0));
    let mut conn = pool.acquire().await.unwrap();
    let since = Some((world.clock.now(), Some("presses one key only")));
    assert!(evidence::set_excluded(&mut conn, world.people[0], since).await.unwrap());
    assert_eq!(shown(&world, image).await, (Some(8.0), 1, 0, 0, None));
    assert_eq!(world.number("SELECT count(*) FROM votes WHERE superseded_at IS NULL").await, 2);
    assert!(evidence::set_excluded(&mut conn, world.people[0], None).await.unwrap());
    assert_eq!(shown(&world, image).await.0, Some(5.0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_vote_after_the_images_page_was_open_is_stored_but_is_not_blind(pool: PgPool) {
    let mut world = World::new(&pool, 1, 2, 8).await;
    let round = world.open(Ask::default()).await;
    let image = ImageId(world.images[0]);
    let mut conn = pool.acquire().await.unwrap();
    image_views::record(&mut conn, world.people[0], image, world.clock.now()).await.unwrap();
    for (person, score) in [(0, 2), (1, 8)] {
        let held = world.fill(round, person).await;
        submit(&world.seat(round, person), &vote(&held[0], score, score as u128)).await;
    }
    assert_eq!(shown(&world, image).await, (Some(8.0), 1, 0, 0, None));
    assert_eq!(world.number("SELECT count(*) FROM votes WHERE saw_model AND score = 2").await, 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn simulated_raters_close_a_round_that_every_page_can_show(pool: PgPool) {
    let world = World::new(&pool, 70, 0, 9).await;
    let view = viewpoint::active(&mut pool.acquire().await.unwrap()).await.unwrap().unwrap();
    let mut rng = Rng::seed_from_u64(9);
    let round =
        crate::feedback::simulate(&pool, (&world.clock, &mut rng), &view, |image| image.watch == Some(true))
            .await
            .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(rounds::find(&mut conn, round).await.unwrap().unwrap().state, RoundState::Closed);
    assert_eq!(world.number("SELECT count(*) FROM catalog WHERE votes = 5").await, 44);
    assert!(world.number("SELECT count(*) FROM catalog WHERE verdict IS NOT NULL").await > 40);
    assert_eq!(
        world.number("SELECT count(*) FROM catalog WHERE verdict IS NULL AND votes = 0").await,
        26,
        "for the doubtful ones"
    );
    assert!(world.number("SELECT count(DISTINCT score) FROM votes").await > 5);
    let raters = crate::store::raters::list(&mut conn).await.unwrap();
    assert_eq!(raters.len(), 6);
    assert!(raters.iter().all(|rater| rater.bias.is_some() && rater.median_seconds.is_some()));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn few_votes_are_drawn_to_the_catalogs_mean_by_sql_as_by_the_mathematics(pool: PgPool) {
    let mut world = World::new(&pool, 12, 6, 9).await;
    let round = world.open(Ask { judgements: 6, repeat_share: 0.0, ..Ask::default() }).await;
    for person in 0..6 {
        for number in 0..12_u128 {
            let held = world.fill(round, person).await;
            // Some have six votes, some two.
            if person < 2 || held[0].image.0.as_u128() % 2 == 0 {
                let score = 2 + i16::try_from((held[0].image.0.as_u128() % 7 + person as u128) % 8).unwrap();
                submit(&world.seat(round, person), &vote(&held[0], score, number + 100 * person as u128))
                    .await;
            } else {
                judge::skip(&world.seat(round, person), &cannot(&held[0], number + 100 * person as u128))
                    .await
                    .unwrap();
            }
        }
    }
    let mut conn = pool.acquire().await.unwrap();
    assert!(human_pool::recount(&mut conn).await.unwrap(), "there are votes");
    assert!(!human_pool::recount(&mut conn).await.unwrap(), "and no newer ones");
    let pooled = human_pool::read(&mut conn).await.unwrap();
    let ranked: Vec<(uuid::Uuid, f64)> =
        sqlx::query_as("SELECT image_id, human_rank FROM catalog WHERE human_rank IS NOT NULL")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(ranked.len(), 12);
    for (image, rank) in ranked {
        let scores: Vec<i16> = sqlx::query_scalar("SELECT score FROM human_votes WHERE image_id = $1")
            .bind(image)
            .fetch_all(&pool)
            .await
            .unwrap();
        let mut counts = [0; 10];
        scores.iter().for_each(|score| counts[usize::try_from(score - 1).unwrap()] += 1);
        let score = HumanScore::of(&VoteCounts::new(counts).unwrap(), &pooled);
        assert!((score.shrunken_mean - rank).abs() < 0.002, "{score:?} {rank}");
    }
}
