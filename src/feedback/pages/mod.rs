//! The pages of judging. One file per page: its view struct, its template, its handler.

mod answers;
pub mod score;
