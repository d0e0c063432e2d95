//! What one image costs at each stage, one image after the other.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{BenchError, bare::Runs, figures::Spread, pictures::Pictures, progress, sandbox::Sandbox};
use crate::{
    clock::Clock,
    decode::{self, GRID_PX, Luma, Need, PerceptualHash, Signals},
    domain::{ContentHash, ImageId},
    ingest::{
        diff::{Changes, Entry},
        import::{Imported, Importer, Settled, Told},
        listing::{DEFAULT_PATTERN, ListingPattern},
        tree,
    },
    serving::{self, Served},
    store::{
        results::{self, Findings},
        sightings,
    },
};

/// Images that are taken through the stages.
const IMAGES: usize = 200;

/// What one stage costs.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Its name.
    pub stage: String,
    /// What belongs to it.
    pub what: &'static str,
    /// Images that were measured.
    pub images: usize,
    /// How long it took for each of them.
    #[serde(flatten)]
    pub spread: Spread,
}

/// The stages in the order in which an image passes them, and what belongs to each.
const STAGES: [(&str, &str); 7] = [
    ("import", "read, hash, header, and the ledger's transaction"),
    ("read", "the file's bytes again, their hash, the header"),
    ("decode", "pixels, at the scale that the models need"),
    ("measure", "signals and perceptual hash"),
    ("rendition", "the small JPEG for the pages: shrunk, encoded, kept"),
    ("resize", "the tensors of all models"),
    ("store", "everything found, in a transaction of its own"),
];

/// Takes pictures through all stages, in this thread. What the networks take follows from their `runs` alone.
pub(super) async fn measure(
    sandbox: &Sandbox,
    pictures: &mut Pictures,
    runs: &[Vec<Runs>],
) -> Result<Vec<Stage>, BenchError> {
    let models = serving::load(&sandbox.pool, &sandbox.settings, &[]).await?.models;
    let need = pictures.need;
    let images = take(sandbox, pictures, pictures.sources.len().min(IMAGES)).await?;
    let bar = progress::bar("stages", images.len());
    let mut times: [Vec<Duration>; STAGES.len()] = std::array::from_fn(|_| Vec::new());
    for (index, image) in images.iter().enumerate() {
        bar.at(index);
        let walked = walk(sandbox, image, need, &models).await?;
        for (times, time) in times.iter_mut().zip(walked) {
            times.push(time);
        }
    }
    let stages = STAGES.iter().zip(&times).filter_map(|((stage, what), times)| {
        Some(Stage { stage: (*stage).to_owned(), what, images: times.len(), spread: Spread::of(times)? })
    });
    let mut stages: Vec<Stage> = stages.collect();
    let store = stages.pop();
    stages.extend(networks(runs));
    stages.extend(store);
    Ok(stages)
}

/// A stage for each network.
fn networks(runs: &[Vec<Runs>]) -> Vec<Stage> {
    let rounds = runs
        .iter()
        .cloned()
        .reduce(|all, round| all.into_iter().zip(round).map(|(all, runs)| all.and(runs)).collect());
    let stage = |runs: Runs| {
        let (name, spread, images) = runs.per_image();
        let what = "a batch's share, with all copies and threads of the network";
        Some(Stage { stage: format!("infer {name}"), what, images, spread: spread? })
    };
    rounds.unwrap_or_default().into_iter().filter_map(stage).collect()
}

/// An image that was imported, and how long that took.
struct Taken {
    id: ImageId,
    settled: Settled,
    time: Duration,
}

/// Imports `count` new pictures, one after the other.
async fn take(sandbox: &Sandbox, pictures: &mut Pictures, count: usize) -> Result<Vec<Taken>, BenchError> {
    let folder = sandbox.folder("stages")?;
    let root = folder.to_string_lossy().into_owned();
    let importer = Importer {
        pool: sandbox.pool.clone(),
        objects: sandbox.objects.clone(),
        limits: sandbox.settings.limits(),
        mode: sandbox.settings.ingest_mode,
        pattern: ListingPattern::new(DEFAULT_PATTERN)?,
        clock: Clock::System,
    };
    let mut taken = Vec::with_capacity(count);
    for settled in settle(sandbox, pictures, count, (&folder, &root)).await? {
        let started = Instant::now();
        match importer.import(&settled).await? {
            Imported::New(id) => taken.push(Taken { id, settled, time: started.elapsed() }),
            other => return Err(BenchError::Taken(format!("{other:?}"))),
        }
    }
    Ok(taken)
}

/// Writes pictures and their sightings, as the first look at a folder does.
async fn settle(
    sandbox: &Sandbox,
    pictures: &mut Pictures,
    count: usize,
    (folder, root): (&Path, &str),
) -> Result<Vec<Settled>, BenchError> {
    let mut entries = BTreeMap::new();
    for copy in pictures.next(count) {
        let name = copy.write(folder)?;
        let file = folder.join(&name);
        let metadata = file.symlink_metadata().map_err(BenchError::file(&file))?;
        entries.insert(name.into_bytes(), Entry::File(tree::stamp(&metadata)));
    }
    let mut conn = sandbox.pool.acquire().await?;
    let changes = Changes { new: entries.into_iter().collect(), ..Changes::default() };
    sightings::apply(&mut conn, root, &changes).await?;
    let known = sightings::current(&mut conn, root, None).await?;
    let settled = known.into_iter().map(|(path, known)| {
        let path_text = String::from_utf8_lossy(&path).into_owned();
        Settled {
            id: known.id,
            file: folder.join(&path_text),
            path_text,
            stamp: known.stamp,
            told: Told::default(),
        }
    });
    Ok(settled.collect())
}

/// The times of one image's stages, as in [`STAGES`].
async fn walk(
    sandbox: &Sandbox,
    image: &Taken,
    need: Need,
    models: &[Served],
) -> Result<[Duration; STAGES.len()], BenchError> {
    let file = &image.settled.file;
    let mut watch = Watch::start();
    let bytes = std::fs::read(file).map_err(BenchError::file(file))?;
    let hash = ContentHash::of(&bytes);
    let unreadable = |_| BenchError::NoPictures(file.clone());
    let header = decode::probe(&bytes, &sandbox.settings.limits()).map_err(unreadable)?;
    let read = watch.lap();
    let picture = decode::decode_probed(&bytes, &header, need).map_err(unreadable)?;
    let decode = watch.lap();
    let luma = Luma::of(&picture.rgb);
    let (signals, phash) = (Signals::measure(&picture, &luma), PerceptualHash::of(&luma));
    let measure = watch.lap();
    let jpeg = decode::rendition(&picture, GRID_PX)?;
    sandbox.objects.put_rendition(GRID_PX, &hash, jpeg).await?;
    let rendition = watch.lap();
    let tensors: Vec<_> = models.iter().map(|served| served.model.tensors(&picture.rgb)).collect();
    let resize = watch.lap();
    let mut predictions = Vec::with_capacity(models.len());
    for (served, tensors) in models.iter().zip(tensors) {
        predictions.push((served.id, Ok(served.model.score(tensors).await?)));
    }
    let findings = Findings { signals, phash, predictions };
    watch.lap();
    results::commit(&sandbox.pool, image.id, &findings).await?;
    Ok([image.time, read, decode, measure, rendition, resize, watch.lap()])
}

/// A stopwatch.
struct Watch(Instant);

impl Watch {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start or the last lap.
    fn lap(&mut self) -> Duration {
        let before = std::mem::replace(&mut self.0, Instant::now());
        self.0 - before
    }
}
