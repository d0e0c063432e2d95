//! What a recalibration costs: a full sweep, its intervals, the gate, and a what-if over a large catalog. Run with
//! `cargo bench --bench calibration`; `benches/reference.sh` sets it against scikit-learn.

#![expect(clippy::unwrap_used, reason = "a bench: a failure should stop it")]

use std::hint::black_box;

use chronograde::{
    calibration::{CatalogImage, FoldPlan, Label, Labels, Objective, Sweep, WhatIf, evaluate, paired_gain},
    domain::{Confidence, Threshold},
    statistics::Sampling,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::RngExt;

const LABELS: u32 = 100_000;
const CATALOG: u32 = 1_000_000;

/// A fifth are watches; their confidences are spread evenly, those of the others crowd near 0. Four images a listing.
fn labels() -> Vec<Label> {
    let mut rng = Sampling::default().rng(0);
    let label = |number| {
        let watch = number % 5 == 0;
        let spread: f64 = rng.random();
        let confidence = Confidence::new(if watch { spread } else { spread.powi(6) }).unwrap();
        Label { group: Some(number / 4), ..Label::new(confidence, watch) }
    };
    (0..LABELS).map(label).collect()
}

fn threshold(value: f64) -> Threshold {
    Threshold::new(value).unwrap()
}

fn recalibrate(criterion: &mut Criterion) {
    let labels = labels();
    let single: Vec<_> = labels.iter().map(|label| Label { group: None, ..*label }).collect();
    let mut group = criterion.benchmark_group("100,000 labels");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(LABELS)));
    group.bench_function("sort and sweep, all metrics, best F1", |bencher| {
        bencher.iter(|| {
            let sweep = Sweep::of(&Labels::new(black_box(&labels)).unwrap());
            (sweep.roc_auc(), sweep.average_precision(), sweep.best(Objective::F1))
        });
    });
    group.bench_function("the same with 1,000 resamples of listings", |bencher| {
        bencher.iter(|| {
            let labels = Labels::new(black_box(&labels)).unwrap();
            let best = Sweep::of(&labels).best(Objective::F1);
            evaluate(&labels, best.threshold, Sampling::default())
        });
    });
    group.bench_function("the same with 1,000 resamples of images", |bencher| {
        bencher.iter(|| {
            let labels = Labels::new(black_box(&single)).unwrap();
            let best = Sweep::of(&labels).best(Objective::F1);
            evaluate(&labels, best.threshold, Sampling::default())
        });
    });
    group.bench_function("paired gain, 5 x 5 folds, 1,000 resamples", |bencher| {
        let labels = Labels::new(&labels).unwrap();
        bencher.iter(|| {
            paired_gain(&labels, threshold(0.5), Objective::F1, FoldPlan::default(), Sampling::default())
                .unwrap()
        });
    });
    group.finish();
}

fn what_if(criterion: &mut Criterion) {
    let mut rng = Sampling::default().rng(1);
    let images: Vec<_> = (0..CATALOG)
        .map(|id| CatalogImage {
            id,
            confidence: Confidence::new(rng.random::<f64>().powi(3)).unwrap(),
            verdict: (id % 50 == 0).then_some(id % 3 == 0),
        })
        .collect();
    let mut group = criterion.benchmark_group("1,000,000 images");
    group.sample_size(20).throughput(Throughput::Elements(u64::from(CATALOG)));
    group.bench_function("what if", |bencher| {
        bencher.iter(|| WhatIf::of(images.iter().copied(), threshold(0.05), black_box(threshold(0.2)), 60));
    });
    group.finish();
}

criterion_group!(benches, recalibrate, what_if);
criterion_main!(benches);
