//! Rounds: bounded pieces of judging.

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection};

use crate::domain::{AnnotatorId, GuideId, Question, RoundId, RoundState, ServingOrder, UnknownName};

/// A round as it was planned.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRound {
    /// What pages call it.
    pub title: String,
    /// What its annotators read.
    pub guide: GuideId,
    /// Whether it asks for a score from 1 to 10.
    pub asks_quality: bool,
    /// What else it asks.
    pub question: Option<Question>,
    /// Annotators who judge each image.
    pub judgements: i16,
    /// Share of images that an annotator silently sees twice.
    pub repeat_share: f64,
    /// Whether annotators see neither the models' scores nor each other's.
    pub blind: bool,
    /// Which image comes next.
    pub order: ServingOrder,
    /// When it closes, complete or not.
    pub deadline: Option<DateTime<Utc>>,
    /// In words: what its images were drawn from.
    pub drawn_from: String,
}

/// A round.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Names it.
    pub id: RoundId,
    /// As it was planned.
    pub plan: NewRound,
    /// How far it is.
    pub state: RoundState,
    /// When judging began.
    pub opened_at: Option<DateTime<Utc>>,
    /// When judging ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// Images on its list.
    pub images: i32,
}

impl Round {
    /// Whether images are handed out at this moment.
    pub fn is_serving(&self, now: DateTime<Utc>) -> bool {
        self.state == RoundState::Open && self.plan.deadline.is_none_or(|deadline| now < deadline)
    }
}

/// How far the judging of a round is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Images on the list.
    pub images: i64,
    /// Images with all their judgements.
    pub complete: i64,
    /// Images without all of them that can be judged.
    pub open: i64,
    /// Images without all of them that are hidden, missing, or that nobody could judge.
    pub set_aside: i64,
    /// Judgements so far.
    pub judged: i64,
    /// Judgements that the open images lack.
    pub left: i64,
}

struct Row {
    id: RoundId,
    title: String,
    guide_id: GuideId,
    asks_quality: bool,
    watch_question: Option<String>,
    judgements_per_image: i16,
    repeat_share: f64,
    blind: bool,
    serving_order: String,
    deadline: Option<DateTime<Utc>>,
    drawn_from: String,
    state: String,
    opened_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    images: i32,
}

impl TryFrom<Row> for Round {
    type Error = UnknownName;

    fn try_from(row: Row) -> Result<Self, UnknownName> {
        Ok(Self {
            id: row.id,
            plan: NewRound {
                title: row.title,
                guide: row.guide_id,
                asks_quality: row.asks_quality,
                question: row.watch_question.map(|question| question.parse()).transpose()?,
                judgements: row.judgements_per_image,
                repeat_share: row.repeat_share,
                blind: row.blind,
                order: row.serving_order.parse()?,
                deadline: row.deadline,
                drawn_from: row.drawn_from,
            },
            state: row.state.parse()?,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            images: row.images,
        })
    }
}

fn decoded(row: Row) -> sqlx::Result<Round> {
    row.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Writes an open round, still without images.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut PgConnection,
    plan: &NewRound,
    author: Option<AnnotatorId>,
    now: DateTime<Utc>,
) -> sqlx::Result<RoundId> {
    sqlx::query_scalar!(
        r#"INSERT INTO rounds (title, guide_id, asks_quality, watch_question, judgements_per_image, repeat_share, blind,
                               serving_order, deadline, drawn_from, created_by, created_at, state, opened_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'open', $12) RETURNING id AS "id: RoundId""#,
        plan.title,
        plan.guide.0,
        plan.asks_quality,
        plan.question.map(Question::as_str),
        plan.judgements,
        plan.repeat_share,
        plan.blind,
        plan.order.as_str(),
        plan.deadline,
        plan.drawn_from,
        author.map(|author| author.0),
        now
    )
    .fetch_one(conn)
    .await
}

/// One round.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut PgConnection, id: RoundId) -> sqlx::Result<Option<Round>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: RoundId", title, guide_id AS "guide_id: GuideId", asks_quality, watch_question,
                  judgements_per_image, repeat_share, blind, serving_order, deadline, drawn_from, state, opened_at,
                  closed_at,
                  coalesce((SELECT 1 + max(position) FROM round_images i WHERE i.round_id = r.id), 0) AS "images!"
           FROM rounds r WHERE id = $1"#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(decoded).transpose()
}

