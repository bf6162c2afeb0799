use super::Failure;
use clap::Args;
mod client;
/// Bench.
#[derive(Debug, Args)]
pub struct Bench {}
impl Bench {
    pub(super) async fn run(self) -> Result<(), Failure> {
        Ok(())
    }
}
