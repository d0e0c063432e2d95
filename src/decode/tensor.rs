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
    let mut values = Vec::with_capacity(fitted.as_raw().len());
    match input.layout {
        Layout::Nchw => {
            for (table, source) in tables.iter().zip(sources) {
                values.extend(pixels.clone().map(|pixel| table[usize::from(pixel[source])]));
            }
        }
        Layout::Nhwc => {
            for pixel in pixels {
                values.extend([0, 1, 2].map(|channel| tables[channel][usize::from(pixel[sources[channel]])]));
            }
        }
    }
    values
}

fn byte(index: usize) -> u8 {
    index as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(changes: &str) -> Input {
        let mut table: toml::Table = toml::from_str(
            "tensor = 'x'\nlayout = 'nchw'\ndtype = 'f32'\nwidth = 2\nheight = 1\ncolour = 'rgb'\nfit = 'squash'\n\
             filter = 'bilinear'",
        )
        .unwrap();
        table.extend(changes.parse::<toml::Table>().unwrap());
        table.try_into().unwrap()
    }

    fn two_pixels() -> RgbImage {
        RgbImage::from_raw(2, 1, vec![0, 51, 102, 153, 204, 255]).unwrap()
    }

    #[test]
    fn planes_or_pixels_as_the_layout_says() {
        let planes = tensor(&two_pixels(), &input(""));
        assert_eq!(planes, Tensor::F32(vec![0.0, 153.0, 51.0, 204.0, 102.0, 255.0]));
        let pixels = tensor(&two_pixels(), &input("layout = 'nhwc'"));
        assert_eq!(pixels, Tensor::F32(vec![0.0, 51.0, 102.0, 153.0, 204.0, 255.0]));
    }

    #[test]
    fn blue_comes_first_where_the_model_wants_it_and_the_means_follow_its_order() {
        let changes = "layout = 'nhwc'\ncolour = 'bgr'\nmean = [100.0, 10.0, 1.0]\nstd = [2.0, 1.0, 0.5]";
        let expected = vec![1.0, 41.0, -2.0, 77.5, 194.0, 304.0];
        assert_eq!(tensor(&two_pixels(), &input(changes)), Tensor::F32(expected));
    }

    #[test]
    fn scale_mean_and_std_give_minus_one_to_one() {
        let changes = "layout = 'nhwc'\nscale = 0.00784313725490196\nmean = [1.0, 1.0, 1.0]";
        let Tensor::F32(values) = tensor(&two_pixels(), &input(changes)) else {
            panic!("floats were asked for")
        };
        for (value, expected) in values.iter().zip([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0]) {
            assert!((value - expected).abs() < 1e-6, "{value} instead of {expected}");
        }
    }

    #[test]
    fn bytes_stay_bytes_rounded_and_clipped() {
        let bytes = tensor(&two_pixels(), &input("layout = 'nhwc'\ndtype = 'u8'"));
        assert_eq!(bytes, Tensor::U8(two_pixels().into_raw()));
        let changes = "layout = 'nhwc'\ndtype = 'u8'\nscale = 1.5\nmean = [25.0, 25.0, 25.0]";
        assert_eq!(tensor(&two_pixels(), &input(changes)), Tensor::U8(vec![0, 52, 128, 205, 255, 255]));
    }
}
