//! Where the cluster of a data directory lies, under which user its server runs, where its socket is.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{Gid, Uid, User};
use sha2::{Digest, Sha256};

use super::ClusterError;

/// Where clusters go whose data directory the server's user cannot reach.
const FALLBACK: &str = "/var/lib/chronograde";

/// The user that the server runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Owner {
    fn myself() -> Self {
        Self { uid: Uid::effective().as_raw(), gid: Gid::effective().as_raw() }
    }

    fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|meta| Self { uid: meta.uid(), gid: meta.gid() })
    }

    /// The name, or the number where there is none.
    pub(super) fn name(self) -> String {
        match User::from_uid(Uid::from_raw(self.uid)) {
            Ok(Some(user)) => user.name,
            _ => self.uid.to_string(),
        }
    }

    /// A command that runs as this user, with nothing of our environment but PATH, and out of reach of the
    /// Ctrl-C that the terminal sends to our process group.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LANG", "C").current_dir("/").stdin(Stdio::null()).process_group(0);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if Uid::effective().is_root() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Whether this user can enter `dir`: asked by trying, so that access lists count too.
    fn can_enter(self, dir: &Path) -> bool {
        let tried = self.command(Path::new("test")).arg("-x").arg(dir).status();
        tried.is_ok_and(|status| status.success())
    }
}

/// The directories and files of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Place {
    home: PathBuf,
    pub(super) owner: Owner,
}

