//! What a network wants to be given: the `[input]` table of a model manifest.

use serde::{Deserialize, Serialize};

/// The order of a tensor's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floating point.
    F32,
    /// Bytes, as the pixels are.
    U8,
}

/// The order of the colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Red first.
    Rgb,
    /// Blue first, as networks from Caffe want it.
    Bgr,
}

/// How a picture of any shape becomes one of the network's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Both sides are scaled independently; the shape is lost, nothing else is.
    Squash,
    /// The shorter side is scaled to `resize_shortest`, then the centre is cut out.
    Crop,
}

/// The resampling filter, with the meaning that Pillow gives it (antialiased when shrinking).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// A triangle.
    Bilinear,
    /// A cubic with a = −0.5.
    Bicubic,
    /// A windowed sinc with three lobes.
    Lanczos,
}

/// The `[input]` table: everything between upright RGB pixels and the numbers in the tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the input tensor in the file.
    pub tensor: String,
    /// Order of its axes.
    pub layout: Layout,
    /// Type of its elements.
    pub dtype: Dtype,
    /// The batch size, where the file fixes one; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Order of the channels.
    pub colour: Colour,
    /// How the picture's shape becomes the network's.
    pub fit: Fit,
    /// With `fit = "crop"`: what the shorter side is scaled to before the cut, in pixels (rounded to nearest).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize_shortest: Option<u32>,
    /// The resampling filter.
    pub filter: Filter,
    /// value = (pixel · `scale` − `mean`) / `std`; pixels run from 0 to 255.
    #[serde(default = "one")]
    pub scale: f64,
    /// Subtracted from each channel, in the order in which the model receives them.
    #[serde(default)]
    pub mean: [f64; 3],
    /// Divides each channel, in the order in which the model receives them.
    #[serde(default = "ones")]
    pub std: [f64; 3],
}

const fn one() -> f64 {
    1.0
}

const fn ones() -> [f64; 3] {
    [1.0; 3]
}

/// The numbers of one image, without a batch axis, in the layout that the model wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// `width · height · 3` floats.
    F32(Vec<f32>),
    /// `width · height · 3` bytes.
    U8(Vec<u8>),
}
