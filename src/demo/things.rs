//! What else turns up in a folder of photographs.

use rand::{Rng, RngExt};

use super::canvas::{Canvas, glowing, plain, shade, slanting};

/// A thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A mug from above.
    Mug,
    /// A closed book.
    Book,
    /// A plant in a pot.
    Plant,
    /// A pair of pencils.
    Pencils,
}

impl Thing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mug, Self::Book, Self::Plant, Self::Pencils];

    /// For its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mug => "mug",
            Self::Book => "book",
            Self::Plant => "plant",
            Self::Pencils => "pencils",
        }
    }

    /// Draws it around the origin.
    pub fn draw(self, canvas: &mut Canvas, rng: &mut impl Rng) {
        let colour =
            [[172, 70, 52], [62, 96, 120], [214, 204, 186], [86, 110, 78]][rng.random_range(0..4_usize)];
        match self {
            Self::Mug => {
                canvas.shadow((0.0, 0.0), 54.0);
                canvas.ring((62.0, 0.0), 18.0, 9.0, &plain(shade(colour, 0.8)));
                canvas.circle((0.0, 0.0), 52.0, &slanting(shade(colour, 1.2), shade(colour, 0.7), 52.0));
                canvas.circle((0.0, 0.0), 45.0, &glowing([96, 60, 36], [58, 34, 20], (-8.0, -8.0), 46.0));
            }
            Self::Book => {
                canvas.shadow((0.0, 0.0), 66.0);
                canvas.block((4.0, 4.0), (96.0, 134.0), 3.0, &plain([236, 230, 214]));
                canvas.block(
                    (0.0, 0.0),
                    (96.0, 134.0),
                    4.0,
                    &slanting(shade(colour, 1.15), shade(colour, 0.8), 70.0),
                );
                canvas.line((-38.0, -66.0), (-38.0, 66.0), 2.0, &plain(shade(colour, 0.6)));
                for y in [-34.0, -22.0] {
                    canvas.line((-16.0, y), (34.0, y), 4.0, &plain([232, 214, 168]));
                }
            }
            Self::Plant => {
                for leaf in 0..13_u8 {
                    let reach = rng.random_range(50.0..80.0);
                    canvas.turned(f32::from(leaf) * 27.7, |canvas| {
                        let green = shade([70, 128, 66], 0.7 + f32::from(leaf % 4) * 0.15);
                        let shape = [(0.0, 0.0), (12.0, -reach * 0.5), (0.0, -reach), (-12.0, -reach * 0.5)];
                        canvas.polygon(&shape, &plain(green));
                        canvas.line((0.0, 0.0), (0.0, -reach), 1.0, &plain(shade(green, 1.4)));
                    });
                }
                canvas.circle((0.0, 0.0), 24.0, &slanting([190, 120, 84], [130, 74, 48], 24.0));
            }
            Self::Pencils => {
                for (degrees, paint) in [(28.0, colour), (-18.0, [222, 178, 60])] {
                    canvas.turned(degrees, |canvas| {
                        canvas.block(
                            (0.0, 10.0),
                            (11.0, 130.0),
                            1.0,
                            &slanting(shade(paint, 1.2), shade(paint, 0.7), 12.0),
                        );
                        canvas.polygon(&[(-5.5, -55.0), (5.5, -55.0), (0.0, -76.0)], &plain([226, 196, 150]));
                        canvas.polygon(&[(-1.6, -70.0), (1.6, -70.0), (0.0, -76.0)], &plain([40, 40, 40]));
                    });
                }
            }
        }
    }
}
