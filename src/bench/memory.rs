//! What the process holds in memory, and whether that grows with the images that it scored.

use std::fs;

use serde::Serialize;

/// The part of the images after which every buffer has had its largest picture.
const SETTLED: f64 = 0.25;

/// Memory of the process, its own code and the networks included, over one load of dropped files.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// The most at any look, in MiB.
    pub most_mib: f64,
    /// By how much it grew per 1,000 images, once a quarter of them was scored: the slope of a least-squares line, in MiB.
    pub growth_mib_per_1000: f64,
}

/// Looks at the memory, each with the number of images that were scored by then.
#[derive(Debug, Default)]
pub(super) struct Looks(Vec<(f64, f64)>);

impl Looks {
    /// Looks, unless the kernel does not tell.
    pub(super) fn look(&mut self, images: usize) {
        self.0.extend(resident_mib().map(|mib| (images as f64, mib)));
    }

    /// What they came to, of `images` in all.
    pub(super) fn finish(&self, images: usize) -> Memory {
        let settled: Vec<_> = self.0.iter().filter(|(done, _)| *done >= images as f64 * SETTLED).collect();
        let count = settled.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| settled.iter().map(|look| of(look)).sum::<f64>() / count;
        let (mean_done, mean_mib) = (mean(|look| look.0), mean(|look| look.1));
        let spread: f64 = settled.iter().map(|(done, _)| (done - mean_done).powi(2)).sum();
        let together: f64 = settled.iter().map(|(done, mib)| (done - mean_done) * (mib - mean_mib)).sum();
        Memory {
            most_mib: self.0.iter().map(|look| look.1).fold(0.0, f64::max),
            growth_mib_per_1000: if spread > 0.0 { together / spread * 1e3 } else { 0.0 },
        }
    }
}

/// What this process holds in memory, files that are mapped included.
fn resident_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_per_thousand_images_and_not_of_the_beginning() {
        let looks = Looks(vec![(0.0, 10.0), (200.0, 90.0), (500.0, 100.0), (1000.0, 101.0), (2000.0, 103.0)]);
        let memory = looks.finish(2000);
        assert!((memory.growth_mib_per_1000 - 2.0).abs() < 1e-9, "{memory:?}");
        assert!((memory.most_mib - 103.0).abs() < f64::EPSILON);
        assert!(Looks::default().finish(5).growth_mib_per_1000.abs() < f64::EPSILON);
    }

    #[test]
    fn this_process_holds_something() {
        assert!(resident_mib().unwrap() > 1.0);
    }
}
