//! A model that serves: its manifest, its engines, and the check of its golden picture.

mod parts;

use futures_util::future::try_join_all;
use image::RgbImage;

use super::{
    Answer, Prediction,
    catalogue::{Catalogue, CatalogueError, Weights},
    engine::{Engine, EngineSettings, ScoreError},
    ensemble,
    golden::{self, GoldenCheck},
    manifest::{Manifest, Network},
    session::{OpenError, Runtime},
};
use crate::{
    decode::{self, Input, Tensor},
    domain::ContentHash,
};

/// Why a model is not served, in a sentence.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The manifest is not usable, or names a model that is not there.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Weights are not on this machine.
    #[error("model {model} is not served: the weights of {} are not here; {way_out}, or choose another model", absent.join(" and "))]
    Absent {
        /// The model.
        model: String,
        /// Itself, or those members of an ensemble whose weights are lacking.
        absent: Vec<String>,
        /// How they come here.
        way_out: String,
    },
    /// The weights are not those of the manifest.
    #[error("model {model} is not served: {refusal}")]
    Open {
        /// The model.
        model: String,
        /// Why its file is refused.
        refusal: OpenError,
    },
    /// The golden picture cannot be read, cannot be scored, or gets another answer than it used to.
    #[error("model {model} is not served: {problem}")]
    Golden {
        /// The model.
        model: String,
        /// What went wrong.
        problem: String,
    },
    /// A kind of model that this version cannot run.
    #[error("model {model} is not served: {problem}")]
    Unsupported {
        /// The model.
        model: String,
        /// What is not supported.
        problem: String,
    },
}

/// A model that serves.
#[derive(Debug)]
pub struct Model {
    manifest: Manifest,
    fingerprint: ContentHash,
    parts: Vec<(f64, Engine)>,
    /// The manifests of an ensemble's members, in the order of the parts.
    members: Vec<Manifest>,
    golden: GoldenCheck,
    runtime: &'static Runtime,
}

impl Model {
    /// Loads the model `name` as [`Model::open`] does, and holds its golden answer against the manifest's, where it names one.
    ///
    /// # Errors
    /// The model cannot be served, in a sentence that names it.
    pub async fn load(
        catalogue: &Catalogue,
        name: &str,
        runtime: &'static Runtime,
        settings: EngineSettings,
    ) -> Result<Self, LoadError> {
        let model = Self::open(catalogue, name, runtime, settings).await?;
        match model.golden.expected {
            Some(expected) => {
                model.check_golden(expected, "correct what its manifest expects").map(|()| model)
            }
            None => Ok(model),
        }
    }

    /// Opens the model `name`: checks its weights, warms up, asks for the golden picture. Its doubts
    /// ([`Manifest::warnings`]) are logged.
    ///
    /// # Errors
    /// The model cannot be served, in a sentence that names it.
    pub async fn open(
        catalogue: &Catalogue,
        name: &str,
        runtime: &'static Runtime,
        settings: EngineSettings,
    ) -> Result<Self, LoadError> {
        let manifest = catalogue.get(name)?.clone();
        let members = parts::members(catalogue, &manifest)?;
        let networks = parts::networks(&manifest, &members);
        let fingerprint = parts::fingerprint(&networks);
        // First, for it costs little: without it the model is refused, whatever its weights.
        let picture = golden_picture(&manifest).await?;
        parts::are_here(catalogue, &manifest, &members)?;
        let mut parts = Vec::with_capacity(networks.len());
        for (weight, network) in networks {
            parts.push((weight, start(&manifest, network, runtime, settings).await?));
        }
        for warning in manifest.warnings() {
            tracing::warn!(model = name, "{warning}");
        }
        let golden = ask_golden(&manifest, &parts, &picture).await?;
        let members = members.into_iter().map(|(_, member)| member).collect();
        Ok(Self { manifest, fingerprint, parts, members, golden, runtime })
    }

