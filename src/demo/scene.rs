//! What a subject lies on, and the light.

use rand::{Rng, RngExt};

use super::canvas::{Canvas, Rgb, byte, glowing, plain_with, shade, side, slanting};

/// What a subject lies on.
#[derive(Clone, Copy, Debug)]
pub enum Surface {
    /// A studio's paper, from light to dark.
    Paper(Rgb),
    /// Boards with their grain.
    Wood(Rgb),
    /// Cloth.
    Cloth(Rgb),
}

impl Surface {
    /// One of them.
    pub fn any(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..5) {
            0 => Self::Paper([236, 236, 234]),
            1 => Self::Paper([70, 74, 80]),
            2 => Self::Wood([150, 106, 68]),
            3 => Self::Wood([92, 66, 48]),
            _ => Self::Cloth([116, 122, 132]),
        }
    }

    /// Covers the canvas with it.
    pub fn draw(self, canvas: &mut Canvas, rng: &mut impl Rng) {
        let reach = side(canvas.pixmap.width()) / 1.2;
        match self {
            Self::Paper(colour) => canvas.cover(&glowing(
                shade(colour, 1.08),
                shade(colour, 0.72),
                (reach * 0.5, reach * 0.35),
                reach,
            )),
            Self::Wood(colour) => {
                canvas.cover(&slanting(shade(colour, 1.1), shade(colour, 0.85), reach));
                let waves = [rng.random_range(0.0..6.0), rng.random_range(0.0..6.0)];
                texture(canvas, rng, |x, y, noise| {
                    let grain = (y * 0.09 + (x * 0.006 + waves[0]).sin() * 5.0 + waves[1]).sin();
                    grain * 9.0 + noise * 6.0 - if (y % 220.0) < 2.0 { 40.0 } else { 0.0 }
                });
            }
            Self::Cloth(colour) => {
                canvas.cover(&slanting(shade(colour, 1.1), shade(colour, 0.8), reach));
                texture(canvas, rng, |x, y, noise| {
                    (x * 1.3).sin() * 5.0 + (y * 1.3).sin() * 5.0 + noise * 10.0
                });
            }
        }
    }
}

/// Adds something to each pixel's brightness: a function of its place and of noise from -1 to 1.
pub fn texture(canvas: &mut Canvas, rng: &mut impl Rng, add: impl Fn(f32, f32, f32) -> f32) {
    let width = canvas.pixmap.width();
    for (index, pixel) in (0_u32..).zip(canvas.pixmap.data_mut().chunks_exact_mut(4)) {
        let more = add(side(index % width), side(index / width), rng.random_range(-1.0..1.0));
        for part in &mut pixel[..3] {
            *part = byte(f32::from(*part) + more);
        }
    }
}

/// A window's light from the upper left, and darker corners.
pub fn light(canvas: &mut Canvas) {
    let (width, height) = (side(canvas.pixmap.width()), side(canvas.pixmap.height()));
    let half = (width.hypot(height)) / 2.0;
    let across = canvas.pixmap.width();
    for (index, pixel) in (0_u32..).zip(canvas.pixmap.data_mut().chunks_exact_mut(4)) {
        let (x, y) = (side(index % across), side(index / across));
        let corner = (x - width / 2.0).hypot(y - height / 2.0) / half;
        let window = 1.0 - (x / width + y / height) / 2.0;
        let factor = (1.0 - 0.28 * corner.powi(3)) * (0.93 + 0.14 * window);
        for part in &mut pixel[..3] {
            *part = byte(f32::from(*part) * factor);
        }
    }
}

/// A faint reflection on glass.
pub fn gloss(canvas: &mut Canvas, radius: f32) {
    for step in 0..6_u8 {
        let shift = f32::from(step);
        canvas.circle(
            (-radius * 0.35, -radius * 0.4),
            radius * 0.42 - shift * 2.0,
            &plain_with([255, 255, 255], 6),
        );
    }
}
