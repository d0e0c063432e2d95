//! Watches: with hands and a strap, with digits, with small dials, with a chain.

use rand::{Rng, RngExt};

use super::{
    canvas::{Canvas, Rgb, glowing, plain, shade, slanting},
    scene,
};

const STEEL: Rgb = [196, 200, 206];
const GOLD: Rgb = [212, 172, 88];
const BLACK: Rgb = [28, 28, 30];
const WHITE: Rgb = [244, 243, 238];

/// A watch.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    kind: Kind,
    case: Rgb,
    dial: Rgb,
    strap: Rgb,
    /// Minutes since twelve.
    time: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Dress,
    Diver,
    Chronograph,
    Digital,
    Pocket,
}

impl Watch {
    /// One of each kind.
    pub const ALL: [Self; 5] = [
        Self { kind: Kind::Dress, case: GOLD, dial: WHITE, strap: [94, 58, 36], time: 608 },
        Self { kind: Kind::Diver, case: STEEL, dial: [24, 44, 84], strap: STEEL, time: 610 },
        Self { kind: Kind::Chronograph, case: STEEL, dial: BLACK, strap: [40, 40, 42], time: 608 },
        Self {
            kind: Kind::Digital,
            case: [52, 54, 58],
            dial: [176, 188, 166],
            strap: [44, 46, 50],
            time: 754,
        },
        Self { kind: Kind::Pocket, case: GOLD, dial: WHITE, strap: GOLD, time: 608 },
    ];

    /// The same kind in other colours, at another time.
    pub fn varied(self, rng: &mut impl Rng) -> Self {
        let case = [STEEL, GOLD, [222, 178, 158], [70, 72, 76]][rng.random_range(0..4_usize)];
        let dial = [WHITE, BLACK, [24, 44, 84], [22, 74, 58], [150, 40, 38]][rng.random_range(0..5_usize)];
        let strap = [[94, 58, 36], [30, 30, 32], [140, 92, 58], [44, 58, 84]][rng.random_range(0..4_usize)];
        let time = rng.random_range(0..720);
        match self.kind {
            Kind::Digital => Self { time, ..self },
            Kind::Diver => Self { case, dial, strap: shade(case, 0.92), time, ..self },
            Kind::Pocket => Self { case, strap: case, time, ..self },
            Kind::Dress | Kind::Chronograph => Self { case, dial, strap, time, ..self },
        }
    }

    /// Draws it around the origin, about 170 units high.
    pub fn draw(self, canvas: &mut Canvas, rng: &mut impl Rng) {
        canvas.shadow((0.0, 0.0), 52.0);
        match self.kind {
            Kind::Digital => self.draw_digital(canvas),
            Kind::Pocket => {
                self.draw_chain(canvas);
                self.draw_case(canvas, rng);
            }
            Kind::Dress | Kind::Diver | Kind::Chronograph => {
                self.draw_strap(canvas);
                self.draw_case(canvas, rng);
            }
        }
    }

    fn draw_strap(self, canvas: &mut Canvas) {
        for up in [-1.0, 1.0] {
            canvas.block(
                (0.0, up * 68.0),
                (46.0, 70.0),
                6.0,
                &slanting(shade(self.strap, 1.15), shade(self.strap, 0.75), 60.0),
            );
            let links = if self.kind == Kind::Diver { 9 } else { 0 };
            for link in 0..links {
                let y = up * (42.0 + 7.0 * f32::from(u8::try_from(link).unwrap_or(0)));
                canvas.line((-21.0, y), (21.0, y), 1.0, &plain(shade(self.strap, 0.55)));
            }
            if links == 0 {
                for x in [-20.0, 20.0] {
                    for stitch in 0..10_u8 {
                        let y = up * (42.0 + 6.0 * f32::from(stitch));
                        canvas.line((x, y), (x, y + up * 2.5), 0.8, &plain(shade(self.strap, 1.5)));
                    }
                }
            }
        }
    }

    fn draw_chain(self, canvas: &mut Canvas) {
        canvas.ring((0.0, -60.0), 8.0, 3.0, &slanting(shade(self.case, 1.2), shade(self.case, 0.6), 60.0));
        for link in 0..14_u8 {
            let at = f32::from(link);
            let place = (6.0 + at * 5.0, -66.0 + (at * 0.55).sin() * 12.0 - at);
            canvas.ring(place, 3.0, 1.4, &plain(shade(self.case, 0.85)));
        }
        canvas.block((0.0, -50.0), (10.0, 10.0), 2.0, &plain(shade(self.case, 0.9)));
    }

