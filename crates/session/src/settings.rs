//! What the configuration says of sessions.

use splitfin_protocol::auth::Secret;
use splitfin_router::Settings as Routing;
use splitfin_transport::{CertificateNames, RsaKey};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// When a connection goes back to the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PoolMode {
    /// As soon as nothing holds it: after each statement, or after a transaction.
    #[default]
    Transaction,
    /// When the client leaves.
    Session,
}

/// Who may log in, and with what.
#[derive(Default, Clone)]
pub struct Users {
    passwords: Arc<HashMap<String, Zeroizing<Vec<u8>>>>,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.passwords.keys()).finish()
    }
}

impl Users {
    /// From names and passwords.
    pub fn new(users: impl IntoIterator<Item = (String, Zeroizing<Vec<u8>>)>) -> Self {
        Self { passwords: Arc::new(users.into_iter().collect()) }
    }

    /// The password of a user.
    pub fn password(&self, user: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.passwords.get(user).cloned()
    }
}

/// Which certificates servers are shown, and for whom: only for clients that have shown one themselves. What a server
/// wants of an account (REQUIRE X509, SUBJECT, ISSUER) it then sees fulfilled here exactly where the client fulfils it.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// For clients whose certificate has these names.
    pub by_names: Vec<(CertificateNames, [u8; 32])>,
    /// For all others that have shown one, and for the monitor.
    pub own: Option<[u8; 32]>,
}

impl Certificates {
    /// For a client with this certificate.
    pub fn for_client(&self, client: Option<&CertificateNames>) -> Option<[u8; 32]> {
        let client = client?;
        let same = self.by_names.iter().find(|(names, _)| names == client);
        same.map(|(_, fingerprint)| *fingerprint).or(self.own)
    }
}

/// What the configuration says of sessions; the same for all of them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may log in.
    pub accounts: crate::Accounts,
    /// Name and password of the monitor's account, as which servers are asked about changes of accounts.
    pub monitor: (String, Secret),
    /// Certificates for servers.
    pub certificates: Arc<Certificates>,
    /// Whether any server is told where a client is.
    pub introduces: bool,
    /// What slows failed logins down.
    pub brake: Arc<crate::Brake>,
    /// Logins that are not finished.
    pub logins: Arc<crate::Logins>,
    /// Key for passwords that come without TLS.
    pub rsa: Arc<RsaKey>,
    /// Rules and mode.
    pub routing: Arc<Routing>,
    /// How reads come to see writes.
    pub consistency: crate::ConsistencySettings,
    /// When connections go back.
    pub pool_mode: PoolMode,
    /// Time for a login, from the first byte to the last.
    pub login_timeout: Duration,
    /// Memory for commands and prepared statements of all sessions.
    pub budget: Arc<crate::Budget>,
    /// Time for a client to go on inside of a command; one that does not is sent away.
    pub read_timeout: Duration,
    /// Time for a client to take each piece of a reply; one that takes none is sent away.
    pub write_timeout: Duration,
    /// A client that is silent for longer is sent away.
    pub idle_timeout: Duration,
    /// Sessions of one account at a time, over all workers; 0 is no limit.
    pub clients_per_user: usize,
    /// How long a write waits for a primary.
    pub hold: Duration,
    /// The longest command, in bytes; 0 is what the primary takes.
    pub max_packet: usize,
    /// A statement that takes longer is logged even when others are not.
    pub slow: Duration,
}
