//! The program itself, as a service.

use crate::{PATIENCE, eventually};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The program, as it was built with this test, or the one that SPLITFIN_PROGRAM names: to measure one of a release.
pub fn program() -> PathBuf {
    std::env::var_os("SPLITFIN_PROGRAM").map_or_else(|| crate::drivers::built("splitfin"), PathBuf::from)
}

/// A process that is ended with this, however the test ends.
#[derive(Debug)]
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it, with its log in a file of this folder.
    pub fn start(mut command: Command, folder: &Path) -> std::io::Result<Self> {
        let log = folder.join("log");
        let file = std::fs::File::create(&log)?;
        let child = command.stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Self { child, log })
    }

    /// Starts it with an output that nobody reads but who takes it from here.
    pub fn start_unread(mut command: Command) -> std::io::Result<(Self, Option<ChildStdout>)> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let output = child.stdout.take();
        Ok((Self { child, log: PathBuf::new() }, output))
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) -> std::io::Result<()> {
        Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().map(drop)
    }

    /// What it takes of the machine now.
    pub fn usage(&self) -> std::io::Result<Usage> {
        let folder = Path::new("/proc").join(self.child.id().to_string());
        let status = std::fs::read_to_string(folder.join("status"))?;
        let figure = |name: &str| -> std::io::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let number = line.split_whitespace().next().and_then(|number| number.parse().ok());
            number.ok_or_else(|| std::io::Error::other(format!("no {name} in {status}")))
        };
        let descriptors = match std::fs::read_dir(folder.join("fd")) {
            Ok(list) => Some(list.count() as u64),
            // The program is closed to other processes of its user.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => None,
            Err(error) => return Err(error),
        };
        Ok(Usage { resident: figure("VmRSS:")? * 1024, threads: figure("Threads:")?, descriptors })
    }

    /// What it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it has said this.
    pub async fn until_said(&self, what: &str) -> Result<(), Box<dyn std::error::Error>> {
        self.until_said_times(what, 1).await
    }

    /// Waits until it has said this so many times.
    pub async fn until_said_times(&self, what: &str, times: usize) -> Result<(), Box<dyn std::error::Error>> {
        eventually(&format!("it says `{what}`"), PATIENCE, async || {
            let log = self.log();
            if log.matches(what).count() >= times { Ok(()) } else { Err(log) }
        })
        .await?;
        Ok(())
    }

    /// Waits for its end, and gives its exit code.
    pub async fn ended(&mut self) -> Result<Option<i32>, Box<dyn std::error::Error>> {
        let child = &mut self.child;
        let status = eventually("it ends", PATIENCE, async || match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        })
        .await?;
        Ok(status.code())
    }
}

/// What a process takes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors; only root can count them.
    pub descriptors: Option<u64>,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