/// All rounds, the open ones first, then the newest first.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<Round>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: RoundId", title, guide_id AS "guide_id: GuideId", asks_quality, watch_question,
                  judgements_per_image, repeat_share, blind, serving_order, deadline, drawn_from, state, opened_at,
                  closed_at,
                  coalesce((SELECT 1 + max(position) FROM round_images i WHERE i.round_id = r.id), 0) AS "images!"
           FROM rounds r ORDER BY state = 'open' DESC, id DESC"#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(decoded).collect()
}

/// How far a round is.
///
/// # Errors
/// When the database refuses.
pub async fn progress(conn: &mut PgConnection, id: RoundId) -> sqlx::Result<Progress> {
    sqlx::query_as!(
        Progress,
        r#"SELECT count(*) AS "images!",
                  count(*) FILTER (WHERE judged >= needed) AS "complete!",
                  count(*) FILTER (WHERE is_open) AS "open!",
                  count(*) FILTER (WHERE NOT is_open AND judged < needed) AS "set_aside!",
                  coalesce(sum(judged), 0) AS "judged!",
                  coalesce(sum(needed - judged) FILTER (WHERE is_open), 0) AS "left!"
           FROM (SELECT i.judged, r.judgements_per_image AS needed,
                        i.judged < r.judgements_per_image AND j.image_id IS NOT NULL AS is_open
                 FROM rounds r JOIN round_images i ON i.round_id = r.id
                 LEFT JOIN judgeable_images j ON j.round_id = r.id AND j.image_id = i.image_id
                 WHERE r.id = $1) images"#,
        id.0
    )
    .fetch_one(conn)
    .await
}

/// Closes an open round that lacks no judgement, or whose deadline has passed. Whether it did.
///
/// # Errors
/// When the database refuses.
pub async fn close_if_done(conn: &mut PgConnection, id: RoundId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let mut tx = conn.begin().await?;
    // Under its lock, so that no judgement is being taken back that the next statement would still count.
    sqlx::query!("SELECT FROM rounds WHERE id = $1 FOR NO KEY UPDATE", id.0).execute(&mut *tx).await?;
    let closed = sqlx::query!(
        "UPDATE rounds r SET state = 'closed', closed_at = $2
         WHERE id = $1 AND state = 'open' AND (deadline <= $2 OR NOT EXISTS (
             SELECT FROM judgeable_images i WHERE i.round_id = r.id AND i.judged < i.needed))",
        id.0,
        now
    );
    let is_closed = closed.execute(&mut *tx).await?.rows_affected() == 1;
    tx.commit().await?;
    Ok(is_closed)
}

/// Keeps a round from being closed until the transaction ends. Whether it is open.
///
/// # Errors
/// When the database refuses.
pub async fn keep_open(conn: &mut PgConnection, id: RoundId) -> sqlx::Result<bool> {
    let state = sqlx::query_scalar!("SELECT state = 'open' FROM rounds WHERE id = $1 FOR SHARE", id.0);
    Ok(state.fetch_optional(conn).await?.flatten().unwrap_or(false))
}

/// Closes an open round as it is. Whether it was open.
///
/// # Errors
/// When the database refuses.
pub async fn close(conn: &mut PgConnection, id: RoundId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let closed = sqlx::query!(
        "UPDATE rounds SET state = 'closed', closed_at = $2 WHERE id = $1 AND state = 'open'",
        id.0,
        now
    );
    Ok(closed.execute(conn).await?.rows_affected() == 1)
}

/// Opens a closed round again. A deadline that has passed is dropped. Whether it was closed.
///
/// # Errors
/// When the database refuses.
pub async fn reopen(conn: &mut PgConnection, id: RoundId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let opened = sqlx::query!(
        "UPDATE rounds SET state = 'open', closed_at = NULL, deadline = CASE WHEN deadline > $2 THEN deadline END
         WHERE id = $1 AND state = 'closed'",
        id.0,
        now
    );
    Ok(opened.execute(conn).await?.rows_affected() == 1)
}
