//! The pages of judging. One file per page: its view struct, its template, its handler.

mod answers;
pub mod doubtful;
pub mod guides;
mod habits;
pub mod panel;
pub mod progress;
pub mod raters;
pub mod rounds;
pub mod score;
