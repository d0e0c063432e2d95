//! The watch label of an image: what people say, else what the model says. The database says the same in SQL (`watch_verdict`,
//! `watch_label`); a test holds them together.

use std::collections::BTreeMap;

use super::{Confidence, Threshold};

/// One current statement about whether there is a watch in a picture. Excluded people, silent repeats, and what was changed
/// later are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who made it, by any number.
    pub annotator: u32,
    /// Whether it was given expressly by a manager outside a round; else it is an answer.
    pub is_verdict: bool,
    /// What was said.
    pub is_watch: bool,
}

/// What people say, from their statements, oldest first, and the latest label from outside: the latest verdict; else the majority
/// of the latest answer of each, once there are `needed` and no tie; else the label from outside.
pub fn watch_verdict(statements: &[Statement], imported: Option<bool>, needed: usize) -> Option<bool> {
    let verdict = statements.iter().rev().find(|statement| statement.is_verdict);
    let answers: BTreeMap<u32, bool> = statements
        .iter()
        .filter(|statement| !statement.is_verdict)
        .map(|statement| (statement.annotator, statement.is_watch))
        .collect();
    let watches = answers.values().filter(|is_watch| **is_watch).count();
    let others = answers.len() - watches;
    let majority = (answers.len() >= needed && watches != others).then_some(watches > others);
    verdict.map(|verdict| verdict.is_watch).or(majority).or(imported)
}

/// The label: people's verdict, else whether the confidence is above the threshold, strictly; none while there is neither.
pub fn watch_label(
    verdict: Option<bool>,
    confidence: Option<Confidence>,
    threshold: Option<Threshold>,
) -> Option<bool> {
    verdict.or_else(|| Some(confidence?.get() > threshold?.get()))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, strategy::ValueTree};
    use sqlx::PgPool;

    use super::*;

    fn statement() -> impl Strategy<Value = Statement> {
        (0..4_u32, prop::bool::weighted(0.15), any::<bool>())
            .prop_map(|(annotator, is_verdict, is_watch)| Statement { annotator, is_verdict, is_watch })
    }

    /// The same in SQL, of an image of its own.
    async fn in_sql(
        pool: &PgPool,
        statements: &[Statement],
        imported: Option<bool>,
        needed: i32,
    ) -> Option<bool> {
        let image: uuid::Uuid = sqlx::query_scalar(
            "INSERT INTO images (id, sha256, bytes, format, width, height, audit)
             SELECT id, sha256(id::text::bytea), 1, 'jpeg', 9, 9, false FROM (SELECT gen_random_uuid() AS id) new RETURNING id",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        for statement in statements {
            let (kind, name) =
                (if statement.is_verdict { "verdict" } else { "answer" }, statement.annotator.to_string());
            sqlx::query(
                "WITH changed AS (
                     UPDATE corrections SET superseded_at = now() FROM annotators a
                     WHERE image_id = $1 AND annotator_id = a.id AND a.name = $2 AND kind = $3 AND superseded_at IS NULL)
                 INSERT INTO annotators (id, name, role) VALUES (gen_random_uuid(), $2, 'manager') ON CONFLICT DO NOTHING",
            )
            .bind(image)
            .bind(&name)
            .bind(kind)
            .execute(pool)
            .await
            .unwrap();
            sqlx::query(
                "INSERT INTO corrections (image_id, annotator_id, kind, is_watch, saw_model, saw_others, served_why, client_key)
                 SELECT $1, id, $3, $4, false, false, 'image page', gen_random_uuid() FROM annotators WHERE name = $2",
            )
            .bind(image)
            .bind(&name)
            .bind(kind)
            .bind(statement.is_watch)
            .execute(pool)
            .await
            .unwrap();
        }
        if let Some(is_watch) = imported {
            sqlx::query(
                "INSERT INTO label_imports (image_id, is_watch, source) VALUES ($1, $2, 'elsewhere')",
            )
            .bind(image)
            .bind(is_watch)
            .execute(pool)
            .await
            .unwrap();
        }
        sqlx::query_scalar("SELECT watch_verdict($1, $2)")
            .bind(image)
            .bind(needed)
            .fetch_one(pool)
            .await
            .unwrap()
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn the_rule_in_sql_is_the_rule_in_rust(pool: PgPool) {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let cases = (vec(statement(), 0..7), option::of(any::<bool>()), 1..4_usize);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..150 {
            let (statements, imported, needed) = cases.new_tree(&mut runner).unwrap().current();
            let rust = watch_verdict(&statements, imported, needed);
            let sql = in_sql(&pool, &statements, imported, i32::try_from(needed).unwrap()).await;
            assert_eq!(rust, sql, "{statements:?} {imported:?} {needed}");
            seen.insert(rust);
        }
        assert_eq!(seen.len(), 3, "yes, no and neither occurred");
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn the_label_in_sql_is_the_label_in_rust(pool: PgPool) {
        for verdict in [None, Some(true), Some(false)] {
            for confidence in [None, Some(0.2), Some(0.5), Some(0.500_000_1)] {
                for threshold in [None, Some(0.5)] {
                    let sql: Option<bool> = sqlx::query_scalar("SELECT watch_label($1, $2, $3)")
                        .bind(verdict)
                        .bind(confidence)
                        .bind(threshold)
                        .fetch_one(&pool)
                        .await
                        .unwrap();
                    let confidence = confidence.map(|value| Confidence::new(value).unwrap());
                    let threshold = threshold.map(|value| Threshold::new(value).unwrap());
                    assert_eq!(watch_label(verdict, confidence, threshold), sql);
                }
            }
        }
    }
}
