//! What the scoring process keeps: the same after thousands of pictures as after hundreds.

use chronograde::{score, store::MIGRATOR};
use sqlx::PgPool;
use turbojpeg::{Image, PixelFormat, Subsamp};

use crate::app::TestApp;

/// A debug build scores some twenty a second; continuous integration takes its time (`MEMORY_TEST_IMAGES=5000`), and looks
/// closer.
const IMAGES: usize = 600;
/// 1 MiB per 1,000 images is the bar; the rest is what an allocator gives back late. A tensor that is kept for each image, or a
/// thumbnail's pixels, is ten times as much.
const MOST_GROWTH_MIB: f64 = 16.0;

/// Thumbnails, and a photograph after each round of them: a debug build takes ten times as long for one.
const SMALL: [(u32, u32); 9] =
    [(64, 48), (320, 240), (90, 700), (48, 48), (100, 80), (120, 160), (96, 64), (224, 224), (150, 100)];
const LARGE: [(u32, u32); 3] = [(500, 375), (1_600, 1_200), (640, 480)];

/// JPEGs of all sizes, one after the other.
fn mixed_sizes() -> Vec<Vec<u8>> {
    let sizes = LARGE.into_iter().flat_map(|large| SMALL.into_iter().chain([large]));
    let jpeg = |(width, height): (u32, u32)| {
        let dial = score::dial(width, height);
        let (width, height) = (width as usize, height as usize);
        let image = Image {
            pixels: dial.as_raw().as_slice(),
            width,
            pitch: 3 * width,
            height,
            format: PixelFormat::RGB,
        };
        turbojpeg::compress(image, 85, Subsamp::Sub2x2).unwrap().to_vec()
    };
    sizes.map(jpeg).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn scoring_many_pictures_of_mixed_sizes_takes_no_more_memory_than_a_few(pool: PgPool) {
    let mut app = TestApp::new(pool).await;
    let sizes = mixed_sizes();
    let images = std::env::var("MEMORY_TEST_IMAGES").map_or(IMAGES, |images| images.parse().unwrap());
    // From here on every buffer has had its largest picture several times.
    let settled = images / 3;
    for number in 0..images {
        // Decoders ignore what follows the picture's end: other bytes, the same pixels.
        let bytes = [sizes[number % sizes.len()].as_slice(), &number.to_le_bytes()].concat();
        app.drop_file(&format!("{number}.jpg"), &bytes);
    }
    app.look().await;
    let scorer = app.start_scorer();
    app.wait_for("quality_predictions", settled.try_into().unwrap()).await;
    let before = scorer.resident_mib();
    app.wait_for("quality_predictions", images.try_into().unwrap()).await;
    let after = scorer.resident_mib();
    let most = MOST_GROWTH_MIB + f64::from(u32::try_from(images - settled).unwrap()) / 1_000.0;
    assert!(after - before < most, "{before:.0} MiB after {settled} images, {after:.0} after {images}");
}
