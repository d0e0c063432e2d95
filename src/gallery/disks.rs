//! How much room the disks have that the service writes to.
//!
//! A share that is away may never answer: it is asked on a thread of its own, one question at a time, and given up after two seconds.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use nix::sys::statvfs::statvfs;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// A disk that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// A question that is never answered keeps the next ones from being asked, and from taking a thread each.
static ASKED: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(1)));

/// What a folder's disk has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Tells one disk from another.
    pub(super) disk: u64,
    /// Bytes that can still be written.
    pub(super) free_bytes: u64,
}

/// The room in each of `folders`; none where the disk does not answer.
pub(super) async fn rooms<const N: usize>(folders: [&Path; N]) -> [Option<Room>; N] {
    let paths = folders.map(Path::to_owned);
    let asking = async {
        let turn = Arc::clone(&ASKED).acquire_owned().await.ok()?;
        spawn_blocking(move || {
            let rooms = paths.map(|path| room(&path));
            drop(turn);
            rooms
        })
        .await
        .ok()
    };
    timeout(PATIENCE, asking).await.ok().flatten().unwrap_or([None; N])
}

fn room(folder: &PathBuf) -> Option<Room> {
    let stat = statvfs(folder).ok()?;
    let free_bytes = stat.blocks_available().saturating_mul(stat.fragment_size());
    Some(Room { disk: stat.filesystem_id(), free_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_has_room_and_one_that_is_not_there_has_none() {
        let [here, nowhere] = rooms([Path::new("/"), Path::new("/nowhere/at/all")]).await;
        assert!(here.is_some_and(|room| room.free_bytes > 0));
        assert_eq!(nowhere, None);
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_given_up_and_holds_up_nothing_else() {
        let never_answered = Arc::clone(&ASKED).acquire_owned().await.unwrap();
        assert_eq!(rooms([Path::new("/")]).await, [None]);
        drop(never_answered);
    }
}
