//! Certificates, made by openssl.

use std::path::Path;

/// An authority, and a certificate of it for this machine.
pub fn authority(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n")?;
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 2 -subj /CN=authority")?;
    certificate(folder, "server", "cert.pem", "key.pem")
}

/// A certificate of the authority in `folder`.
pub fn certificate(folder: &Path, name: &str, cert: &str, key: &str) -> Result<(), Box<dyn std::error::Error>> {
    openssl(folder, &format!("req -newkey rsa:2048 -nodes -keyout {key} -out request.pem -subj /CN={name}"))?;
    let sign = "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile names -out";
    openssl(folder, &format!("{sign} {cert}"))
}

fn openssl(folder: &Path, arguments: &str) -> Result<(), Box<dyn std::error::Error>> {
    let made = std::process::Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output()?;
    assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

/// What has a server use the certificate of the authority in `folder`.
pub fn server_arguments(folder: &Path) -> [String; 3] {
    let file = |option: &str, name: &str| format!("--ssl-{option}={}", folder.join(name).display());
    [file("ca", "ca.pem"), file("cert", "cert.pem"), file("key", "key.pem")]
}
