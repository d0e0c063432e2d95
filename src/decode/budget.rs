//! The memory that all decoders of a process share.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::MIB;

/// A budget of memory, handed out in mebibytes in the order in which it was asked for.
#[derive(Clone, Debug)]
pub struct Budget {
    free_mib: Arc<Semaphore>,
    total_mib: u32,
}

/// A share of the [`Budget`], given back when it is dropped.
#[derive(Debug)]
#[must_use = "the share is given back when it is dropped: keep it while decoding"]
pub struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Default for Budget {
    /// 512 MiB.
    fn default() -> Self {
        Self::new(512 * MIB)
    }
}

impl Budget {
    /// A budget of `bytes`, at least one mebibyte.
    pub fn new(bytes: u64) -> Self {
        let total_mib = u32::try_from(bytes / MIB).unwrap_or(u32::MAX).clamp(1, u32::MAX >> 4);
        Self { free_mib: Arc::new(Semaphore::new(total_mib as usize)), total_mib }
    }

    /// Waits until `bytes` are free and takes them. A picture that needs more than there is gets everything, alone:
    /// it waits for the others, and the others for it, so that nothing waits forever.
    pub async fn take(&self, bytes: u64) -> Share {
        let mib = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX).clamp(1, self.total_mib);
        #[expect(clippy::expect_used, reason = "the semaphore is private and never closed")]
        let permit =
            Arc::clone(&self.free_mib).acquire_many_owned(mib).await.expect("the budget is never closed");
        Share { _permit: permit }
    }

    /// What is free now, in bytes.
    pub fn free_bytes(&self) -> u64 {
        self.free_mib.available_permits() as u64 * MIB
    }
}
