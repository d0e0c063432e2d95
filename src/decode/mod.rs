//! Stage 2: bytes become upright pixels, and those become tensors, signals and renditions.

mod input;

pub use input::{Colour, Dtype, Filter, Fit, Input, Layout, Tensor};
