//! Finding out how many GPUs are up.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a running probe is looked at.
const POLL: Duration = Duration::from_millis(20);
/// What is read of a probe's output.
const OUTPUT_BYTES_MAX: u64 = 64;

/// Finds out how many GPUs are up.
pub trait Probe {
    /// Returns how many are up now.
    fn gpus_up(&mut self) -> u32;
}

/// A shell command that prints a whole number.
///
/// No GPU is up if it fails, takes too long or prints something else: whoever cannot tell cannot sell.
#[derive(Debug)]
pub struct CommandProbe {
    /// The command.
    pub command: String,
    /// How long it may take.
    pub timeout: Duration,
    /// Where its output goes. Not a pipe, which something left running in the background would keep open.
    pub output: PathBuf,
}

impl Probe for CommandProbe {
    fn gpus_up(&mut self) -> u32 {
        self.run().unwrap_or_else(|why| {
            tracing::warn!(command = self.command, why, "the probe says nothing: no GPU counts as up");
            0
        })
    }
}

impl CommandProbe {
    fn run(&self) -> Result<u32, String> {
        let said = |error: std::io::Error| error.to_string();
        let output = File::create(&self.output).map_err(said)?;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(&self.command).stdin(Stdio::null()).stdout(output).stderr(Stdio::inherit());
        let mut child = shell.spawn().map_err(said)?;
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(said)? {
                break status;
            }
            if begun.elapsed() > self.timeout {
                child.kill().and_then(|()| child.wait()).map_err(said)?;
                return Err(format!("no answer within {} s", self.timeout.as_secs()));
            }
            std::thread::sleep(POLL);
        };
        if !status.success() {
            return Err(status.to_string());
        }
        let mut text = String::new();
        File::open(&self.output).map_err(said)?.take(OUTPUT_BYTES_MAX).read_to_string(&mut text).map_err(said)?;
        text.trim().parse().map_err(|_| format!("{:?} is not a number of GPUs", text.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_cannot_tell_counts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let probe = |command: &str, timeout_ms| CommandProbe {
            command: command.to_owned(),
            timeout: Duration::from_millis(timeout_ms),
            output: folder.path().join("probe"),
        };
        let patient = 60_000;
        assert_eq!(probe("echo 8", patient).run(), Ok(8));
        assert_eq!(probe("printf 'a\\nb\\n' | wc -l", patient).run(), Ok(2));
        for (command, timeout_ms, why) in [
            ("echo eight", patient, "not a number"),
            ("echo -1", patient, "not a number"),
            ("echo 8; exit 3", patient, "exit status: 3"),
            ("true", patient, "not a number"),
            ("sleep 600", 0, "no answer"),
        ] {
            let mut probe = probe(command, timeout_ms);
            assert!(probe.run().unwrap_err().contains(why), "{command}");
            assert_eq!(probe.gpus_up(), 0);
        }
    }
}
