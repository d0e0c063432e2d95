//! The pictures that a model is quantized with: those of the catalog in an order drawn by chance, or given files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::ensure;
use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};

use super::{Args, Picture};
use crate::{
    cli::{Context, evaluate, score::find},
    config::Settings,
    decode::{self, Decoders, Input, Need, SIGNALS_PX},
    ingest::original,
    objects::Objects,
    score::quantize::LABELS_LEAST,
    store::images,
};

/// The same pictures are drawn in every run.
const SEED: u64 = 1;
/// Images are drawn for some whose files cannot be read.
const SPARE: usize = 2;

/// Up to `most` pictures that can be decoded, as a network of this input is given them.
pub(super) async fn find_all(
    context: &Context,
    args: &Args,
    input: &Input,
    most: usize,
) -> anyhow::Result<Vec<Picture>> {
    let pictures = Pictures::new(&context.settings, input, most);
    if args.images.is_empty() && args.labels.is_none() {
        return of_catalog(context, pictures).await;
    }
    Ok(of_files(files(&args.images, args.labels.as_deref())?, pictures).await)
}

/// A file, and people's label.
type File = (PathBuf, Option<bool>);

/// The files that were named, each with its label in the table; those of the table where no others were named.
fn files(named: &[PathBuf], table: Option<&Path>) -> anyhow::Result<Vec<File>> {
    let Some(table) = table else {
        return Ok(named.iter().flat_map(|path| find(path)).map(|found| (found.path, None)).collect());
    };
    let labels = labels(named, table)?;
    ensure!(!labels.is_empty(), "none of the files that {} names is there", table.display());
    if named.is_empty() {
        return Ok(labels.into_iter().map(|(path, is_watch)| (path, Some(is_watch))).collect());
    }
    let label = |path: &Path| labels.get(&path.canonicalize().ok()?).copied();
    let found = named.iter().flat_map(|path| find(path));
    let files: Vec<File> =
        found.map(|found| (label(&found.path), found.path)).map(|(label, path)| (path, label)).collect();
    ensure!(
        files.iter().any(|(_, label)| label.is_some()),
        "{} names none of the pictures that --images does",
        table.display()
    );
    Ok(files)
}

/// The table's labels of those files that are there: in one of the folders that were named, else where `evaluate` finds them.
fn labels(named: &[PathBuf], table: &Path) -> anyhow::Result<BTreeMap<PathBuf, bool>> {
    let folders = named.iter().filter(|path| path.is_dir()).map(|folder| Some(folder.as_path()));
    let mut labels = BTreeMap::new();
    for folder in folders.chain([None]) {
        for picture in evaluate::from_table(table, folder)? {
            labels.extend(picture.file.path.canonicalize().ok().map(|path| (path, picture.watch)));
        }
    }
    Ok(labels)
}

async fn of_files(mut files: Vec<File>, mut pictures: Pictures) -> Vec<Picture> {
    files.shuffle(&mut SmallRng::seed_from_u64(SEED));
    for (path, label) in files {
        let is_small = fs::metadata(&path).is_ok_and(|file| file.len() <= pictures.most_bytes);
        if is_small && let Ok(bytes) = fs::read(&path) {
            pictures.add(bytes, label).await;
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
        let labelled = i64::try_from(LABELS_LEAST * SPARE)?;
        let drawn = images::drawn(&mut *pool.acquire().await?, most, labelled).await?;
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
