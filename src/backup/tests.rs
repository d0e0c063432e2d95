use std::{fs, io::Write};

use indicatif::ProgressBar;
use proptest::prelude::*;

use super::{sums::Sums, *};
use crate::config::{IngestMode, Settings};

proptest! {
    #[test]
    fn names_of_any_bytes_survive_the_list_of_hashes(names in prop::collection::hash_set(prop::collection::vec(1_u8.., 1..40), 0..8)) {
        let mut sums = Sums::default();
        for name in &names {
            sums.add(name, "0123456789abcdef".repeat(4));
        }
        let read = Sums::parse(sums.text()).unwrap();
        prop_assert_eq!(read.difference(&sums), None);
    }
}

#[test]
fn a_file_of_another_kind_is_refused_by_name() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"a letter").unwrap();
    let message = Backup::check(file.path(), &ProgressBar::hidden()).unwrap_err().to_string();
    assert!(message.contains("is not a backup"), "{message}");
}

#[test]
fn a_backup_of_a_later_version_is_refused_with_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later.tar");
    let mut archive = tar::Builder::new(fs::File::create(&path).unwrap());
    let text = br#"{"format":1,"schema":99999,"chronograde":"9.8.7"}"#;
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    archive.append_data(&mut header, HEADER, &text[..]).unwrap();
    archive.finish().unwrap();
    let message = Backup::check(&path, &ProgressBar::hidden()).unwrap_err().to_string();
    assert!(message.contains("9.8.7") && message.contains("newer"), "{message}");
}

#[test]
fn settings_that_differ_are_named_with_both_values() {
    let then = Settings { ingest_mode: IngestMode::Move, ..Settings::default() };
    let now = Settings { corrections_needed: 3, ..Settings::default() };
    let differences = Kept::of(&then).differences(&Kept::of(&now));
    assert_eq!(
        differences,
        [
            "CHRONOGRADE_CORRECTIONS_NEEDED was 2, is 3",
            r#"CHRONOGRADE_INGEST_MODE was "move", is "reference""#
        ]
    );
}
