//! The pictures that a model is quantized with: those of the catalog in an order drawn by chance, or given files.

use std::{fs, path::PathBuf};

use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};

use super::Picture;
use crate::{
    cli::{
        Context,
        score::{Found, find},
    },
    config::Settings,
    decode::{self, Decoders, Input, Need, SIGNALS_PX},
    ingest::original,
    objects::Objects,
    store::images,
};

/// The same pictures are drawn in every run.
const SEED: u64 = 1;
/// Images are drawn for some whose files cannot be read.
const SPARE: usize = 2;

/// Up to `most` pictures that can be decoded, as a network of this input is given them.
pub(super) async fn find_all(
    context: &Context,
    paths: &[PathBuf],
    input: &Input,
    most: usize,
) -> anyhow::Result<Vec<Picture>> {
    let pictures = Pictures::new(&context.settings, input, most);
    match paths {
        [] => of_catalog(context, pictures).await,
        paths => Ok(of_files(paths, pictures).await),
    }
}

async fn of_files(paths: &[PathBuf], mut pictures: Pictures) -> Vec<Picture> {
    let mut files: Vec<Found> = paths.iter().flat_map(|path| find(path)).collect();
    files.shuffle(&mut SmallRng::seed_from_u64(SEED));
    for file in files {
        let is_small = fs::metadata(&file.path).is_ok_and(|file| file.len() <= pictures.most_bytes);
        if is_small && let Ok(bytes) = fs::read(&file.path) {
            pictures.add(bytes, None).await;
        }
        if pictures.are_enough() {
            break;
        }
    }
    pictures.found
}

async fn of_catalog(context: &Context, mut pictures: Pictures) -> anyhow::Result<Vec<Picture>> {
    let objects = Objects::local(&context.settings.store_dir())?;
    let work = async |pool: &sqlx::PgPool| {
        let most = i64::try_from(pictures.most * SPARE)?;
        let drawn = images::drawn(&mut *pool.acquire().await?, most).await?;
        for (image, label) in drawn {
            if let Ok(original) = original::read(pool, &objects, image).await {
                pictures.add(original.bytes, label).await;
            }
            if pictures.are_enough() {
                break;
            }
        }
        Ok(pictures.found)
    };
    context.with_database(work).await
}

/// Pictures as the network is given them. Each is a tensor as soon as it is decoded: hundreds of decoded photographs may be more than
/// the memory has.
struct Pictures {
    found: Vec<Picture>,
    most: usize,
    most_bytes: u64,
    decoders: Decoders,
    need: Need,
    input: Input,
}

impl Pictures {
    fn new(settings: &Settings, input: &Input, most: usize) -> Self {
        Self {
            found: Vec::new(),
            most,
            most_bytes: settings.limits().file_bytes,
            decoders: settings.decoders(),
            // The scale at which the service decodes too.
            need: Need::long_side(SIGNALS_PX).and_model(input),
            input: input.clone(),
        }
    }

    /// Adds a picture, if it is one.
    async fn add(&mut self, bytes: Vec<u8>, label: Option<bool>) {
        let input = self.input.clone();
        let tensor =
            self.decoders.decode(bytes, self.need, move |picture| decode::tensor(&picture.rgb, &input));
        self.found.extend(tensor.await.ok().map(|tensor| (tensor, label)));
    }

    fn are_enough(&self) -> bool {
        self.found.len() >= self.most
    }
}
