//! The PostgreSQL installations of this machine.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::ClusterError;

/// The oldest major version that serves us.
const MINIMUM_MAJOR: u32 = 14;
/// Debian and Ubuntu keep each major version here, outside of PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The directory of one version's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
}

impl Binaries {
    /// The newest version of this machine, or, for a cluster in `dir` made by `made_by`, that very version.
    pub(super) fn find(made_by: Option<u32>, dir: &Path) -> Result<Self, ClusterError> {
        choose(installed(), made_by, dir)
    }

    /// The program `name`.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// PostgreSQL's client program `name` with its major version: the oldest that can speak to a server of
/// `server_major`, since a newer one may say what that server does not understand.
///
/// # Errors
/// No version on this machine is new enough.
pub fn client_program(name: &'static str, server_major: u32) -> Result<(PathBuf, u32), ClusterError> {
    // Debian's own program in PATH would choose a version by its own rules; it comes last.
    let found = versions(debian().chain(in_path()).chain(pg_config()), name, name);
    let installed = found.keys().map(u32::to_string).collect::<Vec<_>>().join(", ");
    match found.range(server_major..).next() {
        Some((&major, dir)) => Ok((dir.join(name), major)),
        None => Err(ClusterError::NoClient { name, server_major, installed }),
    }
}

/// The major versions of the servers on this machine that could run a private cluster, with their directories.
pub fn server_programs() -> BTreeMap<u32, PathBuf> {
    installed().into_iter().filter(|(major, _)| *major >= MINIMUM_MAJOR).collect()
}

fn choose(
    mut installed: BTreeMap<u32, PathBuf>,
    made_by: Option<u32>,
    dir: &Path,
) -> Result<Binaries, ClusterError> {
    installed.retain(|&major, _| major >= MINIMUM_MAJOR);
    let Some((&newest, _)) = installed.last_key_value() else {
        return Err(ClusterError::NotInstalled { minimum: MINIMUM_MAJOR });
    };
    match installed.get(&made_by.unwrap_or(newest)) {
        Some(found) => Ok(Binaries { dir: found.clone() }),
        None => Err(ClusterError::Version {
            dir: dir.to_owned(),
            made_by: made_by.unwrap_or(newest),
            installed: installed.keys().map(u32::to_string).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Every major version with its directory; of two directories with the same version, the first in PATH.
fn installed() -> BTreeMap<u32, PathBuf> {
    versions(in_path().chain(debian()).chain(pg_config()), "initdb", "postgres")
}

/// The directories that hold `program`, by the major version that `versioned` says; of two, the first.
fn versions(dirs: impl Iterator<Item = PathBuf>, program: &str, versioned: &str) -> BTreeMap<u32, PathBuf> {
    let mut found = BTreeMap::new();
    for dir in dirs {
        if dir.join(program).is_file()
            && let Some(major) = major_version(&dir.join(versioned))
        {
            found.entry(major).or_insert(dir);
        }
    }
    found
}

fn in_path() -> impl Iterator<Item = PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>().into_iter()
}

fn debian() -> impl Iterator<Item = PathBuf> {
    fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"))
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn major_version(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` → 15; a beta is `17beta1`.
fn parse_version(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL)")?.1.trim_start();
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(majors: &[u32]) -> BTreeMap<u32, PathBuf> {
        majors.iter().map(|&major| (major, PathBuf::from(format!("/pg/{major}")))).collect()
    }

    #[test]
    fn versions_are_read_from_what_postgres_says() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("postgres: command not found"), None);
    }

    #[test]
    fn a_new_cluster_takes_the_newest_version_an_old_one_its_own() {
        let dir = Path::new("/data");
        assert_eq!(choose(machine(&[15, 17]), None, dir).unwrap().dir, Path::new("/pg/17"));
        assert_eq!(choose(machine(&[15, 17]), Some(15), dir).unwrap().dir, Path::new("/pg/15"));
    }

    #[test]
    fn another_version_is_refused_with_the_command_that_helps() {
        let message = choose(machine(&[16, 17]), Some(15), Path::new("/data")).unwrap_err().to_string();
        for part in ["/data", "PostgreSQL 15", "16, 17", "sudo apt-get install postgresql-15"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn no_version_or_a_very_old_one_is_refused_with_the_package_to_install() {
        for majors in [&[][..], &[9, 12]] {
            let message = choose(machine(majors), None, Path::new("/data")).unwrap_err().to_string();
            assert!(message.contains("sudo apt-get install postgresql"), "{message}");
        }
    }
}
