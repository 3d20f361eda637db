//! Who may log in: users of the configuration, or the accounts of the servers.
//!
//! An account of the servers proves itself there: whoever knows its password logs in to a server with it. A password that
//! a server has accepted is remembered, in memory only, so that its client is let in by the fast path the next time; all
//! the same a server is asked again, unless that was a moment ago. What a server refuses is forgotten.

use crate::encryption::Encryption;
use crate::settings::Users;
use crate::worker::Worker;
use splitfin_backend::Account;
use splitfin_protocol::auth::{Secret, native};
use splitfin_protocol::handshake::accept::Known;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Who may log in.
#[derive(Debug, Clone)]
pub enum Accounts {
    /// Those of the configuration.
    Static(Users),
    /// Those of the servers.
    Database(Arc<Vault>),
}

/// What is remembered of the servers' accounts.
pub struct Vault {
    /// Who may look at the account tables: name and password.
    monitor: (String, Zeroizing<Vec<u8>>),
    entries: Mutex<HashMap<Box<str>, Entry>>,
    /// The monitor may not look at mysql.global_priv.
    narrow: Forbidden,
    /// Nor at mysql.user.
    blind: Forbidden,
    /// That the account tables cannot be read was said.
    complained: AtomicBool,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("accounts", &self.entries().len()).finish_non_exhaustive()
    }
}

/// What a server accepted of one account, and when it did last: the password, its hash, or each from another client.
#[derive(Default)]
struct Entry {
    clear: Option<(Secret, Instant)>,
    half: Option<(Secret, Instant)>,
}

impl Entry {
    fn place(&mut self, secret: &Secret) -> &mut Option<(Secret, Instant)> {
        match secret {
            Secret::Clear(_) => &mut self.clear,
            Secret::Half(_) => &mut self.half,
        }
    }

    fn latest(&self) -> Option<Instant> {
        [&self.clear, &self.half].into_iter().flatten().map(|(_, proven)| *proven).max()
    }
}

impl Vault {
    /// Empty. `monitor` is asked for what servers keep of native passwords.
    pub fn new(monitor: (String, Zeroizing<Vec<u8>>)) -> Self {
        Self {
            monitor,
            entries: Mutex::default(),
            narrow: Forbidden::default(),
            blind: Forbidden::default(),
            complained: AtomicBool::new(false),
        }
    }

    /// Whether it asks as this account.
    pub fn asks_as(&self, user: &str, password: &[u8]) -> bool {
        self.monitor.0 == user && *self.monitor.1 == password
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Box<str>, Entry>> {
        // A map is never half changed.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self, user: &str) -> Option<Zeroizing<Vec<u8>>> {
        match self.entries().get(user)?.clear.as_ref()? {
            (Secret::Clear(password), _) => Some(password.clone()),
            (Secret::Half(_), _) => None,
        }
    }

    fn was_just_proven(&self, user: &str, secret: &Secret) -> bool {
        let mut entries = self.entries();
        let known = entries.get_mut(user).and_then(|entry| entry.place(secret).as_ref());
        known.is_some_and(|(known, proven)| known == secret && proven.elapsed() < TRUST)
    }

    fn remember(&self, user: &str, secret: &Secret) {
        let mut entries = self.entries();
        if entries.len() >= MOST && !entries.contains_key(user) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.latest()).map(|(name, _)| name.clone());
            oldest.and_then(|name| entries.remove(&name));
        }
        *entries.entry(user.into()).or_default().place(secret) = Some((secret.clone(), Instant::now()));
    }

    fn forget(&self, user: &str, secret: &Secret) {
        let mut entries = self.entries();
        // A wrong password does not cost anybody the right one.
        if let Some(place) = entries.get_mut(user).map(|entry| entry.place(secret)) {
            place.take_if(|(known, _)| known == secret);
        }
    }
}

/// That the monitor may not look at a table, or that there is none, which need not be found out at each login. It is
/// tried again now and then: rights are given later, too.
#[derive(Default)]
struct Forbidden(Mutex<Option<Instant>>);

impl Forbidden {
    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self) -> bool {
        self.since().is_some_and(|since| since.elapsed() < LOOK_AGAIN)
    }

    /// Takes an error in, and says whether it is of that kind.
    fn note(&self, error: &str) -> bool {
        let is_forbidden = ["error 1142", "error 1146"].iter().any(|code| error.contains(code));
        if is_forbidden {
            *self.since() = Some(Instant::now());
        }
        is_forbidden
    }
}

