//! Rounds over a real PostgreSQL: the queue's promises under concurrency, and judgements under retries.

mod judging;
mod serving;

use chrono::{DateTime, TimeDelta};
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Seat,
    judge::{self, Judgement},
    queue,
    round::{self, Plan, Selection},
};
use crate::{
    clock::Clock,
    domain::{AnnotatorId, ImageId, Question, Role, RoundId, Score, ServingOrder},
    statistics::Rng,
    store::{annotators, guides, rankings::Ranking, reservations::Held, rounds::NewRound, viewpoint},
};

/// A catalog with images, annotators, and a clock that stands still.
pub(super) struct World {
    pub pool: PgPool,
    pub clock: Clock,
    pub images: Vec<Uuid>,
    pub people: Vec<AnnotatorId>,
    rng: Rng,
}

/// What a test asks a round for.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub quality: bool,
    pub watch: bool,
    pub judgements: i16,
    pub repeat_share: f64,
    pub order: ServingOrder,
    pub sample: Option<usize>,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            quality: true,
            watch: false,
            judgements: 3,
            repeat_share: 0.0,
            order: ServingOrder::Random,
            sample: None,
        }
    }
}

impl World {
    pub async fn new(pool: &PgPool, images: usize, people: usize, seed: u64) -> Self {
        sqlx::raw_sql(
            "WITH w AS (
                 INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, positives, default_threshold)
                 VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w'), '{watch}', 0.5) RETURNING id
             ), q AS (
                 INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
                 VALUES ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q')) RETURNING id
             ), g AS (
                 INSERT INTO generations (watch_model, quality_model, state) SELECT w.id, q.id, 'live' FROM w, q RETURNING id
             )
             INSERT INTO active_generation (generation_id) SELECT id FROM g",
        )
        .execute(pool)
        .await
        .unwrap();
        let ids: Vec<Uuid> = (1..=images).map(|number| Uuid::from_u128(number as u128)).collect();
        sqlx::query(
            "WITH new AS (
                 INSERT INTO images (id, sha256, bytes, format, width, height, stored_key, audit)
                 SELECT id, sha256(id::text::bytea), 1, 'jpeg', 1200, 900, id::text, place % 10 = 0
                 FROM unnest($1::uuid[]) WITH ORDINALITY ids (id, place) RETURNING id, ingested_at)
             INSERT INTO catalog (generation_id, image_id, watch_confidence, quality_mean, quality_std, width, height,
                                  ingested_at, filename)
             SELECT g.id, new.id, (row_number() OVER (ORDER BY new.id))::float8 / (count(*) OVER () + 1), 5, 1.4, 1200, 900,
                    ingested_at, new.id::text
             FROM new, generations g",
        )
        .bind(&ids)
        .execute(pool)
        .await
        .unwrap();
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let mut world =
            Self { pool: pool.clone(), clock, images: ids, people: vec![], rng: Rng::seed_from_u64(seed) };
        for number in 0..people {
            world.add_annotator(&format!("annotator {number}")).await;
        }
        world
    }

    pub async fn add_annotator(&mut self, name: &str) -> AnnotatorId {
        let id = AnnotatorId(Uuid::from_u128(0xA000 + self.people.len() as u128));
        let mut conn = self.pool.acquire().await.unwrap();
        annotators::add(&mut conn, id, name, Role::Annotator, None).await.unwrap();
        self.people.push(id);
        id
    }

    pub async fn open(&mut self, ask: Ask) -> RoundId {
        let selection = Selection::Filter { ranking: Box::new(Ranking::default()), sample: ask.sample };
        self.open_with(ask, selection).await.unwrap()
    }

    pub async fn open_with(
        &mut self,
        ask: Ask,
        selection: Selection,
    ) -> Result<RoundId, super::FeedbackError> {
        let mut conn = self.pool.acquire().await.unwrap();
        let view = viewpoint::active(&mut conn).await.unwrap().unwrap();
        let guide = guides::latest(&mut conn).await.unwrap()[0].id;
        let plan = NewRound {
            title: "A round".to_owned(),
            guide,
            asks_quality: ask.quality,
            question: ask.watch.then_some(Question::Watch),
            judgements: ask.judgements,
            repeat_share: ask.repeat_share,
            blind: true,
            order: ask.order,
            deadline: None,
            drawn_from: "all images".to_owned(),
        };
        let plan = Plan { round: plan, selection };
        round::open(&self.pool, (&self.clock, &mut self.rng), None, &view, &plan).await
    }

    pub fn seat(&self, round: RoundId, person: usize) -> Seat<'_> {
        Seat::new(&self.pool, &self.clock, round, self.people[person])
    }

    pub async fn fill(&mut self, round: RoundId, person: usize) -> Vec<Held> {
        let mut rng = Rng::seed_from_u64(self.rng.random());
        queue::fill(&self.seat(round, person), &mut rng).await.unwrap()
    }

    pub fn wait(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

pub(super) fn vote(held: &Held, score: i16, key: u128) -> Judgement {
    Judgement {
        image: held.image,
        occurrence: held.occurrence,
        key: Uuid::from_u128(key),
        score: Some(Score::try_from(score).unwrap()),
        is_watch: None,
        seconds: Some(1.5),
        pixels_shown: Some(1200),
    }
}

pub(super) fn answer(held: &Held, is_watch: bool, key: u128) -> Judgement {
    Judgement { score: None, is_watch: Some(is_watch), ..vote(held, 1, key) }
}

pub(super) async fn submit(seat: &Seat<'_>, judgement: &Judgement) -> judge::Taken {
    judge::submit(seat, judgement).await.unwrap()
}

pub(super) fn image(held: &Held) -> ImageId {
    held.image
}
