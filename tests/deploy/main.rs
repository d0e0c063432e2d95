//! What an operator does, with the program itself: a catalog is saved and restored, and the machine examined.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backup;
mod catalog;
mod doctor;
mod engine;
mod exchange;
mod models;
