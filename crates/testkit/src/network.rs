//! A network that can be cut: a namespace of the kernel's, with one link to the namespace that the caller is in.

use crate::error::Error;
use crate::wait::eventually;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A network namespace that a server can run in. It is gone, and the link with it, when this is dropped.
///
/// The caller needs the right to make links (CAP_NET_ADMIN) in its own namespace.
#[derive(Debug)]
pub struct Network {
    /// Keeps the namespace alive.
    holder: Child,
}

impl Network {
    /// This end of the link.
    pub const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    /// The end of the link within the network.
    pub const THERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

    /// Makes a namespace and links it. There can be one for each namespace that callers are in.
    pub async fn new() -> Result<Self, Error> {
        let mut command = Command::new("unshare");
        command.args(["--net", "--kill-child", "sleep", "infinity"]).stdin(Stdio::null());
        let network = Self { holder: command.spawn().map_err(Error::io("unshare"))? };
        let here = std::fs::read_link("/proc/self/ns/net").map_err(Error::io("a namespace"))?;
        eventually("a network namespace", Duration::from_secs(10), async || {
            match std::fs::read_link(format!("/proc/{}/ns/net", network.pid())) {
                Ok(there) if there != here => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        let pid = network.pid().to_string();
        run("ip", &["link", "add", LINK, "type", "veth", "peer", "name", PEER, "netns", &pid])?;
        run("ip", &["address", "add", &format!("{}/30", Self::HERE), "dev", LINK])?;
        run("ip", &["link", "set", LINK, "up"])?;
        network.ip(&["address", "add", &format!("{}/30", Self::THERE), "dev", PEER])?;
        network.ip(&["link", "set", "lo", "up"])?;
        network.mend()?;
        Ok(network)
    }

    /// Pulls the plug: what is sent is lost, in both directions, and nobody is told.
    pub fn cut(&self) -> Result<(), Error> {
        self.ip(&["link", "set", PEER, "down"])
    }

    /// Puts it back.
    pub fn mend(&self) -> Result<(), Error> {
        self.ip(&["link", "set", PEER, "up"])
    }

    /// A process that is in this network.
    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    fn ip(&self, arguments: &[&str]) -> Result<(), Error> {
        let pid = self.pid().to_string();
        let enter = ["--target", &pid, "--net", "ip"];
        run("nsenter", &[&enter[..], arguments].concat())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new(program).args(arguments).output().map_err(Error::io(program))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::Failed {
            what: format!("{program} {}", arguments.join(" ")),
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}

const LINK: &str = "splitfin-here";
const PEER: &str = "splitfin-there";
