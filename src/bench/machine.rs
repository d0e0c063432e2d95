//! What the figures were measured on.

use std::{
    fmt, fs,
    hint::black_box,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use serde::Serialize;

use super::figures::quantile;

/// For how long the processor's own pace is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the figures were measured on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// How many processes wanted a core in the minute before, on average: above 0, others took part of them.
    pub load_average_before: f64,
    /// How many times its median the slowest of a hundred equal pieces of reckoning took, of a third of a millisecond each and with
    /// no memory or system in them: near 1 where the processor is this machine's own, more where a virtual machine shares it. No
    /// figure of a 99th percentile can be steadier than this.
    pub unsteadiness: f64,
    /// `release`, or `debug`, whose figures say nothing.
    pub profile: &'static str,
    /// Whether the scratch folder lies in memory, where waiting for the disk costs nothing.
    pub scratch_in_memory: bool,
}

impl Machine {
    /// This machine, now.
    pub(super) fn look(scratch: &Path) -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cpu: name.map_or("unknown", |(_, name)| name).to_owned(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            load_average_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
            unsteadiness: unsteadiness(LOOK),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            scratch_in_memory: statfs(scratch).is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC),
        }
    }

    /// Reasons to distrust the figures.
    pub fn warnings(&self) -> Vec<String> {
        let debug = (self.profile == "debug").then(|| {
            "this is a debug build: its figures say nothing. Use `cargo build --release`".to_owned()
        });
        let busy = (self.load_average_before > 0.5).then(|| {
            format!("other processes are at work here (load average {:.1})", self.load_average_before)
        });
        let unsteady = (self.unsteadiness > 1.5).then(|| {
            format!(
                "the processor is not steady: one of a hundred equal pieces of work takes {:.1} times as long, and so does whatever is measured here",
                self.unsteadiness
            )
        });
        let in_memory = self.scratch_in_memory.then(|| {
            "the scratch folder lies in memory, where waiting for the disk costs nothing: use --scratch"
                .to_owned()
        });
        [debug, busy, unsteady, in_memory].into_iter().flatten().collect()
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, profile, load_average_before, .. } = self;
        write!(f, "{cores} cores of {cpu}, {profile} build, load average before {load_average_before:.2}")
    }
}

/// The 99th percentile of equal pieces of work, in medians.
fn unsteadiness(time: Duration) -> f64 {
    let started = Instant::now();
    let mut pieces = vec![];
    while started.elapsed() < time {
        let piece = Instant::now();
        black_box((0..200_000_u64).fold(1, |state, number| black_box(state ^ number).wrapping_mul(5)));
        pieces.push(piece.elapsed().as_secs_f64());
    }
    let [median, slow] = [0.5, 0.99].map(|share| quantile(&pieces, share).unwrap_or(1.0));
    slow / median
}

/// CPU time that this process, all threads, has used so far, in seconds.
pub(super) fn cpu_seconds() -> f64 {
    use nix::sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike,
    };
    getrusage(UsageWho::RUSAGE_SELF)
        .map_or(0.0, |usage| (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}

/// CPU time that another process's main thread has used so far, in seconds, if the kernel tells.
pub(super) fn cpu_seconds_of(pid: i32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsteady_processor_is_named_with_how_unsteady_it_is() {
        let machine = Machine {
            cpu: "any".to_owned(),
            cores: 2,
            load_average_before: 0.0,
            unsteadiness: 2.64,
            profile: "release",
            scratch_in_memory: false,
        };
        let warnings = machine.warnings().join("\n");
        assert!(warnings.contains("takes 2.6 times as long"), "{warnings}");
        let steady = Machine { unsteadiness: 1.1, ..machine };
        assert!(!steady.warnings().join("\n").contains("not steady"));
    }

    #[test]
    fn a_hundredth_is_not_faster_than_the_median() {
        assert!(unsteadiness(Duration::from_millis(20)) >= 1.0);
    }
}
