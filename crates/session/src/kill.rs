//! KILL: sessions are ended by the ids that clients see; what is no session's is for the primary to answer.

use crate::error::Unserved;
use crate::prepared::Execution;
use crate::registry::{NotKilled, SessionIds, Wish};
use crate::serve::Session;
use splitfin_backend::BackendError;
use splitfin_protocol::CommandByte;
use splitfin_router::{Because, Class, Decision, Kill, KillText, Reason, substitute};
use splitfin_topology::Family;
use std::rc::Rc;

/// How a KILL of a server's own connection is routed.
pub(crate) const KILL_ON_SERVER: Class = Class::Write(Because::Administers);

/// What a KILL came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Killed {
    /// A session was told.
    Session,
    /// No session was meant: the server gets it, in these words if they are not the client's.
    NoSession(Option<Vec<u8>>),
}

impl Session {
    /// Carries out a KILL.
    pub(crate) async fn kill_by(&mut self, text: &[u8]) -> Result<Killed, Unserved> {
        match KillText::parse(text, self.state.lex) {
            KillText::Plain(kill) => self.kill(kill).await,
            KillText::Other | KillText::Parameter { .. } => Ok(Killed::NoSession(None)),
            KillText::Computed { expression, query_only } => {
                let known = substitute(&[b"DO ", expression].concat(), self.state.lex, &self.state.known(self.id));
                let expression = known.as_deref().map_or(expression, |known| &known[3..]);
                let ask = format!("SELECT CAST(({}) AS UNSIGNED)", String::from_utf8_lossy(expression));
                // An error is the server's to tell, of the client's own text.
                let Some(id) = self.ask_primary(&ask).await.and_then(|id| id.parse().ok()) else {
                    return Ok(Killed::NoSession(None));
                };
                match self.kill(Kill { id, query_only }).await? {
                    Killed::NoSession(_) => {
                        let what = if query_only { "QUERY" } else { "CONNECTION" };
                        Ok(Killed::NoSession(Some(format!("KILL {what} {id}").into_bytes())))
                    }
                    killed => Ok(killed),
                }
            }
        }
    }

    /// Carries out a prepared KILL, if it is of a session, which no server could. Nothing, if it is for a server.
    pub(crate) async fn execute_kill(
        &mut self,
        id: u32,
        command: CommandByte,
        body: &[u8],
    ) -> Option<Result<(), Unserved>> {
        let client = self.prepared.get(id).filter(|client| client.is_kill())?;
        let key = Rc::clone(&client.key);
        let killed = match (KillText::parse(&key.sql, self.state.lex), client.parameters) {
            (KillText::Parameter { query_only }, 1) => {
                // What is wrong with it, the execution says.
                let execution = Execution::parse(command, body, 1, self.capabilities).ok()?;
                let known = client.types.as_ref().map(|(_, types)| &**types);
                let Execution::One(execute) = execution else { return None };
                let id = execute.first_as_id(known)?;
                self.kill(Kill { id, query_only }).await
            }
            (_, 0) => self.kill_by(&key.sql).await,
            _ => return None,
        };
        match killed {
            Ok(Killed::Session) => Some(Ok(())),
            Ok(Killed::NoSession(_)) => None,
            Err(unserved) => Some(Err(unserved)),
        }
    }

    /// Ends a session, or what it runs: by the id that clients see. A backend's connections are shared by many sessions,
    /// so that their ids say nothing of who uses them.
    pub(crate) async fn kill(&mut self, kill: Kill) -> Result<Killed, Unserved> {
        let wish = if kill.query_only { Wish::EndStatement } else { Wish::EndSession };
        let Some(id) = u32::try_from(kill.id).ok().filter(|id| SessionIds::are_of_sessions(*id)) else {
            return Ok(Killed::NoSession(None));
        };
        let mut told = self.worker.registry.kill(id, Some(&self.account.user), wish);
        if told == Err(NotKilled::NotOwner) && self.may_administer().await {
            told = self.worker.registry.kill(id, None, wish);
        }
        match told {
            Ok(()) if id == self.id => match (self.worker.topology.snapshot().family, wish) {
                (Some(Family::Mariadb), Wish::EndSession) => Err(Unserved::Killed),
                _ => Err(Unserved::Interrupted),
            },
            Ok(()) => Ok(Killed::Session),
            Err(NotKilled::Unknown) => Err(Unserved::UnknownThread(kill.id)),
            Err(NotKilled::NotOwner) => Err(Unserved::NotOwner(id)),
        }
    }

    /// Whether the account may end other accounts' connections.
    async fn may_administer(&mut self) -> bool {
        self.has_privilege(&["ALL PRIVILEGES", "SUPER", "CONNECTION_ADMIN", "CONNECTION ADMIN"]).await
    }

    /// Whether the account has one of these rights everywhere, by the grants that the primary shows.
    pub(crate) async fn has_privilege(&mut self, any: &[&str]) -> bool {
        let grants = self.ask_primary_all("SHOW GRANTS").await;
        grants.iter().any(|grant| {
            let privileges = grant.strip_prefix("GRANT ").and_then(|rest| rest.split(" ON *.*").next());
            let has = |privileges: &str| privileges.split(',').any(|name| any.contains(&name.trim()));
            grant.contains(" ON *.* TO ") && privileges.is_some_and(has)
        })
    }

    /// The first value that a statement of Splitfin's own gives, run as the client.
    async fn ask_primary(&mut self, sql: &str) -> Option<String> {
        self.ask_primary_all(sql).await.into_iter().next()
    }

    /// The first values of all rows; nothing, if that fails.
    async fn ask_primary_all(&mut self, sql: &str) -> Vec<String> {
        if let Some(lease) = self.binding.lease_mut() {
            return lease.first_values(sql).await.unwrap_or_default();
        }
        let snapshot = self.worker.topology.snapshot();
        let Some(decision) = Decision::on_primary(&snapshot, Reason::Session) else { return Vec::new() };
        let wanted = self.state.wanted(false);
        let Ok(mut lease) = self.check_out(&decision.eligible, &wanted, &snapshot).await else { return Vec::new() };
        let asked: Result<Vec<String>, BackendError> = async {
            lease.apply(&wanted).await?;
            lease.first_values(sql).await
        }
        .await;
        // What the server refused leaves the connection as it was; anything else ends it.
        if matches!(asked, Ok(_) | Err(BackendError::Refused { .. })) {
            self.put_back(lease);
        }
        asked.unwrap_or_default()
    }
}
