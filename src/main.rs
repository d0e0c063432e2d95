//! The `chronograde` program.

fn main() {}
