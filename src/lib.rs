//! chronograde: a self-hosted catalog service for watch photographs with a feedback loop.
//!
//! The modules stand in the order in which an image passes through them:
//!
//! 1. [`ingest`] notices a file, waits until it stops growing, hashes it, and writes it into the ledger.
//! 2. [`decode`] turns its bytes into upright pixels, and those into tensors and signals.
//! 3. [`score`] runs the two networks on them.
//! 4. [`store`] keeps what they said, in PostgreSQL.
//! 5. [`gallery`] shows the ranked pages, to whom [`people`] lets in.
//! 6. [`feedback`] asks people about them, and keeps what they say.
//! 7. [`learning`] lets a manager move the threshold by what they said.
//!
//! [`calibration`] says what the watch threshold is worth, [`comparison`] how far people and the quality model agree; both draw
//! their intervals from [`statistics`].
//!
//! [`pipeline`] is the one paragraph that joins 2, 3 and 4 for one image, and [`jobs`] calls it from the
//! queue. [`startup`] builds the whole service, [`cli`] is how it is called.

pub mod backup;
pub mod bench;
pub mod calibration;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod comparison;
pub mod config;
pub mod decode;
pub mod demo;
pub mod domain;
pub mod export;
pub mod feedback;
pub mod gallery;
pub mod ingest;
pub mod jobs;
pub mod learning;
pub mod metrics;
pub mod objects;
pub mod people;
pub mod pipeline;
pub mod score;
pub mod scorer;
pub mod serving;
pub mod shutdown;
pub mod startup;
pub mod statistics;
pub mod store;
pub mod web;
