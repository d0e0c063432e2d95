//! Which files a path stands for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

/// Names that claim to be a picture; in a folder, other files are passed over unless their content is one.
const EXTENSIONS: [&str; 9] = ["jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// A file to score, or a path at which there is none.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Found {
    pub(in crate::cli) path: PathBuf,
    /// Why there is nothing to read here.
    pub(in crate::cli) problem: Option<String>,
    /// It was not named, only lies in a folder that was, and has no picture's extension.
    pub(in crate::cli) may_be_no_picture: bool,
}

/// The file itself, or the files of the folder and its sub-folders, sorted by name. Hidden names are passed over;
/// links are followed.
pub(in crate::cli) fn find(path: &Path) -> Vec<Found> {
    let named = |problem| vec![Found { path: path.to_owned(), problem, may_be_no_picture: false }];
    match fs::metadata(path) {
        Err(error) => named(Some(error.to_string())),
        Ok(metadata) if metadata.is_dir() => folder(path),
        Ok(metadata) if metadata.is_file() => named(None),
        // Opening a FIFO would wait for ever.
        Ok(_) => named(Some("is neither a file nor a folder".to_owned())),
    }
}

fn folder(folder: &Path) -> Vec<Found> {
    let visible =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(visible)
        .filter_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_file() => Some(Found {
                may_be_no_picture: !claims_to_be_a_picture(entry.path()),
                path: entry.into_path(),
                problem: None,
            }),
            Ok(_) => None,
            Err(error) => Some(Found {
                path: error.path().unwrap_or(folder).to_owned(),
                problem: Some(error.io_error().map_or_else(|| error.to_string(), ToString::to_string)),
                may_be_no_picture: false,
            }),
        })
        .collect()
}

fn claims_to_be_a_picture(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_files_in_order_and_no_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("b/.thumbs")).unwrap();
        for name in ["c.JPG", "a.txt", "b/2.png", "b/1", "b/.thumbs/x.png", ".hidden.png"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("nowhere.png", folder.path().join("d.png")).unwrap();
        let found: Vec<_> = find(folder.path())
            .into_iter()
            .map(|file| {
                let name = file.path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
                (name, file.may_be_no_picture, file.problem.is_some())
            })
            .collect();
        let expected = [
            ("a.txt", true, false),
            ("b/1", true, false),
            ("b/2.png", false, false),
            ("c.JPG", false, false),
            ("d.png", false, true),
        ];
        assert_eq!(found, expected.map(|(name, maybe, problem)| (name.to_owned(), maybe, problem)));
    }

    #[test]
    fn what_is_no_file_is_a_problem_and_is_not_opened() {
        assert!(find(Path::new("/nowhere"))[0].problem.is_some());
        assert!(find(Path::new("/dev/null"))[0].problem.as_ref().unwrap().contains("neither"));
    }
}
