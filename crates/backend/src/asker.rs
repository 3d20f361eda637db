//! The questions at each login: what the primary has counted of changes to accounts and databases, and what it knows of the
//! account.

use crate::connection::Connection;
use crate::error::BackendError;
use crate::login::{Account, open};
use crate::pools::Pools;
use crate::question::select;
use crate::rights::Counted;
use splitfin_topology::{BackendId, BackendView, COUNT_RIGHTS, Family, Position, Snapshot, Trouble};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A connection that is asked over and nothing else, besides those that are counted: what sessions have set or have open does
/// not change the answer.
#[derive(Debug, Default)]
pub(crate) struct Asker {
    connection: Option<(BackendId, Rc<Account>, Box<Connection>)>,
    /// When the last question was sent that was answered.
    sent: Option<Instant>,
}

/// What was learned by asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// All changes up to the question are known.
    Certain,
    /// The primary did not answer.
    Unknown,
}

impl Pools {
    /// Makes sure that all changes are known that were complete when this was called. One question serves all who came before
    /// it was sent.
    pub async fn ask_rights(&self, account: &Rc<Account>, snapshot: &Snapshot) -> Certainty {
        let came = Instant::now();
        let asked = tokio::time::timeout(PATIENCE, async {
            let mut asker = self.asker.lock().await;
            if asker.sent.is_some_and(|sent| sent >= came) {
                return Ok(true);
            }
            self.ask(&mut asker, account, snapshot).await
        });
        match asked.await {
            Ok(Ok(true)) => Certainty::Certain,
            // It is there, and cannot say.
            Ok(Ok(false)) => {
                self.common().backends.rights.unknown(Instant::now());
                Certainty::Certain
            }
            Ok(Err(error)) if !error.is_servers_fault() && !matches!(error, BackendError::Exhausted { .. }) => {
                tracing::debug!(%error, "what the primary has counted is not known");
                self.common().backends.rights.unknown(Instant::now());
                Certainty::Certain
            }
            Ok(Err(_)) | Err(_) => Certainty::Unknown,
        }
    }

    /// Asks. False, if there is no answer to be had there.
    async fn ask(&self, asker: &mut Asker, account: &Rc<Account>, snapshot: &Snapshot) -> Result<bool, BackendError> {
        let Some(primary) = snapshot.primary else {
            return Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into());
        };
        let mut connection = self.take_asker(asker, primary, account).await?;
        let (family, position) = match snapshot.family {
            Some(Family::Mysql) => (Family::Mysql, "@@global.gtid_executed"),
            _ => (Family::Mariadb, "@@gtid_current_pos"),
        };
        let sent = Instant::now();
        let [rows, place] = connection.all_rows([COUNT_RIGHTS, &select([position])]).await?;
        let place = place.into_iter().next().and_then(|row| row.into_iter().next()).flatten().unwrap_or_default();
        let place = Position::parse(family, &place).unwrap_or_default();
        asker.connection = Some((primary, Rc::clone(account), connection));
        let Some(counted) = Counted::of(&rows) else { return Ok(false) };
        let before = self.rights_now();
        self.common().backends.rights.counted(primary, counted, place, sent);
        asker.sent = Some(sent);
        if self.rights_now() != before {
            self.look_at_replicas(snapshot);
        }
        Ok(true)
    }

    /// Asks a server for the first row of a table of accounts. Whoever the server refuses that may ask again.
    pub async fn ask_accounts(
        &self,
        server: BackendId,
        account: &Rc<Account>,
        column: &str,
        rest: &str,
    ) -> Result<Option<String>, BackendError> {
        let mut asker = self.asker.lock().await;
        let mut connection = self.take_asker(&mut asker, server, account).await?;
        let found = connection.rows(&[column], rest).await;
        if matches!(found, Ok(_) | Err(BackendError::Refused { .. })) {
            asker.connection = Some((server, Rc::clone(account), connection));
        }
        Ok(found?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// The connection to ask over. Whoever does not put it back closes it.
    async fn take_asker(
        &self,
        asker: &mut Asker,
        server: BackendId,
        account: &Rc<Account>,
    ) -> Result<Box<Connection>, BackendError> {
        let kept = asker.connection.take();
        match kept.filter(|(at, as_whom, kept)| *at == server && as_whom == account && kept.is_usable()) {
            Some((.., connection)) => Ok(connection),
            None => self.open_asker(server, account).await,
        }
    }

    async fn open_asker(&self, primary: BackendId, account: &Account) -> Result<Box<Connection>, BackendError> {
        let target = self.common().backends.get(primary);
        let target = target.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
        let known = self.catalogue(primary);
        let mut connection = open(target, account, None, &self.common().tracked, known, PATIENCE).await?;
        connection.run(UNLIMITED).await?;
        Ok(Box::new(connection))
    }

    /// An account or a database was changed on the primary, which is at `position` by now.
    pub fn rights_changed(&self, position: Position, snapshot: &Snapshot) {
        self.common().backends.rights.changed(position, Instant::now());
        self.look_at_replicas(snapshot);
    }

    /// The newest generation of rights.
    pub fn rights_now(&self) -> u64 {
        self.common().backends.rights.now()
    }

    /// The generation that a connection to a server would have.
    pub fn rights_of(&self, backend: BackendId, snapshot: &Snapshot) -> u64 {
        if snapshot.primary == Some(backend) {
            return self.rights_now();
        }
        let view: Option<&BackendView> = snapshot.backend(backend);
        view.map_or(0, |view| self.of_replicas().borrow_mut().of(&self.common().backends, view, snapshot.epoch))
    }

    /// They have the change soon; that they have it, a probe tells.
    fn look_at_replicas(&self, snapshot: &Snapshot) {
        for view in snapshot.fit_replicas() {
            self.common().alarm.raise(view.id, Trouble::Suspect);
        }
    }

    /// Closes the connection that is asked over, if nobody has logged in for long.
    pub(crate) fn rest_asker(&self, now: Instant, limit: Duration) {
        if let Ok(mut asker) = self.asker.try_lock()
            && asker.sent.is_none_or(|sent| now.saturating_duration_since(sent) >= limit)
            && let Some((.., connection)) = asker.connection.take()
        {
            connection.quit();
        }
    }
}

/// Whatever a server gives its sessions to begin with: all counters are seen, no list of names is cut off, and no transaction
/// stays open, which would look at old accounts.
const UNLIMITED: &str = "SET @@session.sql_select_limit=18446744073709551615,@@session.sql_big_selects=1,\
    @@session.autocommit=1,@@session.group_concat_max_len=1048576";
/// Time for the question.
const PATIENCE: Duration = Duration::from_secs(2);
