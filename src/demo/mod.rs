//! Pictures for a machine that has none: watches, clocks and other things, drawn by the program.
//!
//! They are drawn as a photographer would be dealt them: several photos of an offer, most of them good, some blurred,
//! noisy, dark or tiny. The same seed draws the same bytes.

mod camera;
mod canvas;
mod clocks;
mod raters;
mod scene;
mod things;
mod watches;

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

pub use self::raters::judge;
use self::{
    camera::{Camera, Fault, Format},
    canvas::Canvas,
    clocks::Clock,
    scene::Surface,
    things::Thing,
    watches::Watch,
};

/// A drawn picture as a file.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Its path below the upload directory.
    pub name: String,
    /// Its bytes: JPEG, PNG or WebP.
    pub bytes: Vec<u8>,
}

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
#[error("a picture could not be drawn: {0}")]
pub struct DemoError(String);

/// What is to be photographed.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Watch(Watch),
    Clock(Clock),
    Thing(Thing),
}

/// One picture to be taken.
#[derive(Clone, Debug)]
struct Shot {
    name: String,
    subject: Subject,
    surface: Surface,
    camera: Camera,
    seed: u64,
}

/// How many pictures there are.
pub fn count(seed: u64) -> usize {
    shots(seed).len()
}

/// Draws all pictures, one after the other.
pub fn photos(seed: u64) -> impl Iterator<Item = Result<Photo, DemoError>> {
    shots(seed).into_iter().map(|shot| shot.take())
}

impl Shot {
    fn take(&self) -> Result<Photo, DemoError> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut canvas = Canvas::new(self.camera.width_px, self.camera.height_px)?;
        self.surface.draw(&mut canvas, &mut rng);
        canvas.look_at(self.camera.zoom, self.camera.turn_degrees, self.camera.shift);
        match self.subject {
            Subject::Watch(watch) => watch.draw(&mut canvas, &mut rng),
            Subject::Clock(clock) => clock.draw(&mut canvas, &mut rng),
            Subject::Thing(thing) => thing.draw(&mut canvas, &mut rng),
        }
        scene::light(&mut canvas);
        let bytes = self.camera.develop(canvas, &mut rng)?;
        Ok(Photo { name: format!("{}.{}", self.name, self.camera.format.extension()), bytes })
    }
}

/// The pictures of the catalog: offers of watches and clocks with several photos each, and what else turns up.
fn shots(seed: u64) -> Vec<Shot> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut shots = Vec::new();
    for number in 0..11_u32 {
        let watch = Watch::ALL[number as usize % Watch::ALL.len()].varied(&mut rng);
        offer(&mut shots, ("watches", 68_400 + number * 7), Subject::Watch(watch), &mut rng);
    }
    for number in 0..4_u32 {
        let clock = Clock::ALL[number as usize % Clock::ALL.len()].varied(&mut rng);
        offer(&mut shots, ("clocks", 71_200 + number * 3), Subject::Clock(clock), &mut rng);
    }
    for (number, thing) in Thing::ALL.iter().cycle().take(9).enumerate() {
        let (surface, camera) = (Surface::any(&mut rng), Camera::any(&mut rng));
        let name = format!("misc/{}-{}", thing.name(), number + 1);
        shots.push(Shot { name, subject: Subject::Thing(*thing), surface, camera, seed: rng.random() });
    }
    shots
}

/// The photos of one offer: the first is good, the others are as they come.
fn offer(shots: &mut Vec<Shot>, (folder, listing): (&str, u32), subject: Subject, rng: &mut impl Rng) {
    let surface = Surface::any(rng);
    let photos = rng.random_range(3..=4);
    // One offer in four has nothing good at all: somebody should take its photos again.
    let is_poor = rng.random_bool(0.25);
    for photo in 1..=photos {
        let mut camera = if photo == 1 { Camera::studio() } else { Camera::any(rng) };
        if is_poor {
            camera.fault = Some(Fault::any(rng));
        }
        if photo % 3 == 2 {
            camera.format = Format::any(rng);
        }
        let name = format!("{folder}/{listing}_{photo}");
        shots.push(Shot { name, subject, surface, camera, seed: rng.random() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_about_sixty_pictures_and_their_names_differ() {
        let mut names: Vec<String> = shots(1).into_iter().map(|shot| shot.name).collect();
        assert!((55..=70).contains(&names.len()), "{}", names.len());
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count(1));
    }

    #[test]
    fn the_same_seed_draws_the_same_bytes_and_every_kind_decodes() {
        let one_of_each = |folder: &str| {
            let shot = shots(7).into_iter().find(|shot| shot.name.starts_with(folder)).unwrap();
            let (first, again) = (shot.take().unwrap(), shot.take().unwrap());
            assert_eq!(first.bytes, again.bytes);
            first
        };
        for folder in ["watches", "clocks", "misc"] {
            let photo = one_of_each(folder);
            let limits = crate::config::Settings::default().limits();
            assert!(crate::decode::probe(&photo.bytes, &limits).is_ok(), "{}", photo.name);
        }
    }
}
