//! Why there are no figures.

use std::{io, path::PathBuf};

use crate::{
    cluster::ClusterError,
    decode::RenditionError,
    ingest::{IngestError, import::ImportError, listing::PatternError},
    objects::ObjectError,
    score::{CatalogueError, LoadError, OpenError, RunError, RuntimeError, ScoreError},
    serving::ServingError,
    startup::StartupError,
};

/// Why there are no figures, in a sentence.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Nothing to measure with.
    #[error("{} has no pictures that can be decoded: name a folder of photographs with --images", .0.display())]
    NoPictures(PathBuf),
    /// A picture changes when bytes are appended to its file, so that its copies are other pictures.
    #[error("{} decodes to other pixels with a number behind its end: leave it out", .0.display())]
    Marked(PathBuf),
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A part of the service says that it cannot work.
    #[error("the service stands still: {0}")]
    StandsStill(String),
    /// The service runs, but nothing more is ranked.
    #[error(
        "the service ranked {ranked} of {dropped} pictures and failed {failed}, and then nothing for a minute"
    )]
    Stuck {
        /// Pictures with a committed row.
        ranked: usize,
        /// Pictures that were dropped.
        dropped: usize,
        /// Pictures whose ledger row says that they failed.
        failed: usize,
    },
    /// The service ended by itself.
    #[error("the service ended while it was measured")]
    Ended,
    /// A file that should have become a new image did not.
    #[error("a file was taken as something else than a new image: {0}")]
    Taken(String),
    /// A page was not answered, or not as it should be.
    #[error("the pages cannot be measured: {0}")]
    Page(String),
    /// Ctrl-C.
    #[error("stopped before everything was measured")]
    Stopped,
    /// The measuring thread is gone.
    #[error("a measuring thread ended unexpectedly")]
    Thread,
    /// The service did not start.
    #[error(transparent)]
    Startup(#[from] StartupError),
    /// The scratch database.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The scratch database refused.
    #[error("the scratch database refused")]
    Database(#[from] sqlx::Error),
    /// The manifests.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// ONNX Runtime's library.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A model is not served.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No model serves.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// A weights file was refused.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A network did not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A model gave no answer.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A rendition could not be made.
    #[error(transparent)]
    Rendition(#[from] RenditionError),
    /// The image store refused.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// A setting of the ingestion.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The pattern of listing keys.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A file could not be taken.
    #[error(transparent)]
    Import(#[from] ImportError),
}

impl BenchError {
    /// An error of the file at `path`.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.into(), source }
    }
}
