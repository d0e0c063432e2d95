//! Scoring gives way: its threads run when nobody else in the process has anything to do.

/// Lowers this thread, and the threads that it starts from now on, below all others: a page that is asked for interrupts a
/// batch at once. A mere niceness is not enough, for the kernel lets a running thread finish its slice of some
/// milliseconds, and a page waits for several of them.
pub fn give_way() {
    if let Err(error) = lower() {
        tracing::warn!(%error, "the priority of a scoring thread cannot be lowered: pages get slower while pictures are scored");
    }
}

#[cfg(target_os = "linux")]
fn lower() -> Result<(), thread_priority::Error> {
    use thread_priority::{
        NormalThreadSchedulePolicy::Idle, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Min,
        ThreadSchedulePolicy::Normal(Idle),
    )
}

#[cfg(not(target_os = "linux"))]
fn lower() -> rustix::io::Result<()> {
    rustix::process::nice(10).map(drop)
}
