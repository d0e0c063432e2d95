//! Pixels become the numbers that a network wants.

use image::RgbImage;

use super::{Colour, Dtype, Input, Layout, Tensor, resize};

/// Fits a picture to the network's shape and normalises it: value = (pixel · scale − mean) / std for each channel,
/// in the order in which the network receives them. Byte tensors round to nearest and clip.
pub fn tensor(picture: &RgbImage, input: &Input) -> Tensor {
    normalise(&resize::fit(picture, input), input)
}

/// The second half of [`tensor`], for a picture that has the network's shape already.
pub fn normalise(fitted: &RgbImage, input: &Input) -> Tensor {
    match input.dtype {
        Dtype::F32 => Tensor::F32(arrange(fitted, input, |value| value as f32)),
        Dtype::U8 => Tensor::U8(arrange(fitted, input, |value| value.round().clamp(0.0, 255.0) as u8)),
    }
}

fn arrange<T: Copy>(fitted: &RgbImage, input: &Input, number: impl Fn(f64) -> T) -> Vec<T> {
    let sources = match input.colour {
        Colour::Rgb => [0, 1, 2],
        Colour::Bgr => [2, 1, 0],
    };
    let value = |pixel: u8, channel: usize| {
        number((f64::from(pixel) * input.scale - input.mean[channel]) / input.std[channel])
    };
    let tables =
        [0, 1, 2].map(|channel| std::array::from_fn::<T, 256, _>(|pixel| value(byte(pixel), channel)));
    let pixels = fitted.as_raw().chunks_exact(3);
    match input.layout {
        Layout::Nchw => (0..3)
            .flat_map(|channel| {
                let (table, source) = (&tables[channel], sources[channel]);
                pixels.clone().map(move |pixel| table[usize::from(pixel[source])])
            })
            .collect(),
        Layout::Nhwc => pixels
            .flat_map(|pixel| [0, 1, 2].map(|channel| tables[channel][usize::from(pixel[sources[channel]])]))
            .collect(),
    }
}

fn byte(index: usize) -> u8 {
    index as u8
}
