//! What it costs to compare people with the model and with each other. Run with `cargo bench --bench comparison`;
//! `benches/reference.sh` sets it against SciPy, sureal and krippendorff.

#![expect(clippy::unwrap_used, reason = "a bench: a failure should stop it")]

use std::hint::black_box;

use chronograde::{
    comparison::{
        Coincidences, Floor, Level, Pair, Rating, Ratings, VoteCounts, compare, noise_ceiling, p910,
    },
    domain::Distribution,
    statistics::Sampling,
};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::RngExt;

const IMAGES: u32 = 10_000;
const RATERS: u32 = 100;
const VOTES_EACH: u32 = 10;

/// Ten raters per image, each with a bias and an inconsistency of their own.
fn ratings() -> Vec<Rating> {
    let mut rng = Sampling::default().rng(0);
    let mut ratings = Vec::new();
    for image in 0..IMAGES {
        let truth = 2.0 + 7.0 * rng.random::<f64>();
        let first = rng.random_range(0..RATERS);
        for turn in 0..VOTES_EACH {
            let annotator = (first + turn * 7) % RATERS;
            let noise: f64 = (0..4).map(|_| rng.random::<f64>() - 0.5).sum();
            let bias = f64::from(annotator % 11) / 5.0 - 1.0;
            let score = truth + bias + noise * (0.5 + f64::from(annotator % 7) / 3.0);
            ratings.push(Rating { image, annotator, score: score.round().clamp(1.0, 10.0) });
        }
    }
    ratings
}

fn agreement_between_people(criterion: &mut Criterion) {
    let votes = ratings();
    let ratings = Ratings::new(votes.clone()).unwrap();
    let mut group = criterion.benchmark_group("10,000 images, 100 raters, 10 votes each");
    group.sample_size(10);
    group.bench_function("P.910", |bencher| {
        bencher.iter(|| p910(&Ratings::new(black_box(votes.clone())).unwrap(), Floor::PRODUCT));
    });
    group.bench_function("Krippendorff's alpha, three levels", |bencher| {
        bencher.iter(|| {
            let coincidences = Coincidences::of(black_box(&ratings));
            [Level::Nominal, Level::Ordinal, Level::Interval].map(|level| coincidences.alpha(level))
        });
    });
    group.finish();
}

fn people_against_the_model(criterion: &mut Criterion) {
    let mut rng = Sampling::default().rng(1);
    let pairs: Vec<_> = (0..5_000)
        .map(|_| {
            let mut counts = [0; 10];
            let centre = rng.random_range(1..9_usize);
            (0..20).for_each(|_| counts[centre + rng.random_range(0..3) - 1] += 1);
            let mut bins = [0.01; 10];
            bins[(centre + rng.random_range(0..4)) % 10] += 0.9;
            let (votes, model) = (VoteCounts::new(counts).unwrap(), Distribution::new(bins).unwrap());
            Pair { votes, model, group: None }
        })
        .collect();
    let votes: Vec<_> = pairs.iter().map(|pair| pair.votes).collect();
    let mut group = criterion.benchmark_group("5,000 images of 20 votes");
    group.sample_size(10);
    group.bench_function("twelve figures", |bencher| {
        bencher.iter(|| compare(black_box(&pairs), Sampling { draws: 0, seed: 1 }));
    });
    group.bench_function("twelve figures, 1,000 resamples", |bencher| {
        bencher.iter(|| compare(black_box(&pairs), Sampling::default()));
    });
    group.bench_function("noise ceiling, 100 splits", |bencher| {
        bencher.iter(|| noise_ceiling(black_box(&votes), Sampling { draws: 100, seed: 1 }));
    });
    group.finish();
}

criterion_group!(benches, agreement_between_people, people_against_the_model);
criterion_main!(benches);
