//! Stage 2: bytes become upright pixels, and those become tensors, signals and renditions.

mod budget;
mod error;
mod input;
mod jpeg;
mod limits;
mod orient;
mod pixels;
mod resize;
mod tensor;

pub use budget::{Budget, Share};
pub use error::DecodeError;
pub use input::{Colour, Dtype, Filter, Fit, Input, Layout, Tensor};
pub use limits::{Format, Header, Limits, probe};
pub use pixels::{Need, Picture, decode, decode_probed};
pub use resize::{fit, resize};
pub use tensor::{normalise, tensor};
