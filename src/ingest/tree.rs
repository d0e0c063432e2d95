//! What lies in the upload directory: names and stamps, no byte of any file.

use std::{
    collections::BTreeMap,
    fs::Metadata,
    io::{self, ErrorKind},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::WalkDir;

use super::diff::{Entry, PathBytes, Stamp};

/// Names of files that other programs are still writing, and of folders and files that no person put there.
const NEVER_OPENED: &[&str] = &[
    ".*",
    "*~",
    "~$*",
    "*.part",
    "*.partial",
    "*.tmp",
    "*.temp",
    "*.crdownload",
    "*.download",
    "*.filepart",
    "*.swp",
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "Thumbs.db",
    "desktop.ini",
];

/// Names that are passed over, of files and of folders with everything in them.
#[derive(Clone, Debug)]
pub struct Ignored(GlobSet);

impl Ignored {
    /// The built-in names, and `more` as comma-separated glob patterns, in capitals or not.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn new(more: &str) -> Result<Self, globset::Error> {
        let mut names = GlobSetBuilder::new();
        let more = more.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        for pattern in NEVER_OPENED.iter().copied().chain(more) {
            names.add(GlobBuilder::new(pattern).case_insensitive(true).build()?);
        }
        Ok(Self(names.build()?))
    }

    fn name(&self, name: &std::ffi::OsStr) -> bool {
        self.0.is_match(Path::new(name))
    }
}

/// A listing of one root, or of a part of it.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The device that the root lies on.
    pub device: u64,
    /// The folders in it that are not passed over.
    pub folders: Vec<PathBytes>,
    /// Every path that is not passed over and is no folder.
    pub entries: BTreeMap<PathBytes, Entry>,
    /// Folders (and files) that could not be looked at, and why. What lies there is not known to be gone.
    pub closed: BTreeMap<PathBytes, String>,
}

impl Tree {
    /// Adds what lies in `folder`.
    fn walk(&mut self, root: &Path, folder: &Path, ignored: &Ignored) -> io::Result<()> {
        let walk = WalkDir::new(folder).follow_links(false).min_depth(1);
        for entry in walk.into_iter().filter_entry(|entry| !ignored.name(entry.file_name())) {
            match entry.and_then(|entry| Ok((entry.metadata()?, entry.into_path()))) {
                Ok((metadata, path)) if metadata.is_dir() => self.folders.push(relative(root, path)),
                Ok((metadata, path)) => {
                    self.entries.insert(relative(root, path), classify(&metadata));
                }
                // It vanished between the listing and the look at it: the next sweep has it right.
                Err(error) if error.io_error().is_some_and(|error| error.kind() == ErrorKind::NotFound) => {}
                Err(error) => match error.path().filter(|path| *path != root) {
                    Some(path) => {
                        let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                        self.closed.insert(relative(root, path.to_owned()), why);
                    }
                    None => return Err(error.into()),
                },
            }
        }
        Ok(())
    }

    /// Whether `path` lies where nothing could be looked at.
    pub fn hides(&self, path: &[u8]) -> bool {
        self.closed.keys().any(|closed| {
            path.strip_prefix(closed.as_slice()).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        })
    }
}

/// Lists the whole root. A folder that cannot be read is named, and keeps no other from being listed.
///
/// # Errors
/// When the root itself cannot be read: a mount that dropped, say.
pub fn list(root: &Path, ignored: &Ignored) -> io::Result<Tree> {
    let mut tree = Tree { device: root.metadata()?.dev(), ..Tree::default() };
    std::fs::read_dir(root)?;
    tree.walk(root, root, ignored)?;
    Ok(tree)
}

/// Looks at single paths (relative to the root), and into those that are folders; one that is gone or passed
/// over is left out.
///
/// # Errors
/// When the root itself cannot be read.
pub fn look_at<'a>(
    root: &Path,
    ignored: &Ignored,
    paths: impl Iterator<Item = &'a PathBytes>,
) -> io::Result<Tree> {
    let mut tree = Tree { device: root.metadata()?.dev(), ..Tree::default() };
    for path in paths.filter(|path| !path.is_empty()) {
        let name = Path::new(std::ffi::OsStr::from_bytes(path));
        if name.iter().any(|part| ignored.name(part)) {
            continue;
        }
        let place = root.join(name);
        match place.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {
                tree.folders.push(path.clone());
                tree.walk(root, &place, ignored)?;
            }
            Ok(metadata) => {
                tree.entries.insert(path.clone(), classify(&metadata));
            }
            Err(_) => {}
        }
    }
    Ok(tree)
}

