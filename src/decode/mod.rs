//! Stage 2: bytes become upright pixels, and those become tensors, signals and renditions.

mod error;
mod input;
mod jpeg;
mod limits;
mod orient;

pub use error::DecodeError;
pub use input::{Colour, Dtype, Filter, Fit, Input, Layout, Tensor};
pub use limits::{Format, Header, Limits, probe};
