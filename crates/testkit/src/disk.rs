//! A disk of its own for a server, that can be full.

use crate::error::Error;
use crate::network::run;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A file system that is as large as it says, and not larger.
///
/// The caller needs the right to mount (CAP_SYS_ADMIN) in its own mount namespace.
#[derive(Debug)]
pub struct Disk {
    place: TempDir,
}

impl Disk {
    /// Makes one of so many MiB.
    pub fn new(mebibytes: u32) -> Result<Self, Error> {
        let place = tempfile::Builder::new().prefix("splitfin-disk-").tempdir().map_err(Error::io("a mount point"))?;
        let path = place.path().display().to_string();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "splitfin", &path])?;
        Ok(Self { place })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Leaves no byte free.
    pub fn fill(&self) -> Result<(), Error> {
        let mut file = File::create(self.ballast()).map_err(Error::io("ballast"))?;
        let mut block = vec![1; 1 << 20];
        while !block.is_empty() {
            match file.write(&block) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => block.truncate(block.len() / 2),
                Err(error) => return Err(Error::io("ballast")(error)),
            }
        }
        Ok(())
    }

    /// Gives the room back.
    pub fn free(&self) -> Result<(), Error> {
        std::fs::remove_file(self.ballast()).map_err(Error::io("ballast"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server may still have files open there.
        let _ = run("umount", &["--lazy", &self.path().display().to_string()]);
    }
}
