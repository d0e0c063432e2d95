//! Backup and restore, through the program.

use std::fs;

use chronograde::domain::ContentHash;

use super::catalog::Catalog;

/// A catalog with pictures in the upload directory, one of them under a name that is not UTF-8, with renditions and a
/// stored original.
async fn filled() -> Catalog {
    let catalog = Catalog::empty().await;
    catalog.draw(&[(10, b"68428_1.png"), (90, b"68428_2.png"), (200, b"caf\xe9\n.png")]);
    catalog.runs(&["migrate"]);
    let pool = sqlx::PgPool::connect_with(catalog.options()).await.unwrap();
    let objects = catalog.sweep(&pool, 3).await;
    for shade in [1_u8, 2, 3] {
        objects.put_rendition(320, &ContentHash::of(&[shade]), vec![shade; 2000]).await.unwrap();
    }
    objects.put_original(&ContentHash::of(b"kept"), b"kept".to_vec()).await.unwrap();
    sqlx::raw_sql("INSERT INTO annotators (id, name, role) VALUES (gen_random_uuid(), 'Ada', 'admin')")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    catalog
}

#[tokio::test]
async fn a_backup_with_originals_restores_every_row_and_every_byte() {
    let catalog = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.tar");
    let file = file.to_str().unwrap();
    catalog.runs(&["backup", file, "--originals"]);

    let restored = Catalog::empty().await;
    let said = restored.runs(&["restore", file]);
    assert!(said.contains("all counted again") && said.contains("CHRONOGRADE_UPLOAD_DIR was"), "{said}");
    let (before, after) = (catalog.contents().await, restored.contents().await);
    assert!(before["public.images"].0 == 3 && before["public.annotators"].0 == 1, "{before:?}");
    assert_eq!(before, after);
    for folder in ["store", "upload"] {
        assert_eq!(catalog.files(folder), restored.files(folder), "{folder}");
    }
    assert_eq!(restored.files("store").len(), 4);
    assert_eq!(restored.files("upload").len(), 3);
    catalog.close().await;
    restored.close().await;
}

#[tokio::test]
async fn without_originals_they_stay_out_and_the_command_says_so() {
    let catalog = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.tar");
    let file = file.to_str().unwrap();
    let said = catalog.runs(&["backup", file]);
    assert!(said.contains("not in it: 1 stored originals"), "{said}");
    let restored = Catalog::empty().await;
    restored.runs(&["restore", file]);
    assert_eq!(restored.files("store").len(), 3);
    assert_eq!(catalog.contents().await, restored.contents().await);
    // A second time there is a catalog already, and a file of that name.
    let refused = restored.refuses(&["restore", file]);
    assert!(refused.contains("not empty"), "{refused}");
    let refused = catalog.refuses(&["backup", file]);
    assert!(refused.contains("is there already"), "{refused}");
    catalog.close().await;
    restored.close().await;
}

#[tokio::test]
async fn a_damaged_backup_changes_nothing() {
    let catalog = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.tar");
    catalog.runs(&["backup", file.to_str().unwrap()]);
    let whole = fs::read(&file).unwrap();
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["catalog.tar"], "nothing else is left");

    let mut flipped = whole.clone();
    let at = flipped.windows(100).position(|window| window == [2; 100]).expect("the rendition is in it");
    flipped[at] ^= 1;
    let restored = Catalog::empty().await;
    for (name, bytes) in [("flipped.tar", &flipped[..]), ("short.tar", &whole[..whole.len() / 2])] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let refused = restored.refuses(&["restore", file.to_str().unwrap()]);
        assert!(refused.contains("damaged") && refused.contains("Nothing was restored"), "{refused}");
    }
    assert!(restored.contents().await.is_empty());
    assert!(restored.files("store").is_empty());
    catalog.close().await;
    restored.close().await;
}