impl Place {
    /// The place that belongs to `data_dir`; makes the directories above the cluster, not the cluster.
    pub(super) fn of(data_dir: &Path) -> Result<Self, ClusterError> {
        fs::create_dir_all(data_dir).map_err(ClusterError::io("create", data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(ClusterError::io("open", data_dir))?;
        let inside = data_dir.join("postgres");
        let place = if Uid::effective().is_root() {
            Self::for_root(&data_dir, inside)?
        } else {
            Self { home: inside, owner: Owner::myself() }
        };
        place.check_owner()?;
        Ok(place)
    }

    fn for_root(data_dir: &Path, inside: PathBuf) -> Result<Self, ClusterError> {
        let found = Owner::of(&inside.join("pgdata"));
        let owner = match found {
            Some(owner) => owner,
            None => unprivileged()?,
        };
        if found.is_some() || owner.can_enter(data_dir) {
            make_dir(&inside)?;
            return Ok(Self { home: inside, owner });
        }
        let home = Path::new(FALLBACK).join(short_hash(data_dir));
        make_dir(Path::new(FALLBACK))?;
        make_dir(&home)?;
        tracing::info!(
            "the user {} cannot reach {}, so its database is kept in {}",
            owner.name(),
            data_dir.display(),
            home.display()
        );
        let owner = Owner::of(&home.join("pgdata")).unwrap_or(owner);
        Ok(Self { home, owner })
    }

    /// Refuses a cluster of another user, before anything is touched.
    fn check_owner(&self) -> Result<(), ClusterError> {
        make_dir(&self.home)?;
        let dir = self.pgdata();
        let Some(found) = Owner::of(&dir) else { return Ok(()) };
        match found.uid {
            0 => Err(ClusterError::BelongsToRoot { dir }),
            uid if uid != self.owner.uid => Err(ClusterError::Foreign { dir, owner: found.name() }),
            _ => Ok(()),
        }
    }

    /// The cluster itself: PostgreSQL's data directory.
    pub(super) fn pgdata(&self) -> PathBuf {
        self.home.join("pgdata")
    }

    /// A file of ours beside the cluster.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// The directory of the socket. It is not in the data directory because the path of a socket may have
    /// 107 bytes at most, and not every file system has sockets.
    pub(super) fn socket_dir(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/chronograde-{}-{}", self.owner.uid, short_hash(&self.home)))
    }

    /// Makes the socket's directory, which its owner and root alone can enter.
    pub(super) fn make_socket_dir(&self) -> Result<PathBuf, ClusterError> {
        let dir = self.socket_dir();
        self.make_private_dir(&dir)?;
        let meta = fs::symlink_metadata(&dir).map_err(ClusterError::io("open", &dir))?;
        if !meta.is_dir() || meta.uid() != self.owner.uid || meta.mode() & 0o077 != 0 {
            return Err(ClusterError::SocketDir { dir, owner: self.owner.name() });
        }
        Ok(dir)
    }

    /// Makes a directory of mode 0700 that belongs to the server's user; one that is there is left as it is.
    pub(super) fn make_private_dir(&self, dir: &Path) -> Result<(), ClusterError> {
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            made => made.map_err(ClusterError::io("create", dir))?,
        }
        if Uid::effective().is_root() {
            lchown(dir, Some(self.owner.uid), Some(self.owner.gid))
                .map_err(ClusterError::io("give the server's user", dir))?;
        }
        Ok(())
    }

    /// Opens a lock file that the server's user can open too.
    pub(super) fn open_lock(&self, name: &str) -> Result<fs::File, ClusterError> {
        let path = self.file(name);
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(ClusterError::io("open", &path))?;
        if Uid::effective().is_root() {
            fchown(&file, Some(self.owner.uid), Some(self.owner.gid))
                .map_err(ClusterError::io("give the server's user", &path))?;
        }
        Ok(file)
    }

    /// Locks a lock file for us alone; `None` while somebody else has locked it.
    pub(super) fn try_lock(&self, name: &str) -> Result<Option<fs::File>, ClusterError> {
        let file = self.open_lock(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(ClusterError::io("lock", self.file(name))(error)),
        }
    }

    /// Removes everything.
    pub(super) fn remove(&self) -> Result<(), ClusterError> {
        fs::remove_dir_all(&self.home).map_err(ClusterError::io("remove", &self.home))
    }
}

/// Whether `data_dir` has a cluster; looks, and makes nothing.
pub(super) fn is_made(data_dir: &Path) -> bool {
    let Ok(data_dir) = data_dir.canonicalize() else { return false };
    let homes = [data_dir.join("postgres"), Path::new(FALLBACK).join(short_hash(&data_dir))];
    homes.iter().any(|home| home.join("pgdata").exists())
}

/// The user under whom root runs a new cluster.
fn unprivileged() -> Result<Owner, ClusterError> {
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(|user| Owner { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
        .ok_or(ClusterError::NoUser)
}

/// Makes a directory that everybody can enter, whatever the umask; one that is there is left as it is.
fn make_dir(dir: &Path) -> Result<(), ClusterError> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| fs::set_permissions(dir, fs::Permissions::from_mode(0o755))),
    }
    .map_err(ClusterError::io("create", dir))
}

/// 64 bits of the path's SHA-256, in hexadecimal.
fn short_hash(path: &Path) -> String {
    hex::encode(&Sha256::digest(path.as_os_str().as_encoded_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_of_the_deepest_data_directory_has_a_short_path() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a".repeat(200)).join("b".repeat(200));
        let place = Place { home: deep, owner: Owner::myself() };
        assert!(place.socket_dir().join(".s.PGSQL.5432").as_os_str().len() <= 107);
    }

    #[test]
    fn two_data_directories_have_two_sockets() {
        let place = |home| Place { home: PathBuf::from(home), owner: Owner::myself() };
        assert_ne!(place("/a/postgres").socket_dir(), place("/b/postgres").socket_dir());
    }

    #[test]
    fn a_socket_directory_that_others_can_enter_is_refused() {
        let data_dir = tempfile::tempdir().unwrap();
        let place = Place { home: data_dir.path().to_owned(), owner: Owner::myself() };
        let dir = place.make_socket_dir().unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        let message = place.make_socket_dir().unwrap_err().to_string();
        fs::remove_dir(&dir).unwrap();
        assert!(message.contains("0700") && message.contains(dir.to_str().unwrap()), "{message}");
    }
}