/// How a client has shown who it is.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) secret: Secret,
    /// A server has to say whether that is right.
    pub(crate) ask_server: bool,
}

impl Accounts {
    /// What is known of a user before a login by `plugin`.
    pub(crate) async fn known(&self, user: &str, plugin: Option<&str>, worker: &Worker) -> Known {
        match self {
            Self::Static(users) => Known::Password(users.password(user)),
            Self::Database(vault) => {
                let is_native = plugin.is_none_or(|plugin| plugin == splitfin_protocol::auth::NATIVE);
                let (stored, complete) =
                    if is_native { stored(vault, user, worker).await } else { (Vec::new(), false) };
                Known::Elsewhere { last: vault.last(user), stored, complete }
            }
        }
    }

    /// The proof that a client gave: a server has to look at it, unless one just did.
    pub(crate) fn proof(&self, user: &str, secret: Secret) -> Proof {
        let ask_server = match self {
            Self::Static(_) => false,
            Self::Database(vault) => !vault.was_just_proven(user, &secret),
        };
        Proof { secret, ask_server }
    }

    /// Whether servers want TLS of an account of this name, as far as the monitor can see that.
    pub(crate) async fn encryption(&self, user: &str, worker: &Worker) -> Encryption {
        match self {
            // The connections that there are know it without a question.
            Self::Static(_) => Encryption::Unknown,
            Self::Database(vault) if vault.blind.holds() => Encryption::Unknown,
            Self::Database(vault) => match encryption(user, worker).await {
                Ok(encryption) => encryption,
                Err(error) => {
                    vault.blind.note(&error);
                    Encryption::Unknown
                }
            },
        }
    }

    /// The same, where the account itself was asked and did not tell.
    pub(crate) async fn encryption_after_all(&self, user: &str, worker: &Worker) -> Encryption {
        match self {
            Self::Static(_) => encryption(user, worker).await.unwrap_or(Encryption::Unknown),
            // The monitor was asked first.
            Self::Database(_) => Encryption::Unknown,
        }
    }

    /// A server has let the account in.
    pub(crate) fn note_right(&self, user: &str, proof: &Proof) {
        if let (Self::Database(vault), true) = (self, proof.ask_server) {
            vault.remember(user, &proof.secret);
        }
    }

    /// A server has refused the account.
    pub(crate) fn note_wrong(&self, user: &str, secret: &Secret) {
        if let Self::Database(vault) = self {
            vault.forget(user, secret);
        }
    }

    /// The password of somebody who was let in with another one: it was changed, and somebody has logged in since.
    pub(crate) fn newer(&self, account: &Account) -> Option<Secret> {
        let Self::Database(vault) = self else { return None };
        let secret = Secret::Clear(vault.last(&account.user)?);
        (secret != account.password).then_some(secret)
    }
}

/// What the monitor sees of accounts of this name.
async fn encryption(user: &str, worker: &Worker) -> Result<Encryption, String> {
    let asked = look_up("COUNT(*)", "mysql.user", user, "ssl_type <> ''", worker);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(count)) => Ok(count.map(|count| count != "0").into()),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(Encryption::Unknown),
    }
}

/// What servers keep of passwords of accounts of this name, for mysql_native_password, and whether that is all there is.
/// Where the monitor may not look, clients are asked for the password itself.
async fn stored(vault: &Vault, user: &str, worker: &Worker) -> (Vec<[u8; 20]>, bool) {
    let natives = |text: &str| text.split(',').filter_map(native::stored).collect();
    // MariaDB's own table knows of accounts with several ways in, which the view for all does not show.
    if !vault.narrow.holds() {
        match tokio::time::timeout(PATIENCE, ask_for_all(user, worker)).await {
            Ok(Ok(text)) => {
                let (others, text) = text.as_deref().and_then(|text| text.split_once(',')).unwrap_or(("1", ""));
                return (natives(text), others == "0");
            }
            Ok(Err(error)) if vault.narrow.note(&error) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "accounts not looked up");
                return (Vec::new(), false);
            }
            Err(_) => return (Vec::new(), false),
        }
    }
    let asked = tokio::time::timeout(PATIENCE, ask_for_stored(user, worker)).await;
    let text = match asked {
        Ok(Ok(text)) => text.unwrap_or_default(),
        Ok(Err(error)) => {
            complain(vault, &error);
            return (Vec::new(), false);
        }
        Err(_) => return (Vec::new(), false),
    };
    (natives(&text), false)
}

