use std::collections::{HashMap, HashSet};

use proptest::test_runner::{Config, TestRunner};
use tokio::task::JoinSet;

use super::*;
use crate::{
    domain::{RoundState, SkipKind},
    feedback::{FeedbackError, judge::Skip, queue::Waiting},
    store::rounds,
};

/// Judges everything that somebody gets, with detours, until nothing is left for them.
async fn work(pool: PgPool, clock: Clock, round: RoundId, who: AnnotatorId, seed: u64) {
    let seat = Seat::new(&pool, &clock, round, who);
    let mut rng = Rng::seed_from_u64(seed);
    let mut put_off = HashSet::new();
    loop {
        let held = queue::fill(&seat, &mut rng).await.unwrap();
        assert!(held.len() <= queue::HOLD);
        let Some(first) = held.first() else {
            match queue::waiting(&seat).await.unwrap() {
                Waiting::WithOthers { .. } => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Waiting::Done | Waiting::Closed => return,
            }
        };
        let given = vote(first, rng.random_range(1..=10), rng.random());
        match rng.random_range(0..20) {
            0 if put_off.insert(first.image) => {
                let skip = Skip {
                    image: first.image,
                    occurrence: first.occurrence,
                    key: given.key,
                    kind: SkipKind::Later,
                    why: None,
                };
                judge::skip(&seat, &skip).await.unwrap();
            }
            1 => {
                submit(&seat, &given).await;
                // It may have been the one that closed the round.
                let undone = judge::undo(&seat, given.key).await;
                assert!(matches!(undone, Ok(_) | Err(FeedbackError::Closed)), "{undone:?}");
            }
            2 => {
                let twice = (judge::submit(&seat, &given), judge::submit(&seat, &given));
                let (one, other) = tokio::join!(twice.0, twice.1);
                assert!(one.is_ok() && other.is_ok());
            }
            // Two tabs fill at once.
            3 => {
                let (mut one, mut other) = (Rng::seed_from_u64(seed ^ 1), Rng::seed_from_u64(seed ^ 2));
                let both = tokio::join!(queue::fill(&seat, &mut one), queue::fill(&seat, &mut other));
                assert!(both.0.unwrap().len() <= queue::HOLD && both.1.unwrap().len() <= queue::HOLD);
            }
            _ => {
                submit(&seat, &given).await;
            }
        }
    }
}

