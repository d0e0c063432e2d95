//! The processor's cores, which all networks of a process share.

use std::{
    sync::{Condvar, LazyLock, Mutex, PoisonError},
    thread,
};

/// Cores that no network computes on at the moment.
struct Cores {
    /// All that there are: the kernel is not asked again for every run.
    count: usize,
    free: Mutex<usize>,
    freed: Condvar,
}

static CORES: LazyLock<Cores> =
    LazyLock::new(|| Cores::new(thread::available_parallelism().map_or(1, usize::from)));

impl Cores {
    const fn new(count: usize) -> Self {
        Self { count, free: Mutex::new(count), freed: Condvar::new() }
    }

    fn take(&self, threads: usize) -> Taken<'_> {
        let count = threads.min(self.count);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            self.freed.wait_while(free, |free| *free < count).unwrap_or_else(PoisonError::into_inner);
        *free -= count;
        Taken { cores: self, count }
    }
}

/// Cores that a run computes on; dropping it gives them back.
pub(super) struct Taken<'a> {
    cores: &'a Cores,
    count: usize,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.cores.free.lock().unwrap_or_else(PoisonError::into_inner) += self.count;
        self.cores.freed.notify_all();
    }
}

/// Waits until `threads` cores are free for a run on so many threads (all cores, if there are fewer): networks that take
/// turns leave each other's data in the caches, those that share a core do not.
pub(super) fn take(threads: usize) -> Taken<'static> {
    CORES.take(threads)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn runs_never_take_more_cores_than_there_are_and_all_get_their_turn() {
        let cores = Cores::new(3);
        let (taken, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for count in [1, 2, 3, 1, 2] {
                let (cores, taken, most, done) = (&cores, &taken, &most, &done);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let _turn = cores.take(count);
                        let now = taken.fetch_add(count, Ordering::SeqCst) + count;
                        most.fetch_max(now, Ordering::SeqCst);
                        taken.fetch_sub(count, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 3);
        assert_eq!((done.into_inner(), *cores.free.lock().unwrap()), (1000, 3));
    }
}
