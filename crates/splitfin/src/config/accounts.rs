//! Who may log in, with what, and which certificates servers are shown.

use super::file::{self, AuthMode, File};
use super::{Certificate, Check, ConfigError};
use splitfin_transport::OwnCertificate;
use std::path::Path;
use std::sync::Arc;

impl Check<'_> {
    pub(super) fn users(&self, file: &File) -> Result<Option<Vec<(String, String)>>, ConfigError> {
        match (&file.auth.mode, file.auth.users.is_empty()) {
            (AuthMode::Database, true) => return Ok(None),
            (AuthMode::Database, false) => {
                return Err(self.wrong(
                    "auth.users",
                    "users are listed with `mode: static` only; else all accounts of the servers may log in",
                ));
            }
            (AuthMode::Static, true) => {
                return Err(self.wrong("auth.users", "with `mode: static`, at least one user is needed"));
            }
            (AuthMode::Static, false) => {}
        }
        let users: Result<_, _> = file
            .auth
            .users
            .iter()
            .enumerate()
            .map(|(at, user)| {
                let key = format!("auth.users[{at}]");
                let password = user.password.as_ref().map(|password| password.text.clone());
                let password =
                    self.password(&key, password, user.password_env.as_deref(), user.password_file.as_deref())?;
                Ok((user.name.0.clone(), password))
            })
            .collect();
        users.map(Some)
    }

    /// A password from exactly one of its possible places.
    pub(super) fn password(
        &self,
        key: &str,
        plain: Option<String>,
        env: Option<&str>,
        file: Option<&Path>,
    ) -> Result<String, ConfigError> {
        match (plain, env, file) {
            (Some(password), None, None) => Ok(password),
            (None, Some(name), None) => std::env::var(name).map_err(|_| {
                self.wrong(format!("{key}.password_env"), format!("the environment variable `{name}` is not set"))
            }),
            (None, None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    self.wrong(format!("{key}.password_file"), format!("{}: {error}", path.display()))
                })?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (None, None, None) => Err(self.wrong(key, "a password is needed (`password: \"\"` for an empty one)")),
            _ => Err(self.wrong(key, "the password is given in more than one way")),
        }
    }

    pub(super) fn certificates(&self, file: &File) -> Result<Arc<[Certificate]>, ConfigError> {
        let mut certificates = Vec::<Certificate>::new();
        for (at, entry) in file.auth.certificates.iter().enumerate() {
            let key = format!("auth.certificates[{at}]");
            let certificate = self.certificate(&key, entry)?;
            let is_twice = |other: &Certificate| match certificate.for_any {
                true => other.for_any,
                false => !other.for_any && other.own.names() == certificate.own.names(),
            };
            if certificates.iter().any(is_twice) {
                return Err(self.wrong(key, "another one is for the same clients already"));
            }
            certificates.push(certificate);
        }
        Ok(certificates.into())
    }

    fn certificate(&self, key: &str, entry: &file::Certificate) -> Result<Certificate, ConfigError> {
        let (Some(cert), Some(private)) = (&entry.cert, &entry.key) else {
            return Err(self.wrong(key, "`cert` and `key` are needed"));
        };
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| self.wrong(key, format!("cannot read {}: {error}", path.display())))
        };
        let own = OwnCertificate::new(&read(cert)?, &read(private)?);
        let own = own.map_err(|error| self.wrong(key, format!("{} and its key: {error}", cert.display())))?;
        Ok(Certificate { own, for_any: entry.shown_for == file::ShownFor::AnyClient })
    }
}
