//! Clocks, which are no watches.

use rand::{Rng, RngExt};

use super::canvas::{Canvas, Rgb, glowing, plain, shade, slanting};

/// A clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    kind: Kind,
    body: Rgb,
    /// Minutes since twelve.
    time: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Wall,
    Alarm,
}

impl Clock {
    /// One of each kind.
    pub const ALL: [Self; 2] = [
        Self { kind: Kind::Wall, body: [60, 62, 66], time: 608 },
        Self { kind: Kind::Alarm, body: [176, 56, 48], time: 415 },
    ];

    /// The same kind in another colour, at another time.
    pub fn varied(self, rng: &mut impl Rng) -> Self {
        let body =
            [[60, 62, 66], [176, 56, 48], [58, 108, 120], [206, 196, 176]][rng.random_range(0..4_usize)];
        Self { body, time: rng.random_range(0..720), ..self }
    }

    /// Draws it around the origin, about 170 units wide.
    pub fn draw(self, canvas: &mut Canvas, _rng: &mut impl Rng) {
        let radius = if self.kind == Kind::Wall { 82.0 } else { 62.0 };
        canvas.shadow((0.0, 0.0), radius + 4.0);
        if self.kind == Kind::Alarm {
            for side in [-1.0, 1.0] {
                canvas.line((side * 34.0, 50.0), (side * 46.0, 74.0), 8.0, &plain(shade(self.body, 0.7)));
                canvas.circle(
                    (side * 36.0, -58.0),
                    22.0,
                    &slanting(shade(self.body, 1.3), shade(self.body, 0.6), 60.0),
                );
            }
            canvas.line((0.0, -62.0), (0.0, -80.0), 4.0, &plain([150, 150, 150]));
        }
        canvas.circle((0.0, 0.0), radius, &slanting(shade(self.body, 1.25), shade(self.body, 0.65), radius));
        canvas.circle(
            (0.0, 0.0),
            radius * 0.88,
            &glowing([250, 249, 245], [226, 224, 216], (-10.0, -14.0), radius),
        );
        for hour in 0..12_u8 {
            canvas.turned(f32::from(hour) * 30.0, |canvas| {
                canvas.block(
                    (0.0, -radius * 0.74),
                    (if hour % 3 == 0 { 6.0 } else { 3.0 }, 11.0),
                    1.0,
                    &plain([40, 40, 44]),
                );
            });
        }
        let minutes = f32::from(self.time);
        for (degrees, length, width) in [(minutes * 0.5, 0.45, 5.0), (minutes * 6.0, 0.68, 3.5)] {
            canvas.turned(degrees, |canvas| {
                canvas.line((0.0, 8.0), (0.0, -radius * length), width, &plain([36, 36, 40]))
            });
        }
        canvas.circle((0.0, 0.0), 4.0, &plain([36, 36, 40]));
    }
}
