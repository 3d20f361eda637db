//! What an operator is told at the start, because a configuration that works can be less safe than it looks.

use crate::config::{Backend, Config};
use splitfin_protocol::handshake::connect::TlsWish;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Says it all, but what was said of the configuration before.
pub(crate) fn say(config: &Config, before: Option<&Config>) {
    let known = before.map(unverified).unwrap_or_default();
    for (name, address) in unverified(config).into_iter().filter(|server| !known.contains(server)) {
        tracing::warn!(
            backend = %name,
            %address,
            "who stands in between can pose as this server, or do without TLS, and read passwords and data: set `tls.fingerprint`, or \
             `tls.ca` with `mode: required`; or `mode: disabled`, if the network is trusted"
        );
    }
    let known = before.map(|before| readable_by_others(&before.secrets)).unwrap_or_default();
    for path in readable_by_others(&config.secrets).into_iter().filter(|path| !known.contains(path)) {
        tracing::warn!(path = %path.display(), "others can read or change this file, which holds a password or a key: chmod 600");
    }
}

/// Name and address of the servers beyond this machine that anybody could pose as.
fn unverified(config: &Config) -> Vec<(String, String)> {
    let listed = config.backends.iter().map(|backend| (backend, backend.spec.address.clone()));
    let found = config.discovery.names.iter().map(|name| (&name.like, name.dns.clone()));
    let servers = listed.chain(found).filter(|(server, address)| is_open_to_posers(server) && !is_here(address));
    servers.map(|(server, address)| (server.spec.name.clone(), address)).collect()
}

fn is_open_to_posers(server: &Backend) -> bool {
    match server.tls.wish {
        TlsWish::Disabled => false,
        // Whatever certificate is asked for: it is done without.
        TlsWish::Preferred => true,
        TlsWish::Required => server.tls.ca.is_none() && server.tls.fingerprint.is_none(),
    }
}

/// Whether an address is one that nobody stands in front of.
fn is_here(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    address.starts_with("unix:") || host == "localhost" || is_loopback
}

fn readable_by_others(files: &[PathBuf]) -> Vec<PathBuf> {
    files.iter().filter(|path| is_open(path)).cloned().collect()
}

/// Whether somebody besides owner and group may read or write it. A file that is not there, or may not be looked at, is
/// somebody else's error.
fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & OTHERS != 0)
}

/// To read or write, for others.
const OTHERS: u32 = 0o006;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path, backends: &str, monitor: &str) -> Config {
        let path = folder.join("splitfin.yaml");
        let text = format!(
            "listen: [{{ address: \"127.0.0.1:0\" }}]\nbackends: [{backends}]\nmonitor: {{ user: monitor, {monitor} }}\n\
             state_dir: {}\n",
            folder.display()
        );
        std::fs::write(&path, text).unwrap();
        Config::load(&path).unwrap()
    }

    #[test]
    fn servers_that_anybody_could_pose_as_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let fingerprint = "ab".repeat(32);
        let backends = format!(
            "{{ name: a, address: \"10.0.0.1:3306\" }}, {{ name: b, address: \"127.0.0.1:3306\" }}, \
             {{ name: c, address: \"unix:/run/x\" }}, {{ name: d, address: \"[::1]:3306\" }}, \
             {{ name: e, address: \"db:3306\", tls: {{ mode: required }} }}, \
             {{ name: f, address: \"db:3307\", tls: {{ mode: required, ca: /ca.pem }} }}, \
             {{ name: g, address: \"db:3308\", tls: {{ mode: disabled }} }}, {{ name: h, dns: \"dbs:3306\" }}, \
             {{ name: i, address: \"db:3309\", tls: {{ fingerprint: {fingerprint} }} }}, \
             {{ name: j, address: \"db:3310\", tls: {{ ca: /ca.pem }} }}"
        );
        let config = config(folder.path(), &backends, "password: x");
        let names: Vec<_> = unverified(&config).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "e", "j", "h"]);
    }

    #[test]
    fn files_with_secrets_that_others_can_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let open = |monitor: &str, mode: u32| {
            let config = config(folder.path(), "{ name: a, address: \"127.0.0.1:3306\" }", monitor);
            std::fs::set_permissions(folder.path().join("splitfin.yaml"), std::fs::Permissions::from_mode(mode))
                .unwrap();
            let open = readable_by_others(&config.secrets).into_iter();
            open.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let of_file = format!("password_file: {}", file("password", 0o640).display());
        assert!(open(&of_file, 0o644).is_empty(), "no password in the configuration, and the group may read the file");
        assert_eq!(open("password: x", 0o644), ["splitfin.yaml"]);
        assert!(open("password: x", 0o600).is_empty());
        assert!(open("password: \"${HOME}\"", 0o644).is_empty(), "it is in the environment");
        assert_eq!(open("password: \"${SPLITFIN_NOT_SET:-x}\"", 0o644), ["splitfin.yaml"]);
        assert!(open("password: \"\"", 0o644).is_empty());
        file("password", 0o604);
        file("key.pem", 0o644);
        assert_eq!(open(&of_file, 0o644), ["key.pem", "password"]);
    }
}
