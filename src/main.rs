//! The program: see [`gpubourse::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gpubourse::cli::run()
}
