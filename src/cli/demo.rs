use super::Failure;
use clap::Args;
/// Demo.
#[derive(Debug, Args)]
pub struct Demo {}
impl Demo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        Ok(())
    }
}
