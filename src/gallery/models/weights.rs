//! Weights on their way to this machine: fetched by a thread of their own, or sent by a browser.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::{fs::File, io::AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::{
    score::{AddError, Event, FetchError, Fetcher, Network, Patience, add},
    serving::{Operation, Progress, Workshop},
};

/// Fetches the weights of `network`; where they came from, in words, or nothing after `stop`. The thread is none of the runtime's: a stop of the service does not wait
/// for it, and the next fetch goes on where this one ended.
pub(super) async fn fetched(
    network: Network,
    progress: Progress,
    stop: CancellationToken,
) -> Result<Option<String>, String> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Nobody waits for it when the service stops.
        let _ = done.send(fetch(&network, &progress, &stop));
    });
    outcome.await.unwrap_or_else(|_| Err("Fetching it broke off; the log may say why".to_owned()))
}

fn fetch(network: &Network, progress: &Progress, stop: &CancellationToken) -> Result<Option<String>, String> {
    let fetcher = Fetcher::new(Patience::default()).map_err(|error| error.to_string())?.until(stop.clone());
    if Fetcher::is_there(network).map_err(|error| error.to_string())? {
        return Ok(Some("It was here already".to_owned()));
    }
    let mut here = 0;
    let tell = |there: u64, remark: Option<String>| {
        progress.report(Operation::Pulling { there, of: network.bytes, remark, stop: stop.clone() });
    };
    let fetched = fetcher.fetch(network, &mut |event| match event {
        Event::Asking { there, .. } | Event::Progress(there) => {
            here = *there;
            tell(here, None);
        }
        Event::Pausing { problem, pause } => {
            tell(here, Some(format!("{problem}; again in {} s", pause.as_secs())))
        }
        Event::GaveUp { url, problem } => {
            tracing::warn!(url, "this address was given up: {problem}");
            tell(here, Some(format!("{problem}; another address is tried")));
        }
    });
    match fetched {
        Ok(fetched) => Ok(Some(format!("It came from {}", fetched.url))),
        Err(FetchError::Stopped) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// A file that comes in, not longer than it should be.
pub(super) struct Spool {
    folder: TempDir,
    path: PathBuf,
    file: Option<File>,
    received: u64,
    wanted: Network,
}

impl Spool {
    /// A place for the weights of `network`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn new(data_dir: &Path, network: &Network) -> io::Result<Self> {
        let spool = data_dir.join("spool");
        std::fs::create_dir_all(&spool)?;
        let folder = TempDir::with_prefix_in("weights-", spool)?;
        let path = folder.path().join(network.file_name().as_ref());
        Ok(Self { folder, path, file: None, received: 0, wanted: network.clone() })
    }

    /// Writes the next part. What is too long is read to its end, so that its sender hears the answer, and is written nowhere.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) async fn write(&mut self, part: &[u8]) -> io::Result<()> {
        self.received += part.len() as u64;
        if self.received > self.wanted.bytes {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::create(&self.path).await?),
        };
        file.write_all(part).await
    }

    /// Puts the file where the manifests that name its bytes want it.
    ///
    /// # Errors
    /// It is another file, in words.
    pub(super) async fn put(self, workshop: &Workshop) -> Result<(), String> {
        let Self { folder, path, file, received, wanted } = self;
        let Some(mut file) = file.filter(|_| received <= wanted.bytes) else {
            return Err(match received {
                0 => "No file was sent: choose one first".to_owned(),
                _ => format!(
                    "The file that was sent has {received} bytes, and {} are wanted: it is another one",
                    wanted.bytes
                ),
            });
        };
        let flushed = async {
            file.flush().await?;
            file.sync_all().await
        };
        flushed.await.map_err(|error| format!("The file could not be written down: {error}"))?;
        let catalogue = workshop.catalogue().await.map_err(|error| error.to_string())?;
        let put = tokio::task::spawn_blocking(move || {
            let _until_copied = folder;
            add(&catalogue, &path)
        });
        match put.await {
            Ok(added) => added.map(drop).map_err(|error| in_words(&error, &wanted)),
            Err(crash) => Err(crash.to_string()),
        }
    }
}

/// Without the name that the file has here.
fn in_words(error: &AddError, wanted: &Network) -> String {
    match error {
        AddError::Pointer(_) => {
            "The file that was sent is a Git LFS pointer, a short text that stands for the file in a Git repository: fetch the file \
             itself (`git lfs pull`)"
                .to_owned()
        }
        AddError::Clash { clash, .. } => format!("The file that was sent was not put in its place: {clash}"),
        AddError::Unknown { bytes, sha256, .. } => format!(
            "The file that was sent ({bytes} bytes, SHA-256 {sha256}) is not the one that is wanted, {}",
            wanted.in_words()
        ),
        other => other.to_string(),
    }
}
