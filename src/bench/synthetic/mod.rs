//! What the benches of the pages share: a catalog without pictures, a real server over it, visitors with kept connections,
//! and what scoring does meanwhile.

pub(super) mod client;
mod latency;
pub(super) mod rows;
mod scoring;
mod server;
mod writes;

pub use self::{latency::Latency, scoring::Scored};
pub(super) use self::{
    scoring::{Networks, Scoring},
    server::{Server, apart},
};
