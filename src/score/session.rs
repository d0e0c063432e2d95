//! ONNX Runtime: only this module knows it.
//!
//! A [`Session`] is one opened weights file; it is checked against its manifest when it is opened, so that running it needs no
//! further checks.

mod runtime;

use std::{fs, io, path::PathBuf};

use ort::{
    session::{Session as OrtSession, SessionInputValue, SessionOutputs},
    value::{DynValue, Outlet, TensorElementType, TensorRef},
};

pub use self::runtime::Runtime;
use super::{
    manifest::Network,
    shape::{self, Found},
    weights::{POINTER_BYTES, is_pointer},
};
use crate::{
    decode::{Dtype, Tensor},
    domain::ContentHash,
};

/// Why a weights file is not served.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The weights are not on this machine.
    #[error("the weights {} are not downloaded", .0.display())]
    NotDownloaded(PathBuf),
    /// The weights cannot be read.
    #[error("the weights {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The bytes are not those that the manifest names.
    #[error("the weights {} are not those of the manifest: {problem}; fetch them again, or correct the manifest", path.display())]
    OtherBytes {
        /// The file.
        path: PathBuf,
        /// Size or hash, both values.
        problem: String,
    },
    /// A name, a shape or a type differs between the file and the manifest.
    #[error("the weights {} and the manifest disagree: {problem}", path.display())]
    Disagree {
        /// The file.
        path: PathBuf,
        /// What differs, both values.
        problem: String,
    },
    /// ONNX Runtime does not accept the file.
    #[error("ONNX Runtime does not open {}: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
}

/// A run that failed: by the model's fault, the machine's, or one image's. The engine finds out whose.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the network failed: {0}")]
pub struct RunError(String);

impl From<ort::Error> for RunError {
    fn from(error: ort::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a network put out for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `classes` values, as the file gives them.
    pub output: Vec<f64>,
    /// The features output, if the manifest names one.
    pub features: Option<Vec<f32>>,
}

/// One opened weights file, fitting its manifest. It computes on `intra_threads` threads of its own.
#[derive(Debug)]
pub struct Session {
    session: OrtSession,
    network: Network,
    quantised: bool,
    floats: Vec<f32>,
    bytes: Vec<u8>,
}

impl Session {
    /// Opens `network`'s file and holds it against the manifest: size, SHA-256, names, shapes, types.
    ///
    /// # Errors
    /// The weights are absent, other bytes than the manifest names, or of another shape than it says.
    pub fn open(runtime: &Runtime, network: &Network, intra_threads: usize) -> Result<Self, OpenError> {
        let weights = verified_weights(network)?;
        let path = || network.file.clone();
        let refused = |error: ort::Error| OpenError::Refused { path: path(), reason: error.to_string() };
        let session = runtime
            .builder(intra_threads, network.input.batch.is_some())
            .and_then(|mut builder| builder.commit_from_memory(&weights))
            .map_err(refused)?;
        let quantised = shape::check(network, &found(session.inputs()), &found(session.outputs()))
            .map_err(|problem| OpenError::Disagree { path: path(), problem })?;
        Ok(Self { session, network: network.clone(), quantised, floats: Vec::new(), bytes: Vec::new() })
    }

    /// Whether the output's elements are bytes.
    pub fn is_quantised(&self) -> bool {
        self.quantised
    }

    /// Runs the network on `batch`, in pieces where the file fixes the batch size; one row per tensor, in
    /// order. The tensors are of the manifest's type and size.
    ///
    /// # Errors
    /// The runtime failed, or the output is of another size than the file announced.
    pub fn run(&mut self, batch: &[&Tensor]) -> Result<Vec<Row>, RunError> {
        let at_once = self.network.input.batch.unwrap_or(batch.len()).max(1);
        let mut rows = Vec::with_capacity(batch.len());
        for piece in batch.chunks(at_once) {
            // The last image fills what a fixed batch leaves over.
            let filler = piece.last().into_iter().cycle();
            let filled = piece.iter().chain(filler).take(self.network.input.batch.unwrap_or(piece.len()));
            let count = self.fill(filled.copied());
            rows.extend(self.run_filled(count)?.into_iter().take(piece.len()));
        }
        Ok(rows)
    }

