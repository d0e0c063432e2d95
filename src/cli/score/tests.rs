use std::path::PathBuf;

use image::{Rgb, RgbImage};
use serde_json::Value;

use super::*;
use crate::config::Settings;

fn context(json: bool) -> Context {
    let settings = Settings { models: crate::score::tests::models(), ..Settings::default() };
    Context { json, settings }
}

fn args(models: &[&str], csv: bool, paths: &[PathBuf]) -> Args {
    Args { model: models.iter().map(ToString::to_string).collect(), csv, paths: paths.to_vec() }
}

/// A folder with a red and a blue picture, a text and a file that only claims to be a picture.
fn pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let save =
        |name: &str, colour| RgbImage::from_pixel(9, 7, Rgb(colour)).save(folder.path().join(name)).unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    save("a.png", [255, 0, 0]);
    save("sub/b.png", [0, 0, 255]);
    std::fs::write(folder.path().join("notes.txt"), "about the pictures").unwrap();
    folder
}

async fn printed(context: &Context, args: &Args) -> (Outcome, Vec<String>) {
    let (scorer, layout) = prepare(context, args).await.unwrap();
    let mut out = Vec::new();
    let outcome = score_all(Arc::new(scorer), layout, &args.paths, &mut out).await.unwrap();
    (outcome, String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn the_models_folder_and_the_model_can_both_be_given() {
    use clap::Parser as _;
    let line =
        ["chronograde", "score", "--models", "elsewhere", "--model", "a", "--model", "b", "--json", "p.jpg"];
    crate::cli::Cli::try_parse_from(line).unwrap();
}

#[tokio::test]
async fn a_folder_gives_one_line_per_picture_in_order() {
    let folder = pictures();
    let (outcome, lines) = printed(&context(true), &args(&[], false, &[folder.path().to_owned()])).await;
    assert_eq!(outcome, Outcome::AllScored);
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_interest: Vec<_> =
        lines.iter().map(|line| (line["path"].as_str().unwrap(), line["watch"].as_bool())).collect();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert_eq!(
        of_interest,
        [(path("a.png").as_str(), Some(true)), (path("sub/b.png").as_str(), Some(false))]
    );
    // Uniform for blue, since only red weighs: mean 5.5.
    assert!((lines[1]["quality_mean"].as_f64().unwrap() - 5.5).abs() < 1e-6);
    assert!(lines[0]["positives"]["red"].as_f64().unwrap() > 0.8);
}

#[tokio::test]
async fn what_fails_is_said_and_the_rest_is_still_printed() {
    let folder = pictures();
    std::fs::write(folder.path().join("broken.jpg"), "no picture").unwrap();
    let paths = [folder.path().join("absent.png"), folder.path().to_owned(), folder.path().join("notes.txt")];
    let (outcome, lines) = printed(&context(true), &args(&[], false, &paths)).await;
    assert_eq!(outcome, Outcome::SomeFailed);
    let errors: Vec<bool> = lines.iter().map(|line| line.contains("\"error\"")).collect();
    assert_eq!(errors, [true, false, true, false, true], "{lines:?}");
}

#[tokio::test]
async fn with_one_model_only_its_fields_are_printed() {
    let folder = pictures();
    let path = [folder.path().join("a.png")];
    let (_, lines) = printed(&context(true), &args(&["tiny-watch"], false, &path)).await;
    assert!(lines[0].contains("watch_confidence") && !lines[0].contains("quality"), "{lines:?}");
    let (_, lines) = printed(&context(false), &args(&["tiny-quality"], true, &path)).await;
    assert_eq!(lines[0], "path,quality_score");
}

#[tokio::test]
async fn an_image_whose_output_is_no_number_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, grey) in [("bright.png", 255), ("dark.png", 0)] {
        RgbImage::from_pixel(4, 4, Rgb([grey; 3])).save(folder.path().join(name)).unwrap();
    }
    let (outcome, lines) =
        printed(&context(false), &args(&["tiny-watch-nan"], false, &[folder.path().to_owned()])).await;
    assert_eq!(outcome, Outcome::SomeFailed);
    assert!(lines[0].starts_with("no watch  0.3333") && lines[1].contains("which is no number"), "{lines:?}");
}

#[tokio::test]
async fn wrong_usage_is_refused_before_anything_is_printed() {
    let path = [PathBuf::from(".")];
    for (context, args, problem) in [
        (context(true), args(&[], true, &path), "exclude each other"),
        (context(false), args(&["nobody"], false, &path), "there is no model"),
        (
            context(false),
            args(&["tiny-watch", "tiny-watch-bgr"], false, &path),
            "at most one --model per task",
        ),
        (context(false), args(&["mobilenet_v2_imagenet_uint8"], false, &path), "are not here; bring"),
    ] {
        let message = format!("{:#}", prepare(&context, &args).await.err().unwrap());
        assert!(message.contains(problem), "{message}");
    }
}