    /// What computes it.
    pub const fn runtime(&self) -> &'static Runtime {
        self.runtime
    }

    /// What [`Model::fingerprint`] will be, as the manifests say, without anything being opened.
    ///
    /// # Errors
    /// There is no such model, or it is of a kind that cannot be run.
    pub fn fingerprint_of(catalogue: &Catalogue, name: &str) -> Result<ContentHash, LoadError> {
        let manifest = catalogue.get(name)?;
        let members = parts::members(catalogue, manifest)?;
        Ok(parts::fingerprint(&parts::networks(manifest, &members)))
    }

    /// Whether the folder, at a glance, has nothing else than what the model was opened from: the same manifests, and no weights of
    /// another size. Weights that are gone end no model that runs: the bytes that it computes with are in memory since they were verified.
    pub fn is_as_in(&self, catalogue: &Catalogue) -> bool {
        let mut manifests = self.members.iter().chain([&self.manifest]);
        manifests.all(|manifest| {
            catalogue.get(&manifest.name).is_ok_and(|now| now == manifest)
                && !matches!(catalogue.weights_of(manifest), Weights::OtherSize(_) | Weights::Unfit(_))
        })
    }

    /// The manifest.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 over everything that decides the model's numbers.
    pub const fn fingerprint(&self) -> ContentHash {
        self.fingerprint
    }

    /// What the model said about its golden picture. Compare it with what earlier starts recorded:
    /// [`Model::check_recorded`].
    pub const fn golden(&self) -> &GoldenCheck {
        &self.golden
    }

    /// Holds this start's golden answer against a recorded one of a model that serves, or is being brought in.
    ///
    /// # Errors
    /// The model's numbers moved; it must not be served.
    pub fn check_recorded(&self, recorded: f64) -> Result<(), LoadError> {
        let name = &self.manifest.name;
        self.check_golden(
            recorded,
            &format!(
                "accept the new ones as another version, by which every image is scored anew, on the Models page or by \
                 `chronograde models accept {name}`"
            ),
        )
    }

    /// Holds this start's golden answer against a recorded one; `way_out` says what can be done besides going back.
    ///
    /// # Errors
    /// The model's numbers moved; it must not be served.
    pub fn check_golden(&self, expected: f64, way_out: &str) -> Result<(), LoadError> {
        if self.golden.agrees_with(expected) {
            return Ok(());
        }
        let problem = self.golden.moved(self.manifest.task, expected, way_out);
        Err(LoadError::Golden { model: self.manifest.name.clone(), problem })
    }

    /// What each part of the model wants to be given: one input, several for an ensemble.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.parts.iter().map(|(_, engine)| &engine.network().input)
    }

    /// The tensors for [`Model::score`], from upright pixels. Takes milliseconds of the calling thread's time.
    pub fn tensors(&self, picture: &RgbImage) -> Vec<Tensor> {
        self.inputs().map(|input| decode::tensor(picture, input)).collect()
    }

    /// Scores one image from the tensors of [`Model::tensors`].
    ///
    /// # Errors
    /// [`ScoreError::is_the_images_fault`] says whose fault it is.
    pub async fn score(&self, tensors: Vec<Tensor>) -> Result<Prediction, ScoreError> {
        score(&self.parts, tensors).await
    }

    /// An ensemble's members, each with its weight and its engine; nothing for a model that is one network.
    pub fn members(&self) -> impl Iterator<Item = (&Manifest, f64, &Engine)> {
        let parts = self.members.iter().zip(&self.parts);
        parts.map(|(member, (weight, engine))| (member, *weight, engine))
    }

    /// The names of the classes that count as a watch, in the order of the answers' values.
    pub fn positive_labels(&self) -> Vec<String> {
        match self.parts.as_slice() {
            [(_, engine)] => engine.network().positive_labels(),
            parts => ensemble::labels(parts.iter().map(|(_, engine)| engine.network().positive_labels())),
        }
    }

    /// The number of values in the features output, if there is one.
    pub fn features_dimension(&self) -> Option<usize> {
        match self.parts.as_slice() {
            [(_, engine)] => engine.features_dimension(),
            _ => None,
        }
    }

    /// The engines, for their counters.
    pub fn engines(&self) -> impl Iterator<Item = &Engine> {
        self.parts.iter().map(|(_, engine)| engine)
    }
}

async fn score(parts: &[(f64, Engine)], tensors: Vec<Tensor>) -> Result<Prediction, ScoreError> {
    if parts.len() != tensors.len() {
        return Err(ScoreError::OtherShape);
    }
    let asked = parts.iter().zip(tensors).map(|((_, engine), tensor)| engine.score(tensor));
    let mut predictions = try_join_all(asked).await?;
    if let ([_], Some(prediction)) = (parts, predictions.pop_if(|_| parts.len() == 1)) {
        return Ok(prediction);
    }
    let answers: Vec<(f64, Answer)> =
        parts.iter().zip(predictions).map(|((weight, _), prediction)| (*weight, prediction.answer)).collect();
    // Members are of one task, and their answers are finite: there is a mean.
    let answer = ensemble::average(&answers).ok_or(ScoreError::OtherShape)?;
    Ok(Prediction { answer, features: None })
}

async fn start(
    manifest: &Manifest,
    network: Network,
    runtime: &'static Runtime,
    settings: EngineSettings,
) -> Result<Engine, LoadError> {
    let task = manifest.task;
    let failed = |refusal| LoadError::Open { model: manifest.name.clone(), refusal };
    let file = network.file.clone();
    tokio::task::spawn_blocking(move || Engine::start(runtime, task, &network, settings))
        .await
        .unwrap_or_else(|error| Err(OpenError::Refused { path: file, reason: error.to_string() }))
        .map_err(failed)
}

/// On a thread that nobody waits for: it reads a file and decodes it.
async fn golden_picture(manifest: &Manifest) -> Result<RgbImage, LoadError> {
    let asked = manifest.clone();
    let read = tokio::task::spawn_blocking(move || golden::picture(&asked)).await;
    read.unwrap_or_else(|crash| Err(crash.to_string())).map_err(|problem| not_golden(manifest, problem))
}

async fn ask_golden(
    manifest: &Manifest,
    parts: &[(f64, Engine)],
    picture: &RgbImage,
) -> Result<GoldenCheck, LoadError> {
    let tensors = parts.iter().map(|(_, engine)| decode::tensor(picture, &engine.network().input)).collect();
    let prediction = score(parts, tensors)
        .await
        .map_err(|error| not_golden(manifest, format!("its golden picture cannot be scored: {error}")))?;
    Ok(GoldenCheck::new(manifest, &prediction.answer))
}

fn not_golden(manifest: &Manifest, problem: String) -> LoadError {
    LoadError::Golden { model: manifest.name.clone(), problem }
}

#[cfg(test)]
mod tests;
