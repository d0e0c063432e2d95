//! Stage 7: what people's judgements change. The mathematics is in [`crate::calibration`] and [`crate::comparison`];
//! here are the pages that show it and the buttons that act on it.

pub mod agreement;
pub mod chart;
pub mod evaluation;
mod figures;
pub mod goal;
pub mod offers;
mod recalibration;
pub mod threshold;