    fn draw_case(self, canvas: &mut Canvas, rng: &mut impl Rng) {
        canvas.circle((0.0, 0.0), 48.0, &slanting(shade(self.case, 1.25), shade(self.case, 0.55), 48.0));
        if self.kind != Kind::Pocket {
            canvas.block((50.0, 0.0), (7.0, 9.0), 2.0, &plain(shade(self.case, 0.8)));
        }
        if self.kind == Kind::Diver {
            canvas.ring((0.0, 0.0), 43.0, 7.0, &plain(shade(self.dial, 0.7)));
            for mark in 0..12_u8 {
                canvas.turned(f32::from(mark) * 30.0, |canvas| {
                    canvas.line((0.0, -45.5), (0.0, -40.5), 1.2, &plain(WHITE));
                });
            }
        }
        canvas.circle(
            (0.0, 0.0),
            39.0,
            &glowing(shade(self.dial, 1.08), shade(self.dial, 0.82), (-8.0, -10.0), 52.0),
        );
        self.draw_marks(canvas);
        if self.kind == Kind::Chronograph {
            for place in [(-16.0, 0.0), (16.0, 0.0), (0.0, 17.0)] {
                canvas.circle(place, 9.0, &plain(shade(self.case, 0.45)));
                canvas.ring(place, 9.0, 0.8, &plain(shade(self.case, 1.1)));
                canvas.moved(place, rng.random_range(0.0..360.0), |canvas| {
                    canvas.line((0.0, 1.5), (0.0, -7.0), 0.9, &plain(WHITE));
                });
            }
        }
        self.draw_hands(canvas);
        scene::gloss(canvas, 39.0);
    }

    fn draw_marks(self, canvas: &mut Canvas) {
        let ink = self.ink();
        for minute in 0..60_u8 {
            let is_hour = minute % 5 == 0;
            let (from, width) = if is_hour { (-30.0, 1.9) } else { (-35.0, 0.6) };
            canvas.turned(f32::from(minute) * 6.0, |canvas| {
                canvas.line((0.0, from), (0.0, -36.5), width, &plain(ink));
            });
        }
    }

    fn draw_hands(self, canvas: &mut Canvas) {
        let ink = self.ink();
        let minutes = f32::from(self.time);
        for (degrees, length, width) in [(minutes * 0.5, 20.0, 3.2), (minutes * 6.0, 31.0, 2.4)] {
            canvas.turned(degrees, |canvas| {
                let hand = [
                    (-width, 5.0),
                    (width, 5.0),
                    (width * 0.5, -length),
                    (0.0, -length - 2.0),
                    (-width * 0.5, -length),
                ];
                canvas.polygon(&hand, &plain(shade(ink, 0.9)));
            });
        }
        canvas.turned(minutes * 37.0, |canvas| {
            canvas.line((0.0, 9.0), (0.0, -33.0), 0.7, &plain([190, 50, 44]))
        });
        canvas.circle((0.0, 0.0), 2.6, &plain(ink));
    }

    fn ink(self) -> Rgb {
        let is_light = u16::from(self.dial[0]) + u16::from(self.dial[1]) + u16::from(self.dial[2]) > 380;
        if is_light { [36, 36, 40] } else { [230, 228, 220] }
    }

    fn draw_digital(self, canvas: &mut Canvas) {
        for up in [-1.0, 1.0] {
            canvas.block(
                (0.0, up * 66.0),
                (44.0, 74.0),
                6.0,
                &slanting(shade(self.strap, 1.2), shade(self.strap, 0.7), 60.0),
            );
        }
        canvas.block(
            (0.0, 0.0),
            (84.0, 76.0),
            16.0,
            &slanting(shade(self.case, 1.35), shade(self.case, 0.6), 44.0),
        );
        for (x, y) in [(-44.0, -18.0), (-44.0, 18.0), (44.0, -18.0), (44.0, 18.0)] {
            canvas.block((x, y), (6.0, 10.0), 2.0, &plain(shade(self.case, 0.8)));
        }
        canvas.block((0.0, -1.0), (66.0, 44.0), 5.0, &plain(shade(self.dial, 0.55)));
        canvas.block(
            (0.0, -1.0),
            (62.0, 40.0),
            4.0,
            &slanting(shade(self.dial, 1.05), shade(self.dial, 0.92), 40.0),
        );
        let (hours, minutes) = ((self.time / 60).max(1), self.time % 60);
        let digits = [hours / 10, hours % 10, minutes / 10, minutes % 10];
        for (digit, x) in digits.into_iter().zip([-22.0, -9.5, 7.0, 19.5]) {
            seven_segments(canvas, digit, (x, 0.0));
        }
        for y in [-5.0, 5.0] {
            canvas.circle((-1.2, y), 1.3, &plain([40, 44, 40]));
        }
    }
}

/// A digit of a liquid crystal display.
fn seven_segments(canvas: &mut Canvas, digit: u16, (x, y): (f32, f32)) {
    const LIT: [u8; 10] = [
        0b111_0111, 0b010_0100, 0b101_1101, 0b110_1101, 0b010_1110, 0b110_1011, 0b111_1011, 0b010_0101,
        0b111_1111, 0b110_1111,
    ];
    const LINES: [((f32, f32), (f32, f32)); 7] = [
        ((-3.5, -9.0), (3.5, -9.0)),
        ((-4.5, -8.0), (-4.5, -1.0)),
        ((4.5, -8.0), (4.5, -1.0)),
        ((-3.5, 0.0), (3.5, 0.0)),
        ((-4.5, 1.0), (-4.5, 8.0)),
        ((4.5, 1.0), (4.5, 8.0)),
        ((-3.5, 9.0), (3.5, 9.0)),
    ];
    let lit = LIT.get(usize::from(digit)).copied().unwrap_or(0);
    for (segment, (from, to)) in LINES.into_iter().enumerate() {
        if lit & (1 << segment) != 0 {
            canvas.line((x + from.0, y + from.1), (x + to.0, y + to.1), 2.4, &plain([34, 38, 34]));
        }
    }
}
