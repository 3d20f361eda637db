//! Which files hold what nobody else may read.

use super::Check;
use super::file::{File, TlsMode};
use std::path::{Path, PathBuf};

impl Check<'_> {
    /// Files with passwords or keys: those that the configuration names, and itself if a password stands in it.
    pub(super) fn secrets(&self, file: &File, state_dir: &Path) -> Vec<PathBuf> {
        let accounts = || [&file.failover.account, &file.failover.replication].into_iter().flatten();
        let users = &file.auth.users;
        let passwords = [&file.monitor.password].into_iter().chain(accounts().map(|account| &account.password));
        let mut passwords = passwords.chain(users.iter().map(|user| &user.password)).flatten();
        let itself = passwords.any(|password| password.is_in_file).then(|| PathBuf::from(self.name));
        let of_accounts = accounts().filter_map(|account| account.password_file.clone());
        let of_users = users.iter().filter_map(|user| user.password_file.clone());
        let keys = file.auth.certificates.iter().filter_map(|certificate| certificate.key.clone());
        let encrypted = file.listen.iter().filter(|listen| listen.tls.mode != TlsMode::Disabled);
        let of_listeners = encrypted.map(|listen| listen.tls.key.clone().unwrap_or_else(|| state_dir.join("key.pem")));
        let files = itself.into_iter().chain(file.monitor.password_file.clone()).chain(of_accounts).chain(of_users);
        let mut files: Vec<PathBuf> = files.chain(keys).chain(of_listeners).collect();
        files.sort();
        files.dedup();
        files
    }
}
