//! The program: see [`gpubourse::cli`].

use std::process::ExitCode;

/// Batches make and drop many small things, on other threads than those that made them; this allocator is made for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gpubourse::cli::run()
}
