//! What people do, in a real browser with the real program: from the first start on.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod browser;
mod judging;
mod pictures;
mod proxy;
mod service;
mod threshold;
mod walk;