/// The path of `file` in `root`, as bytes.
fn relative(root: &Path, file: PathBuf) -> PathBytes {
    match file.strip_prefix(root) {
        Ok(path) => path.as_os_str().as_bytes().to_vec(),
        Err(_) => file.into_os_string().into_vec(),
    }
}

fn classify(metadata: &Metadata) -> Entry {
    let kind = metadata.file_type();
    if kind.is_file() {
        Entry::File(stamp(metadata))
    } else if kind.is_symlink() {
        Entry::Odd("a link: only files that lie in the folder themselves are taken")
    } else if kind.is_fifo() || kind.is_socket() {
        Entry::Odd("a pipe or socket, no file")
    } else {
        Entry::Odd("a device, no file")
    }
}

/// What tells this file from a changed one.
pub fn stamp(metadata: &Metadata) -> Stamp {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stamp {
        size_bytes: i64::try_from(metadata.size()).unwrap_or(i64::MAX),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let tree = list(root, &Ignored::new("*.bak, raw").unwrap()).unwrap();
        tree.entries.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    #[test]
    fn temporary_names_and_ignored_folders_are_passed_over() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a/b", "@eaDir", "raw", ".hidden"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("x.jpg"), b"x").unwrap();
        }
        for name in ["y.JPG", "y.jpg.part", "Y.PART", "~$y.jpg", "old.bak", "Thumbs.db"] {
            fs::write(root.path().join(name), b"y").unwrap();
        }
        assert_eq!(names(root.path()), ["a/b/x.jpg", "y.JPG"]);

        let named =
            [b"a".to_vec(), b"@eaDir/x.jpg".to_vec(), b"raw".to_vec(), b"gone".to_vec(), b"".to_vec()];
        let part = look_at(root.path(), &Ignored::new("raw").unwrap(), named.iter()).unwrap();
        assert_eq!(part.entries.keys().collect::<Vec<_>>(), [b"a/b/x.jpg"]);
        assert_eq!(part.folders, [b"a".to_vec(), b"a/b".to_vec()]);
    }

    #[test]
    fn a_link_and_a_pipe_are_seen_and_never_followed_or_opened() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("secret.jpg"), b"x").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("folder")).unwrap();
        nix::unistd::mkfifo(&root.path().join("pipe.jpg"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let tree = list(root.path(), &Ignored::new("").unwrap()).unwrap();
        assert_eq!(tree.entries.len(), 2);
        assert!(tree.entries.values().all(|entry| matches!(entry, Entry::Odd(_))), "{tree:?}");
    }

    #[test]
    fn what_lies_in_a_folder_that_cannot_be_read_is_hidden_and_its_neighbours_are_not() {
        let closed = BTreeMap::from([(b"a/b".to_vec(), "Permission denied".to_owned())]);
        let tree = Tree { closed, ..Tree::default() };
        assert!(tree.hides(b"a/b") && tree.hides(b"a/b/c.jpg"));
        assert!(!tree.hides(b"a/bc.jpg") && !tree.hides(b"a"));
    }

    #[test]
    fn a_path_too_long_for_the_system_keeps_no_other_file_from_being_seen() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.jpg"), b"x").unwrap();
        let names = ["n".repeat(250), "m".repeat(250)];
        let flags = nix::fcntl::OFlag::O_DIRECTORY;
        let mode = nix::sys::stat::Mode::S_IRWXU;
        let mut folder = nix::fcntl::open(root.path(), flags, mode).unwrap();
        for number in 0..18 {
            let name = names[number % 2].as_str();
            nix::sys::stat::mkdirat(&folder, name, mode).unwrap();
            folder = nix::fcntl::openat(&folder, name, flags, mode).unwrap();
        }
        let tree = list(root.path(), &Ignored::new("").unwrap()).unwrap();
        assert_eq!(tree.entries.keys().collect::<Vec<_>>(), [b"a.jpg"]);
        assert_eq!(tree.closed.len(), 1, "{:?}", tree.closed.values());
        // The temporary folder's own clean-up goes by relative names, too.
    }

    #[test]
    fn a_root_that_is_not_there_is_an_error_and_not_an_empty_listing() {
        let root = tempfile::tempdir().unwrap();
        assert!(list(&root.path().join("gone"), &Ignored::new("").unwrap()).is_err());
    }
}
