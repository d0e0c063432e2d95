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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Long enough for a task that can go on to go on; nothing depends on it when the test passes its waits.
    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_share_is_rounded_up_to_mebibytes_and_given_back() {
        let budget = Budget::new(10 * MIB);
        let share = budget.take(3 * MIB + 1).await;
        assert_eq!(budget.free_bytes(), 6 * MIB);
        drop(share);
        assert_eq!(budget.free_bytes(), 10 * MIB);
        assert_eq!(Budget::default().free_bytes(), 512 * MIB);
    }

    #[tokio::test]
    async fn a_picture_that_exceeds_the_budget_gets_all_of_it_alone() {
        let budget = Budget::new(10 * MIB);
        let small = budget.take(MIB).await;
        let mut huge = Box::pin(budget.take(1000 * MIB));
        assert!(tokio::time::timeout(SOON, &mut huge).await.is_err(), "it waits for the small one");
        drop(small);
        let huge = huge.await;
        assert_eq!(budget.free_bytes(), 0);
        assert!(tokio::time::timeout(SOON, budget.take(1)).await.is_err(), "the next one waits for it");
        drop(huge);
        drop(budget.take(1).await);
    }

    #[tokio::test]
    async fn small_pictures_do_not_overtake_a_large_one_for_ever() {
        let budget = Budget::new(10 * MIB);
        let first = budget.take(6 * MIB).await;
        let mut large = Box::pin(budget.take(10 * MIB));
        assert!(tokio::time::timeout(SOON, &mut large).await.is_err());
        assert!(
            tokio::time::timeout(SOON, budget.take(MIB)).await.is_err(),
            "it queues behind the large one"
        );
        drop(first);
        drop(large.await);
    }
}
