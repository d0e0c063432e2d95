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

/// The names of the models of all pairs that are kept up: the title, and as much more as it takes.
///
/// # Errors
/// When the database refuses.
pub async fn kept_up(conn: &mut PgConnection) -> sqlx::Result<HashMap<ModelId, String>> {
    let models = sqlx::query_as!(
        Model,
        r#"SELECT id AS "id: ModelId", coalesce(title, name) AS "title!", name, version, fingerprint FROM models m
           WHERE EXISTS (SELECT FROM generations g WHERE g.state <> 'retired' AND m.id IN (g.watch_model, g.quality_model))"#
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
}
