//! What the models of the pairs that are kept up are called, so that they can be told apart.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::domain::ModelId;

/// A model with everything that it could be called by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    id: ModelId,
    /// For people; that of another version than the first has its number.
    title: String,
    /// The manifest's.
    name: String,
    version: i32,
    fingerprint: String,
}

/// The names of `models`: the title, and as much more as it takes to tell each from the others, and from those of all pairs that
/// are kept up.
///
/// # Errors
/// When the database refuses.
pub async fn of(
    conn: &mut PgConnection,
    models: impl Iterator<Item = ModelId>,
) -> sqlx::Result<HashMap<ModelId, String>> {
    let models: Vec<i64> = models.map(|model| model.0).collect();
    let models = sqlx::query_as!(
        Model,
        r#"SELECT id AS "id: ModelId", coalesce(title, name) AS "title!", name, version, fingerprint FROM models m
           WHERE m.id = ANY ($1)
              OR EXISTS (SELECT FROM generations g WHERE g.state <> 'retired' AND m.id IN (g.watch_model, g.quality_model))"#,
        &models
    );
    let models: Vec<Model> = models.fetch_all(conn).await?;
    Ok(told_apart(&models))
}

fn told_apart(models: &[Model]) -> HashMap<ModelId, String> {
    models.iter().map(|model| (model.id, name(model, models))).collect()
}

/// The shortest name that no other of `models` has.
fn name(model: &Model, models: &[Model]) -> String {
    let is_unique = |called: fn(&Model) -> String| {
        let own = called(model);
        models.iter().all(|other| other.id == model.id || called(other) != own)
    };
    let Model { title, name, fingerprint, .. } = model;
    let is_same = |other: &&Model| other.name == *name && other.fingerprint == *fingerprint;
    let title = match models.iter().filter(is_same).count() {
        2.. if model.version == 1 => format!("{title}, version 1"),
        _ => title.clone(),
    };
    if is_unique(|model| model.title.clone()) {
        title
    } else if is_unique(|model| format!("{}\n{}", model.title, model.name)) {
        format!("{title} ({name})")
    } else {
        format!("{title} ({name}, fingerprint {}…)", fingerprint.chars().take(8).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(id: i64, title: &str, name: &str, version: i32, fingerprint: &str) -> Model {
        let [title, name, fingerprint] = [title, name, fingerprint].map(str::to_owned);
        Model { id: ModelId(id), title, name, version, fingerprint }
    }

    fn names(models: &[Model]) -> Vec<String> {
        let named = told_apart(models);
        models.iter().map(|model| named[&model.id].clone()).collect()
    }

    #[test]
    fn a_title_is_enough_until_another_model_has_it() {
        let models = [model(1, "ResNet50", "resnet50", 1, "aa"), model(2, "NIMA", "nima", 1, "bb")];
        assert_eq!(names(&models), ["ResNet50", "NIMA"]);
        let models =
            [model(1, "ResNet50", "resnet50", 1, "aa"), model(2, "ResNet50", "resnet50-int8", 1, "bb")];
        assert_eq!(names(&models), ["ResNet50 (resnet50)", "ResNet50 (resnet50-int8)"]);
    }

    #[test]
    fn versions_have_their_number_and_another_file_under_the_same_name_its_fingerprint() {
        let first = model(1, "ResNet50", "resnet50", 1, "0123456789ab");
        let versions = [first.clone(), model(2, "ResNet50, version 2", "resnet50", 2, "0123456789ab")];
        assert_eq!(names(&versions), ["ResNet50, version 1", "ResNet50, version 2"]);
        let files = [first, model(2, "ResNet50", "resnet50", 1, "ba9876543210")];
        assert_eq!(
            names(&files),
            ["ResNet50 (resnet50, fingerprint 01234567…)", "ResNet50 (resnet50, fingerprint ba987654…)"]
        );
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_model_that_is_asked_for_has_its_name_also_when_its_pair_was_retired_meanwhile(
        pool: sqlx::PgPool,
    ) {
        sqlx::raw_sql(
            "INSERT INTO models (id, name, title, task, kind, fingerprint, preprocessing, manifest, sha256) OVERRIDING SYSTEM VALUE
             VALUES (1, 'w', 'Watch', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w')),
                    (2, 'q', NULL, 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q')),
                    (3, 'w2', 'Watch', 'watch', 'onnx', repeat('c', 64), 1, '{}', sha256('w2'));
             INSERT INTO generations (watch_model, quality_model, state) VALUES (1, 2, 'live'), (3, 2, 'retired')",
        )
        .execute(&pool)
        .await
        .unwrap();
        let asked = [ModelId(2), ModelId(3)].into_iter();
        let names = of(&mut pool.acquire().await.unwrap(), asked).await.unwrap();
        assert_eq!((&*names[&ModelId(2)], &*names[&ModelId(3)]), ("q", "Watch (w2)"));
    }
}