/// How many accounts of a name have other ways in, a comma, and what is kept of native passwords.
async fn ask_for_all(user: &str, worker: &Worker) -> Result<Option<String>, String> {
    let native = "COALESCE(JSON_VALUE(Priv, '$.plugin'), '') IN ('mysql_native_password', '')";
    let all = format!(
        "CONCAT(COALESCE(SUM(NOT ({native}) OR JSON_EXISTS(Priv, '$.auth_or')), 0), ',', \
         COALESCE(GROUP_CONCAT(DISTINCT IF({native}, JSON_VALUE(Priv, '$.authentication_string'), NULL)), ''))"
    );
    look_up(&all, "mysql.global_priv", user, "JSON_VALUE(Priv, '$.is_role') IS NULL", worker).await
}

fn complain(vault: &Vault, error: &str) {
    if !vault.complained.swap(true, Ordering::Relaxed) {
        tracing::info!(%error, "the monitor cannot read mysql.user: clients with mysql_native_password are asked for \
            caching_sha2_password, which some old drivers do not know");
    }
}

async fn ask_for_stored(user: &str, worker: &Worker) -> Result<Option<String>, String> {
    let natives = "GROUP_CONCAT(DISTINCT authentication_string)";
    look_up(natives, "mysql.user", user, "plugin IN ('mysql_native_password', '')", worker).await
}

/// Asks for something of the accounts of a name that fulfil a condition.
async fn look_up(
    what: &str,
    table: &str,
    user: &str,
    condition: &str,
    worker: &Worker,
) -> Result<Option<String>, String> {
    let snapshot = worker.topology.snapshot();
    let Some(server) = snapshot.primary.or_else(|| snapshot.fit_replicas().map(|view| view.id).next()) else {
        return Ok(None);
    };
    // As digits, so that no name can be anything but a name.
    let digits: String = user.bytes().map(|byte| format!("{byte:02X}")).collect();
    let from = format!("{table} WHERE User = CONVERT(X'{digits}' USING utf8mb4) AND {condition}");
    let asked = worker.pools.ask_accounts(server, &worker.monitor(), what, &from).await;
    asked.map_err(|error| error.to_string())
}

/// A password that a server accepted so short ago is not proven again.
const TRUST: Duration = Duration::from_secs(1);
/// From one look at a table that was forbidden to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Accounts that are remembered.
const MOST: usize = 10_000;
/// Time to look at the account tables.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn clear(text: &str) -> Secret {
        Secret::Clear(text.as_bytes().to_vec().into())
    }

    #[test]
    fn what_a_server_accepted_is_known_until_a_server_refuses_it() {
        let vault = Arc::new(Vault::new(("monitor".into(), Zeroizing::default())));
        let accounts = Accounts::Database(Arc::clone(&vault));
        let proof = Proof { secret: clear("secret"), ask_server: true };
        accounts.note_right("app", &proof);
        assert_eq!(vault.last("app").as_deref().map(Vec::as_slice), Some(&b"secret"[..]));
        assert!(!accounts.proof("app", clear("secret")).ask_server, "it was proven a moment ago");
        assert!(
            accounts.proof("app", clear("wrong")).ask_server && accounts.proof("other", clear("secret")).ask_server
        );
        let half = Secret::Half(Zeroizing::new([1; 20]));
        assert!(accounts.proof("app", half.clone()).ask_server);
        accounts.note_right("app", &Proof { secret: half.clone(), ask_server: true });
        assert!(!accounts.proof("app", half).ask_server && vault.last("app").is_some());
        accounts.note_wrong("app", &clear("wrong"));
        assert!(vault.last("app").is_some(), "somebody else's wrong password changes nothing");
        accounts.note_wrong("app", &clear("secret"));
        assert!(vault.last("app").is_none());
        assert!(accounts.proof("app", clear("secret")).ask_server);
        assert!(!format!("{vault:?}").contains("secret"));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let vault = Vault::new(("monitor".into(), Zeroizing::default()));
        for number in 0..=MOST {
            vault.remember(&number.to_string(), &clear("x"));
        }
        assert_eq!(vault.entries().len(), MOST);
        assert!(vault.last("0").is_none() && vault.last(&MOST.to_string()).is_some());
    }
}
