//! The pictures that a model is quantized with: those of the catalog in an order drawn by chance, or given files.

use std::{fs, path::PathBuf};

use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};

use super::Picture;
use crate::{
    cli::{
        Context,
        score::{Found, find},
    },
    decode::{self, Limits, Need},
    ingest::original,
    objects::Objects,
    store::images,
};

/// The same pictures are drawn in every run.
const SEED: u64 = 1;
/// Images are drawn for some whose files cannot be read.
const SPARE: usize = 2;

/// Up to `most` pictures that can be decoded.
pub(super) async fn find_all(
    context: &Context,
    paths: &[PathBuf],
    need: Need,
    most: usize,
) -> anyhow::Result<Vec<Picture>> {
    let limits = context.settings.limits();
    match paths {
        [] => of_catalog(context, need, &limits, most).await,
        paths => Ok(of_files(paths, need, &limits, most)),
    }
}

fn of_files(paths: &[PathBuf], need: Need, limits: &Limits, most: usize) -> Vec<Picture> {
    let mut files: Vec<Found> = paths.iter().flat_map(|path| find(path)).collect();
    files.shuffle(&mut SmallRng::seed_from_u64(SEED));
    let read = |file: Found| decoded(&fs::read(file.path).ok()?, need, limits, None);
    files.into_iter().filter_map(read).take(most).collect()
}

async fn of_catalog(
    context: &Context,
    need: Need,
    limits: &Limits,
    most: usize,
) -> anyhow::Result<Vec<Picture>> {
    let objects = Objects::local(&context.settings.store_dir())?;
    let work = async |pool: &sqlx::PgPool| {
        let drawn = images::drawn(&mut *pool.acquire().await?, i64::try_from(most * SPARE)?).await?;
        let mut pictures = Vec::new();
        for (image, label) in drawn {
            if let Ok(original) = original::read(pool, &objects, image).await {
                pictures.extend(decoded(&original.bytes, need, limits, label));
            }
            if pictures.len() == most {
                break;
            }
        }
        Ok(pictures)
    };
    context.with_database(work).await
}

fn decoded(bytes: &[u8], need: Need, limits: &Limits, label: Option<bool>) -> Option<Picture> {
    decode::decode(bytes, need, limits).ok().map(|picture| (picture.rgb, label))
}
