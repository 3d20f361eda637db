//! The question at each login: what the primary has counted of changes to accounts and databases.

use crate::connection::Connection;
use crate::error::BackendError;
use crate::login::{Account, open};
use crate::pools::Pools;
use crate::rights::Counted;
use splitfin_topology::{BackendId, BackendView, COUNT_RIGHTS, Family, Position, Snapshot, Trouble};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A connection that is asked over and nothing else, beside those that are counted: what sessions have set or have open does
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
        let kept = asker
            .connection
            .take()
            .filter(|(at, as_whom, connection)| *at == primary && as_whom == account && connection.is_usable());
        let mut connection = match kept {
            Some((.., connection)) => connection,
            None => self.open_asker(primary, account).await?,
        };
        let (family, position) = match snapshot.family {
            Some(Family::Mysql) => (Family::Mysql, "SELECT @@global.gtid_executed"),
            _ => (Family::Mariadb, "SELECT @@gtid_current_pos"),
        };
        let sent = Instant::now();
        let [rows, place] = connection.all_rows([COUNT_RIGHTS, position]).await?;
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

    async fn open_asker(&self, primary: BackendId, account: &Account) -> Result<Box<Connection>, BackendError> {
        let target = self.common().backends.get(primary);
        let target = target.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
        open(target, account, None, &[], PATIENCE).await.map(Box::new)
    }

    /// An account or a database was changed on the primary, which is behind `position` now.
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

/// Time for the question.
const PATIENCE: Duration = Duration::from_secs(2);