    fn fill<'a>(&mut self, tensors: impl Iterator<Item = &'a Tensor>) -> usize {
        self.floats.clear();
        self.bytes.clear();
        tensors
            .map(|tensor| match tensor {
                Tensor::F32(values) => self.floats.extend_from_slice(values),
                Tensor::U8(values) => self.bytes.extend_from_slice(values),
            })
            .count()
    }

    fn run_filled(&mut self, count: usize) -> Result<Vec<Row>, RunError> {
        let shape = shape::of_input(&self.network.input, count);
        let value: SessionInputValue<'_> = match self.network.input.dtype {
            Dtype::F32 => TensorRef::from_array_view((shape, &*self.floats))?.into(),
            Dtype::U8 => TensorRef::from_array_view((shape, &*self.bytes))?.into(),
        };
        let outputs = self.session.run([value])?;
        let output = split(&named(&outputs, &self.network.output.tensor)?, count)?;
        let features = match &self.network.output.features {
            Some(name) => split(&named(&outputs, name)?, count)?.into_iter().map(Some).collect(),
            None => vec![None; count],
        };
        let short = output.iter().any(|row| row.len() != self.network.output.classes);
        if short || output.len() != count || features.len() != count {
            return Err(RunError("the output has another size than the file announced".to_owned()));
        }
        Ok(output
            .into_iter()
            .zip(features)
            .map(|(output, features)| Row { output: widen(output), features })
            .collect())
    }
}

/// One image's values of one output.
type Values = Vec<f32>;

fn widen(values: Values) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

fn named(outputs: &SessionOutputs<'_>, name: &str) -> Result<Values, RunError> {
    let value: &DynValue = outputs.get(name).ok_or_else(|| RunError(format!("no output {name}")))?;
    if let Ok((_, floats)) = value.try_extract_tensor::<f32>() {
        return Ok(floats.to_vec());
    }
    let (_, bytes) = value.try_extract_tensor::<u8>()?;
    Ok(bytes.iter().copied().map(f32::from).collect())
}

fn split(values: &[f32], count: usize) -> Result<Vec<Values>, RunError> {
    let each = values.len() / count;
    if each == 0 || each * count != values.len() {
        return Err(RunError("the output cannot be divided among the images".to_owned()));
    }
    Ok(values.chunks(each).map(<[f32]>::to_vec).collect())
}

/// The file's bytes, once size and SHA-256 are the manifest's. What is checked is what is loaded.
fn verified_weights(network: &Network) -> Result<Vec<u8>, OpenError> {
    let path = || network.file.clone();
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::NotDownloaded(path()),
        _ => OpenError::Unreadable { path: path(), reason: error.to_string() },
    };
    let other = |problem| OpenError::OtherBytes { path: path(), problem };
    let other_size = |bytes: u64| other(format!("they have {bytes} bytes, not {}", network.bytes));
    let bytes = fs::metadata(&network.file).map_err(unreadable)?.len();
    // Another file may be larger than the memory.
    if bytes != network.bytes && bytes > POINTER_BYTES {
        return Err(other_size(bytes));
    }
    let weights = fs::read(&network.file).map_err(unreadable)?;
    if is_pointer(&weights) {
        return Err(other("it is a Git LFS pointer, a short text that stands for the file".to_owned()));
    }
    if weights.len() as u64 != network.bytes {
        return Err(other_size(weights.len() as u64));
    }
    let sha256 = ContentHash::of(&weights);
    if sha256 == network.sha256 {
        Ok(weights)
    } else {
        Err(other(format!("their SHA-256 is {sha256}, not {}", network.sha256)))
    }
}

fn found(outlets: &[Outlet]) -> Vec<Found> {
    let found = |outlet: &Outlet| Found {
        name: outlet.name().to_owned(),
        dtype: match outlet.dtype().tensor_type() {
            Some(TensorElementType::Float32) => Ok(Dtype::F32),
            Some(TensorElementType::Uint8) => Ok(Dtype::U8),
            other => Err(other.map_or_else(|| "no tensor".to_owned(), |dtype| dtype.to_string())),
        },
        shape: outlet.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default(),
    };
    outlets.iter().map(found).collect()
}
