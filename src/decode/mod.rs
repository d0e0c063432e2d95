//! Stage 2: bytes become upright pixels, and those become tensors, signals and renditions.
//!
//! [`probe`] reads a header and refuses what is too large; [`decode()`] is the one way to pixels. From the same
//! [`Picture`] come the [`tensor()`] of each model, the [`Signals`], the [`PerceptualHash`] and the
//! [`rendition()`]s.

mod budget;
mod decoders;
mod error;
mod input;
mod jpeg;
mod limits;
mod luma;
mod orient;
mod phash;
mod pixels;
mod rendition;
mod resize;
#[cfg(test)]
mod samples;
mod segments;
mod shrink;
mod signals;
mod tensor;

pub use budget::{Budget, Share};
pub use decoders::Decoders;
pub use error::DecodeError;
pub use input::{Colour, Dtype, Filter, Fit, Input, Layout, Tensor};
pub use limits::{Format, Header, Limits, probe};
pub use luma::{Luma, SIGNALS_PX};
pub use phash::{NoPerceptualHash, PHASH_VERSION, PerceptualHash};
pub use pixels::{Need, Picture, decode, decode_probed};
pub use rendition::{GRID_PX, RenditionError, VIEWER_PX, rendition};
pub use resize::{fit, resize};
pub use signals::{SIGNALS_VERSION, Signals};
pub use tensor::{normalise, tensor};
