//! How a scene becomes a file: its frame, its faults, its format.

use image::{DynamicImage, ImageFormat, RgbImage, imageops};
use rand::{Rng, RngExt};

use super::{
    DemoError,
    canvas::{Canvas, byte},
};

/// How a picture is taken.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    /// Width of the frame.
    pub width_px: u32,
    /// Height of the frame.
    pub height_px: u32,
    /// 1 shows the whole subject.
    pub zoom: f32,
    /// Turned clockwise.
    pub turn_degrees: f32,
    /// Where the subject is in the frame, in the scene's units.
    pub shift: (f32, f32),
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// How it is saved.
    pub format: Format,
}

/// What goes wrong with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Out of focus.
    Blurred,
    /// A high sensitivity.
    Noisy,
    /// Too little light.
    Dark,
    /// Saved far too small.
    Tiny,
}

/// How a picture is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With a quality from 1 to 100.
    Jpeg(i32),
    /// Without loss.
    Png,
    /// Without loss, smaller.
    Webp,
}

impl Fault {
    /// One of them.
    pub fn any(rng: &mut impl Rng) -> Self {
        [Self::Blurred, Self::Noisy, Self::Dark, Self::Tiny][rng.random_range(0..4_usize)]
    }
}

impl Format {
    /// JPEG as a rule.
    pub fn any(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..6) {
            0 => Self::Png,
            1 => Self::Webp,
            _ => Self::Jpeg(90),
        }
    }

    /// The extension of its files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg(_) => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

impl Camera {
    /// Straight from above, everything right.
    pub const fn studio() -> Self {
        Self {
            width_px: 1200,
            height_px: 1200,
            zoom: 1.0,
            turn_degrees: 0.0,
            shift: (0.0, 0.0),
            fault: None,
            format: Format::Jpeg(90),
        }
    }

    /// As people take them.
    pub fn any(rng: &mut impl Rng) -> Self {
        let (width_px, height_px) =
            [(1200, 900), (900, 1200), (1000, 1000), (1280, 720)][rng.random_range(0..4_usize)];
        Self {
            width_px,
            height_px,
            zoom: rng.random_range(0.7..1.45),
            turn_degrees: rng.random_range(-35.0..35.0),
            shift: (rng.random_range(-25.0..25.0), rng.random_range(-20.0..20.0)),
            fault: rng.random_bool(0.4).then(|| Fault::any(rng)),
            format: Format::Jpeg(90),
        }
    }

    /// The file.
    pub fn develop(&self, canvas: Canvas, rng: &mut impl Rng) -> Result<Vec<u8>, DemoError> {
        let (width, height) = (canvas.pixmap.width(), canvas.pixmap.height());
        let rgb =
            canvas.pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        let sharp =
            RgbImage::from_raw(width, height, rgb).ok_or_else(|| DemoError("no pixels".to_owned()))?;
        self.encode(&with_fault(sharp, self.fault, rng))
    }

    fn encode(&self, picture: &RgbImage) -> Result<Vec<u8>, DemoError> {
        let failed = |error: String| DemoError(error);
        if let Format::Jpeg(quality) = self.format {
            let (width, height) = (picture.width() as usize, picture.height() as usize);
            let (pixels, pitch, format) = (&picture.as_raw()[..], 3 * width, turbojpeg::PixelFormat::RGB);
            let jpeg = turbojpeg::compress(
                turbojpeg::Image { pixels, width, pitch, height, format },
                quality,
                turbojpeg::Subsamp::Sub2x2,
            );
            return jpeg.map(|bytes| bytes.to_vec()).map_err(|error| failed(error.to_string()));
        }
        let kind = if self.format == Format::Png { ImageFormat::Png } else { ImageFormat::WebP };
        let mut bytes = std::io::Cursor::new(Vec::new());
        let picture = DynamicImage::ImageRgb8(picture.clone());
        picture.write_to(&mut bytes, kind).map_err(|error| failed(error.to_string()))?;
        Ok(bytes.into_inner())
    }
}

fn with_fault(picture: RgbImage, fault: Option<Fault>, rng: &mut impl Rng) -> RgbImage {
    match fault {
        None => add_noise(picture, 3.0, 1.0, rng),
        Some(Fault::Blurred) => add_noise(imageops::fast_blur(&picture, 9.0), 3.0, 1.0, rng),
        Some(Fault::Noisy) => add_noise(picture, 42.0, 0.9, rng),
        Some(Fault::Dark) => add_noise(picture, 8.0, 0.28, rng),
        Some(Fault::Tiny) => imageops::resize(
            &picture,
            picture.width() / 12,
            picture.height() / 12,
            imageops::FilterType::Triangle,
        ),
    }
}

/// Each value times `exposure`, and off by up to `reach`.
fn add_noise(mut picture: RgbImage, reach: f32, exposure: f32, rng: &mut impl Rng) -> RgbImage {
    for value in picture.iter_mut() {
        *value = byte(f32::from(*value) * exposure + rng.random_range(-reach..reach));
    }
    picture
}