async fn everybody_works(world: &World, round: RoundId, seed: u64) {
    let mut workers = JoinSet::new();
    for (number, who) in world.people.iter().enumerate() {
        let (pool, clock, who) = (world.pool.clone(), world.clock.clone(), *who);
        workers.spawn(Box::pin(work(pool, clock, round, who, seed + number as u64)));
    }
    while let Some(done) = workers.join_next().await {
        done.unwrap();
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn together_they_reach_k_never_more_nobody_twice_and_the_round_closes(pool: PgPool) {
    let mut world = World::new(&pool, 60, 7, 1).await;
    let round = world.open(Ask { judgements: 5, ..Ask::default() }).await;
    everybody_works(&world, round, 100).await;
    let counts: Vec<i64> = sqlx::query_scalar(
        "SELECT count(*) FROM votes WHERE superseded_at IS NULL AND occurrence = 0 GROUP BY image_id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(counts, vec![5; 60]);
    let twice = "SELECT count(*) FROM (SELECT FROM votes WHERE superseded_at IS NULL
                 GROUP BY image_id, annotator_id HAVING count(*) > 1) twice";
    assert_eq!(world.number(twice).await, 0);
    assert_eq!(world.number("SELECT count(*) FROM round_images WHERE judged <> 5").await, 0);
    let mut conn = pool.acquire().await.unwrap();
    let round = rounds::find(&mut conn, round).await.unwrap().unwrap();
    assert_eq!(round.state, RoundState::Closed);
    assert_eq!(world.number("SELECT count(*) FROM catalog WHERE votes = 5").await, 60);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn silent_repeats_come_after_fifty_others_and_count_nowhere_else(pool: PgPool) {
    let mut world = World::new(&pool, 120, 3, 2).await;
    let round = world.open(Ask { judgements: 3, repeat_share: 0.3, ..Ask::default() }).await;
    everybody_works(&world, round, 200).await;
    let repeats: Vec<(i32, i32)> = sqlx::query_as(
        "SELECT f.ordinal, r.ordinal FROM reservations f JOIN reservations r USING (round_id, image_id, annotator_id)
         WHERE f.occurrence = 0 AND r.occurrence = 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(repeats.len() > 20, "{}", repeats.len());
    assert!(repeats.iter().all(|(first, again)| again - first > queue::REPEAT_APART), "{repeats:?}");
    let answered =
        "SELECT count(*) FROM votes WHERE occurrence = 1 AND served_why = 'repeat' AND superseded_at IS NULL";
    // Some were put off, and the round closed before they came again.
    assert!((20..=repeats.len() as i64).contains(&world.number(answered).await));
    assert_eq!(world.number("SELECT count(*) FROM round_images WHERE judged <> 3").await, 0);
    assert_eq!(world.number("SELECT max(votes)::bigint FROM catalog").await, 3, "repeats are not in means");
}

/// The rule itself, said once more and without haste: what may `person` be offered?
async fn offered(world: &World, round: RoundId, person: usize, k: i16) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM round_images i
         WHERE i.round_id = $1
           AND NOT EXISTS (SELECT FROM images m WHERE m.id = i.image_id AND m.hidden_at IS NOT NULL)
           AND NOT EXISTS (SELECT FROM reservations r WHERE r.round_id = $1 AND r.image_id = i.image_id
                           AND r.annotator_id = $2 AND (r.state = 'answered' OR r.state = 'held' AND r.expires_at > $4))
           AND NOT EXISTS (SELECT FROM skips s WHERE s.round_id = $1 AND s.image_id = i.image_id AND s.annotator_id = $2
                           AND s.kind = 'cannot' AND s.withdrawn_at IS NULL)
           AND (SELECT count(DISTINCT annotator_id) FROM skips s WHERE s.round_id = $1 AND s.image_id = i.image_id
                AND s.kind = 'cannot' AND s.withdrawn_at IS NULL) < $3
           AND (SELECT count(*) FROM votes v WHERE v.round_id = $1 AND v.image_id = i.image_id AND v.occurrence = 0
                AND v.superseded_at IS NULL)
             + (SELECT count(*) FROM reservations r WHERE r.round_id = $1 AND r.image_id = i.image_id
                AND r.annotator_id <> $2 AND r.occurrence = 0 AND r.state = 'held' AND r.expires_at > $4) < $3",
    )
    .bind(round)
    .bind(world.people[person])
    .bind(i64::from(k))
    .bind(world.clock.now())
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

/// A step that somebody, or time, takes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fill(usize),
    Vote(usize, i16),
    Late(usize),
    Cannot(usize),
    Undo(usize),
    Hide,
    Minutes(i64),
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::*;
    let who = 0..4_usize;
    let step = prop_oneof![
        4 => who.clone().prop_map(Step::Fill),
        8 => (who.clone(), 1..=10_i16).prop_map(|(who, score)| Step::Vote(who, score)),
        1 => who.clone().prop_map(Step::Late),
        1 => who.clone().prop_map(Step::Cannot),
        1 => who.prop_map(Step::Undo),
        1 => Just(Step::Hide),
        1 => (1..12_i64).prop_map(Step::Minutes),
    ];
    proptest::collection::vec(step, 1..60)
}

async fn take(
    world: &mut World,
    round: RoundId,
    hands: &mut HashMap<usize, Vec<Held>>,
    step: Step,
    key: u128,
) {
    match step {
        Step::Fill(who) => {
            let held = world.fill(round, who).await;
            let state: String =
                sqlx::query_scalar("SELECT state FROM rounds").fetch_one(&world.pool).await.unwrap();
            if held.len() < queue::HOLD && state == "open" {
                let left = offered(world, round, who, 2).await;
                assert_eq!(left, 0, "never empty while there is something");
            }
            hands.insert(who, held);
        }
        Step::Vote(who, score) => {
            let Some(first) = hands.get_mut(&who).and_then(|held| (!held.is_empty()).then(|| held.remove(0)))
            else {
                return;
            };
            submit(&world.seat(round, who), &vote(&first, score, key)).await;
        }
        Step::Late(who) | Step::Cannot(who) => {
            let Some(first) = hands.get_mut(&who).and_then(|held| (!held.is_empty()).then(|| held.remove(0)))
            else {
                return;
            };
            let kind = if matches!(step, Step::Late(_)) { SkipKind::Later } else { SkipKind::Cannot };
            let (image, occurrence, key) = (first.image, first.occurrence, Uuid::from_u128(key));
            let skip = Skip { image, occurrence, key, kind, why: Some("unsure".to_owned()) };
            judge::skip(&world.seat(round, who), &skip).await.unwrap();
        }
        Step::Undo(who) => {
            let last: Option<Uuid> = sqlx::query_scalar(
                "SELECT client_key FROM votes WHERE annotator_id = $1 AND superseded_at IS NULL ORDER BY id DESC LIMIT 1",
            )
            .bind(world.people[who])
            .fetch_optional(&world.pool)
            .await
            .unwrap();
            if let Some(last) = last {
                let _ = judge::undo(&world.seat(round, who), last).await;
            }
        }
        Step::Hide => {
            sqlx::query("UPDATE images SET hidden_at = now() WHERE id = $1")
                .bind(world.images[key as usize % world.images.len()])
                .execute(&world.pool)
                .await
                .unwrap();
        }
        Step::Minutes(minutes) => world.wait(minutes),
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whatever_happens_in_whatever_order_the_queue_keeps_its_word(pool: PgPool) {
    let mut world = World::new(&pool, 14, 4, 3).await;
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let mut key = 0;
    for _ in 0..runner.config().cases {
        use proptest::strategy::{Strategy, ValueTree};
        let steps = steps().new_tree(&mut runner).unwrap().current();
        sqlx::raw_sql(
            "DELETE FROM reservations; DELETE FROM skips; DELETE FROM votes; DELETE FROM rounds; UPDATE images SET hidden_at = NULL;
             UPDATE catalog SET hidden = false",
        )
        .execute(&pool)
        .await
        .unwrap();
        let round = world.open(Ask { judgements: 2, ..Ask::default() }).await;
        let mut hands = HashMap::new();
        for step in &steps {
            key += 1;
            take(&mut world, round, &mut hands, *step, key).await;
            let wrong = world
                .number(
                    "SELECT count(*) FROM round_images i WHERE judged <> (
                         SELECT count(*) FROM votes v WHERE v.round_id = i.round_id AND v.image_id = i.image_id
                           AND occurrence = 0 AND superseded_at IS NULL)",
                )
                .await;
            assert_eq!(wrong, 0, "the count is what it counts: {steps:?}");
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_lapsed_reservation_is_free_for_others_and_a_late_vote_is_still_taken(pool: PgPool) {
    let mut world = World::new(&pool, 2, 2, 4).await;
    let round = world.open(Ask { judgements: 1, ..Ask::default() }).await;
    let first = world.fill(round, 0).await;
    assert_eq!(first.len(), 2);
    assert_eq!(world.fill(round, 1).await, []);
    let waiting = queue::waiting(&world.seat(round, 1)).await.unwrap();
    assert!(matches!(waiting, Waiting::WithOthers { images: 2, .. }), "{waiting:?}");
    world.wait(11);
    let second = world.fill(round, 1).await;
    assert_eq!(second.len(), 2);
    submit(&world.seat(round, 1), &vote(&second[0], 5, 1)).await;
    // The first annotator's vote waited for the network all the time: nothing that was said is lost.
    let late = first.iter().find(|held| held.image == second[0].image).unwrap();
    assert_eq!(submit(&world.seat(round, 0), &vote(late, 7, 2)).await, judge::Taken::First);
    assert_eq!(world.number("SELECT max(judged)::bigint FROM round_images").await, 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn hidden_images_and_those_that_nobody_can_judge_do_not_keep_a_round_open(pool: PgPool) {
    let mut world = World::new(&pool, 3, 2, 5).await;
    let round = world.open(Ask { judgements: 2, ..Ask::default() }).await;
    let held = [world.fill(round, 0).await, world.fill(round, 1).await];
    let broken = held[0][0].image;
    for (person, held) in held.iter().enumerate() {
        for (number, held) in held.iter().enumerate() {
            let key = Uuid::from_u128((person * 10 + number) as u128);
            if held.image == broken {
                let kind = SkipKind::Cannot;
                let skip = Skip { image: broken, occurrence: 0, key, kind, why: Some("broken".to_owned()) };
                judge::skip(&world.seat(round, person), &skip).await.unwrap();
            } else if held.image != held_last(&held_list(&world, round).await, broken) {
                submit(&world.seat(round, person), &vote(held, 5, key.as_u128() + 100)).await;
            }
        }
    }
    let last = held_last(&held_list(&world, round).await, broken);
    sqlx::query("UPDATE images SET hidden_at = now() WHERE id = $1").bind(last).execute(&pool).await.unwrap();
    assert_eq!(world.fill(round, 0).await, []);
    assert_eq!(queue::waiting(&world.seat(round, 0)).await.unwrap(), Waiting::Closed);
    let progress = rounds::progress(&mut pool.acquire().await.unwrap(), round).await.unwrap();
    assert_eq!((progress.complete, progress.set_aside, progress.left), (1, 2, 0));
}

async fn held_list(world: &World, round: RoundId) -> Vec<ImageId> {
    sqlx::query_scalar("SELECT image_id FROM round_images WHERE round_id = $1 ORDER BY position")
        .bind(round)
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

fn held_last(list: &[ImageId], except: ImageId) -> ImageId {
    *list.iter().rev().find(|image| **image != except).unwrap()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_put_off_comes_again_when_nothing_else_is_left(pool: PgPool) {
    let mut world = World::new(&pool, 6, 1, 6).await;
    let round = world.open(Ask { judgements: 1, ..Ask::default() }).await;
    let first = world.fill(round, 0).await[0].clone();
    let (kind, key) = (SkipKind::Later, Uuid::from_u128(1));
    let skip = Skip { image: first.image, occurrence: 0, key, kind, why: None };
    judge::skip(&world.seat(round, 0), &skip).await.unwrap();
    let mut seen = vec![];
    while let Some(held) = world.fill(round, 0).await.first() {
        seen.push(held.image);
        submit(&world.seat(round, 0), &vote(held, 5, 10 + seen.len() as u128)).await;
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(seen[5], first.image);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn doubtful_first_leaves_the_audit_set_out_and_mixes_chance_in(pool: PgPool) {
    let mut world = World::new(&pool, 100, 1, 7).await;
    let ask =
        Ask { quality: false, watch: true, judgements: 1, order: ServingOrder::Doubtful, ..Ask::default() };
    let round = world.open(ask).await;
    assert_eq!(
        world.number("SELECT count(*) FROM round_images JOIN images i ON i.id = image_id WHERE audit").await,
        0
    );
    assert_eq!(world.number("SELECT count(*) FROM round_images").await, 90);
    for number in 0..60 {
        let held = world.fill(round, 0).await;
        submit(&world.seat(round, 0), &answer(&held[0], true, number)).await;
    }
    let why = |why: &'static str| {
        let pool = pool.clone();
        async move {
            let sql = "SELECT count(*) FROM corrections WHERE served_why = $1 AND served_probability > 0";
            sqlx::query_scalar::<_, i64>(sql).bind(why).fetch_one(&pool).await.unwrap()
        }
    };
    let (doubtful, random) = (why("doubtful").await, why("random").await);
    assert_eq!(doubtful + random, 60);
    assert!((4..=22).contains(&random), "{random} of 60 at random");
    // Around the threshold of 0.5 first.
    let first: f64 = sqlx::query_scalar(
        "SELECT max(abs(watch_confidence - 0.5)) FROM (
             SELECT image_id FROM corrections WHERE served_why = 'doubtful' ORDER BY id LIMIT 20) c JOIN catalog USING (image_id)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(first < 0.2, "{first}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_blind_sample_has_its_share_of_the_audit_set_and_bulk_has_none(pool: PgPool) {
    let mut world = World::new(&pool, 100, 1, 8).await;
    world.open(Ask { sample: Some(20), ..Ask::default() }).await;
    let audit = "SELECT count(*) FROM round_images JOIN images i ON i.id = image_id WHERE audit";
    assert_eq!(world.number(audit).await, 2);
    assert_eq!(world.number("SELECT count(*) FROM round_images").await, 20);
    let probability: f64 = sqlx::query_scalar("SELECT sum(1 / drawn_probability) FROM round_images")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!((probability - 100.0).abs() < 1e-9, "the weights stand for the whole catalog: {probability}");
    let chosen = Selection::Chosen(world.images.clone());
    let bulk = world.open_with(Ask::default(), chosen).await.unwrap();
    let listed: i64 = sqlx::query_scalar("SELECT count(*) FROM round_images WHERE round_id = $1")
        .bind(bulk)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(listed, 90);
}
