//! A file that is not whole yet.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::FetchError;

/// What arrived of a file so far, kept beside its place as `NAME.part`. Beside it lies `NAME.part.from` with the
/// address and the validator (entity tag or date) of the answer that it came from.
#[derive(Debug)]
pub(super) struct Partial {
    target: PathBuf,
    path: PathBuf,
    file: File,
    len: u64,
    pieced_together: bool,
    origin: Option<Origin>,
}

/// The answer that a part came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) validator: String,
}

impl Partial {
    /// What there is of `target`; nothing at first. Nobody else writes it meanwhile.
    pub(super) fn open(target: &Path) -> Result<Self, FetchError> {
        let path = beside(target, ".part");
        let failed = |problem| FetchError::disk(target, problem);
        let mut file = loop {
            let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
            match locked(file, &path) {
                Ok(Some(file)) => break file,
                Ok(None) => {}
                Err(TryLockError::WouldBlock) => return Err(FetchError::Busy(target.to_owned())),
                Err(TryLockError::Error(problem)) => return Err(failed(problem)),
            }
        };
        let len = file.seek(io::SeekFrom::End(0)).map_err(failed)?;
        let origin = fs::read_to_string(beside(&path, ".from")).ok().as_deref().and_then(Origin::read);
        Ok(Self { target: target.to_owned(), path, file, len, pieced_together: len > 0, origin })
    }

    /// The file with what arrived.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder in which it lies.
    pub(super) fn folder(&self) -> &Path {
        folder(&self.path)
    }

    /// Bytes that arrived.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the bytes came by more than one answer.
    pub(super) const fn is_pieced_together(&self) -> bool {
        self.pieced_together
    }

    /// The validator to continue with at `url`: none where the bytes came from elsewhere.
    pub(super) fn validator(&self, url: &str) -> Option<&str> {
        self.origin.as_ref().filter(|origin| origin.url == url).map(|origin| origin.validator.as_str())
    }

    /// The next bytes come from an answer of this origin.
    pub(super) fn come_from(&mut self, origin: Option<Origin>) -> io::Result<()> {
        self.pieced_together = self.len > 0;
        let note = beside(&self.path, ".from");
        match &origin {
            Some(origin) => fs::write(note, format!("{}\n{}\n", origin.url, origin.validator))?,
            None => remove(&note)?,
        }
        self.origin = origin;
        Ok(())
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Throws away what arrived.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        self.pieced_together = false;
        self.origin = None;
        remove(&beside(&self.path, ".from"))
    }

    /// Puts the file in its place, in one step and for good.
    pub(super) fn install(self) -> Result<(), FetchError> {
        let installed = self
            .file
            .sync_all()
            .and_then(|()| remove(&beside(&self.path, ".from")))
            .and_then(|()| fs::rename(&self.path, &self.target))
            .and_then(|()| sync_folder(&self.target));
        installed.map_err(|problem| FetchError::disk(&self.target, problem))
    }
}

/// How many bytes of `target` arrived by pulls that did not bring it whole.
pub(in crate::score) fn arrived(target: &Path) -> u64 {
    fs::metadata(beside(target, ".part")).map_or(0, |part| part.len())
}

/// Nothing that arrived is nothing to go on from. The file is still locked, so that it is nobody else's.
impl Drop for Partial {
    fn drop(&mut self) {
        if self.len == 0 {
            let _ = remove(&self.path);
        }
    }
}

impl Origin {
    fn read(text: &str) -> Option<Self> {
        let (url, validator) = text.split_once('\n')?;
        Some(Self { url: url.to_owned(), validator: validator.trim_end().to_owned() })
    }
}

/// `file`, which was opened at `path`, for this process alone; nothing where it lies elsewhere by now. Whoever had it before may have put it in its
/// place between the opening and the locking, and what serves there must not be written.
fn locked(file: File, path: &Path) -> Result<Option<File>, TryLockError> {
    file.try_lock()?;
    let (ours, there) = (file.metadata().map_err(TryLockError::Error)?, fs::metadata(path));
    let is_there = there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
    Ok(is_there.then_some(file))
}

/// Makes a rename in the folder of `file` survive a power cut.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder(file))?.sync_all()
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_was_put_in_its_place_meanwhile_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let (target, path) = (folder.path().join("weights.onnx"), folder.path().join("weights.onnx.part"));
        let mut first = Partial::open(&target).unwrap();
        first.append(b"weights").unwrap();
        // Another process opens it, and comes to lock it only when it is done.
        let opened = File::options().append(true).open(&path).unwrap();
        assert!(matches!(locked(opened.try_clone().unwrap(), &path), Err(TryLockError::WouldBlock)));
        first.install().unwrap();
        assert!(locked(opened, &path).unwrap().is_none(), "it is the file that serves");
        let mut second = Partial::open(&target).unwrap();
        assert_eq!(second.len(), 0);
        second.append(b"other").unwrap();
        second.clear().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"weights");
    }
}
