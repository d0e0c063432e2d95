//! The `chronograde` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    chronograde::cli::main()
}
