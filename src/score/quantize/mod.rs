//! Static int8 models: what their making is given, the manifest that they get, and whether they say the same.
//!
//! The quantizing itself is ONNX Runtime's own tooling, in Python (`models/convert/quantize.py`).

mod derived;
mod npy;
mod parity;

pub use derived::{DerivedError, derived};
pub use npy::write as write_npy;
pub use parity::{AUC_LOSS_MOST, Auc, Comparison, LABELS_LEAST, Parity, SRCC_LEAST};
