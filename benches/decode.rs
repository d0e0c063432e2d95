//! What one image costs between its bytes and the networks, stage by stage. Run with `cargo bench --bench decode`.
//!
//! The pictures are rendered here, smooth with some texture, so that a JPEG of 12 megapixels weighs about what a
//! camera's does.

#![expect(clippy::unwrap_used, reason = "a bench: a failure should stop it")]

use std::hint::black_box;

use chronograde::decode::{
    GRID_PX, Input, Limits, Luma, Need, PerceptualHash, Picture, SIGNALS_PX, Signals, VIEWER_PX, decode, fit,
    probe, rendition, tensor,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use image::{Rgb, RgbImage};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// A photograph's stand-in, quality 90, chroma halved in both directions.
fn photograph(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let texture = f64::from((x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 7 & 15);
        let light = 120.0 + 80.0 * (9.0 * u).sin() * (7.0 * v).cos();
        Rgb([light + texture, light * 0.8 + 20.0 + texture, 200.0 - light * 0.6 + texture]
            .map(|value| value as u8))
    });
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(90).unwrap();
    compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
    let (width, height) = (width as usize, height as usize);
    let pixels = &picture.as_raw()[..];
    let image = Image { pixels, width, pitch: 3 * width, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).unwrap()
}

fn input(filter: &str) -> Input {
    toml::from_str(&format!(
        "tensor = 'input'\nlayout = 'nchw'\ndtype = 'f32'\nwidth = 224\nheight = 224\ncolour = 'rgb'\nfit = 'squash'\n\
         filter = '{filter}'\nscale = 0.00784313725490196\nmean = [1.0, 1.0, 1.0]"
    ))
    .unwrap()
}

fn decoded(bytes: &[u8], need: Need) -> Picture {
    decode(bytes, need, &Limits::default()).unwrap()
}

fn decoding(criterion: &mut Criterion) {
    let (small, large) = (photograph(500, 375), photograph(4000, 3000));
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    group.bench_function("header of 12 MP", |bencher| {
        bencher.iter(|| probe(black_box(&large), &Limits::default()))
    });
    for (name, bytes, need) in [
        ("500×375, full", &small, Need::FULL),
        ("12 MP, full", &large, Need::FULL),
        ("12 MP, half", &large, Need::long_side(VIEWER_PX)),
        ("12 MP, quarter", &large, Need::long_side(SIGNALS_PX).and_model(&input("bilinear"))),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| decoded(black_box(bytes), need)));
    }
    group.finish();
}

fn preprocessing(criterion: &mut Criterion) {
    let small = decoded(&photograph(500, 375), Need::FULL);
    let large = decoded(&photograph(4000, 3000), Need::long_side(SIGNALS_PX).and_model(&input("bilinear")));
    let mut group = criterion.benchmark_group("preprocess");
    group.throughput(Throughput::Elements(1));
    for (name, picture) in [("500×375", &small), ("12 MP at a quarter", &large)] {
        for filter in ["nearest", "bilinear", "lanczos"] {
            group.bench_function(BenchmarkId::new(format!("resize, {filter}"), name), |bencher| {
                bencher.iter(|| fit(black_box(&picture.rgb), &input(filter)));
            });
        }
        group.bench_function(BenchmarkId::new("tensor, bilinear", name), |bencher| {
            bencher.iter(|| tensor(black_box(&picture.rgb), &input("bilinear")));
        });
        group.bench_function(BenchmarkId::new("signals and hash", name), |bencher| {
            bencher.iter(|| {
                let luma = Luma::of(black_box(&picture.rgb));
                (Signals::measure(picture, &luma), PerceptualHash::of(&luma))
            });
        });
        group.bench_function(BenchmarkId::new("rendition, 320 px", name), |bencher| {
            bencher.iter(|| rendition(black_box(picture), GRID_PX));
        });
    }
    group.finish();
}

criterion_group! {
    name = stages;
    config = Criterion::default().sample_size(20);
    targets = decoding, preprocessing
}
criterion_main!(stages);
