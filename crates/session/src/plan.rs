//! From a command to a job: what the statement is, and whether a server has to see it at all.

use crate::error::{SessionError, Unserved};
use crate::execute::{Job, Kind};
use crate::prepared::with_statement_id;
use crate::registry::{NotKilled, Wish};
use crate::reply;
use crate::serve::Session;
use splitfin_backend::{Lease, StatementKey};
use splitfin_protocol::packet::column::ColumnKind;
use splitfin_protocol::packet::stmt_execute::CURSOR_FLAGS;
use splitfin_protocol::packet::{Bound, StmtExecute};
use splitfin_protocol::{CommandByte, Status};
use splitfin_router::{Class, Decision, Hint, Kill, KillError, Own, Pins, Reason, Statement};
use splitfin_transport::Framed;
use std::rc::Rc;

/// What becomes of a text.
pub(crate) enum Planned {
    /// A server runs it.
    Run { statement: Rc<Statement>, hint: Option<Hint> },
    /// The client has its answer.
    Answered,
}

impl Session {
    pub(crate) async fn plan(
        &mut self,
        client: &mut Framed,
        text: &[u8],
    ) -> Result<Result<Planned, Unserved>, SessionError> {
        let (statement, hint) = self.look_up(text);
        match statement.class {
            Class::Own(Own::ShowRoute) => {
                self.show_route(client).await?;
                Ok(Ok(Planned::Answered))
            }
            Class::Own(Own::ShowPosition) => {
                self.show_position(client).await?;
                Ok(Ok(Planned::Answered))
            }
            Class::Own(Own::ConnectionId) => {
                let columns = [("CONNECTION_ID()", ColumnKind::Number, Some(self.id.to_string()))];
                reply::row(client, self.capabilities, self.state.status, &columns).await?;
                Ok(Ok(Planned::Answered))
            }
            Class::Kill => match self.kill_by(text) {
                Ok(()) => {
                    reply::ok(client, 1, self.capabilities, self.state.status).await?;
                    Ok(Ok(Planned::Answered))
                }
                Err(unserved) => Ok(Err(unserved)),
            },
            _ => Ok(Ok(Planned::Run { statement, hint })),
        }
    }

    fn kill_by(&self, text: &[u8]) -> Result<(), Unserved> {
        match Kill::parse(text, self.state.lex) {
            Ok(kill) => self.kill(kill),
            Err(KillError::Unknown(id)) => Err(Unserved::UnknownThread(id)),
            Err(KillError::Unsupported) => Err(Unserved::Unsupported("KILL other than by a plain connection id")),
        }
    }

    /// Ends a session, or what it runs: by the id that clients see. A backend's connection ids are shared by many sessions.
    pub(crate) fn kill(&self, kill: Kill) -> Result<(), Unserved> {
        let wish = if kill.query_only { Wish::EndStatement } else { Wish::EndSession };
        match self.worker.registry.kill(kill.session, &self.account.user, wish) {
            Ok(()) if kill.session == self.id => Err(Unserved::Interrupted),
            Ok(()) => Ok(()),
            Err(NotKilled::Unknown) => Err(Unserved::UnknownThread(kill.session.into())),
            Err(NotKilled::NotOwner) => Err(Unserved::NotOwner(kill.session)),
        }
    }

    fn look_up(&self, text: &[u8]) -> (Rc<Statement>, Option<Hint>) {
        let mut statements = self.worker.statements.borrow_mut();
        let lookup = statements.look_up(text, self.state.lex);
        let hint = lookup.hint.map(|text| {
            let (hint, errors) = Hint::parse(text);
            for error in errors {
                tracing::warn!(session = self.id, %error, "part of a routing hint ignored");
            }
            hint
        });
        (lookup.statement, hint)
    }

    async fn show_route(&self, client: &mut Framed) -> Result<(), SessionError> {
        let last = self.last.as_ref();
        let snapshot = self.worker.topology.snapshot();
        let backend =
            last.and_then(|last| last.backend).and_then(|id| snapshot.backend(id)).map(|view| view.spec.name.clone());
        let columns = [
            ("Backend", ColumnKind::Text, backend),
            ("Reason", ColumnKind::Text, last.map(|last| last.reason.label().to_owned())),
            ("Why", ColumnKind::Text, last.map(|last| last.reason.to_string())),
            ("Time_us", ColumnKind::Number, last.map(|last| last.time.as_micros().to_string())),
            ("Needed", ColumnKind::Text, last.map(|last| last.needed.to_string())),
            (
                "Waited_us",
                ColumnKind::Number,
                last.and_then(|last| last.waited).map(|time| time.as_micros().to_string()),
            ),
            ("Digest", ColumnKind::Text, last.map(|last| last.statement.digest.to_string())),
            ("Statement", ColumnKind::Text, last.map(|last| last.statement.text.to_string())),
        ];
        Ok(reply::row(client, self.capabilities, self.state.status, &columns).await?)
    }

    /// What the session has written and seen, as a text for the hint `after_gtid` of another session, here or elsewhere.
    async fn show_position(&mut self, client: &mut Framed) -> Result<(), SessionError> {
        let snapshot = self.worker.topology.snapshot();
        let scope = self.worker.settings.routing.scope;
        let position = self.consistency.token(scope, &snapshot, &self.worker.metrics);
        let columns = [("Position", ColumnKind::Text, position.map(|position| position.to_string()))];
        Ok(reply::row(client, self.capabilities, self.state.status, &columns).await?)
    }

    pub(crate) fn plan_prepare<'a>(&mut self, packet: &'a [u8], text: &[u8]) -> Result<Job<'a>, Unserved> {
        let (statement, hint) = self.look_up(text);
        if statement.class == Class::Kill {
            return Err(Unserved::Unsupported("KILL"));
        }
        let key = Rc::new(StatementKey {
            sql: text.into(),
            database: self.state.database.clone(),
            values: Rc::clone(&self.state.values),
        });
        let id = self.prepared.next_id();
        Ok(Job { command: CommandByte::StmtPrepare, packet, statement, hint, kind: Kind::Prepare { id, key } })
    }

    pub(crate) fn plan_execute<'a>(&mut self, packet: &'a [u8], id: u32, body: &'a [u8]) -> Result<Job<'a>, Unserved> {
        let Some(client) = self.prepared.get_mut(id) else {
            return Err(Unserved::UnknownStatement { id, command: "mysqld_stmt_execute" });
        };
        let execute = StmtExecute::parse(body, client.parameters)?;
        if let Bound::Types(types) = execute.types {
            client.types = Some(types.into());
        }
        let cursor = execute.flags & CURSOR_FLAGS != 0;
        let (statement, hint) = (Rc::clone(&client.statement), client.hint.clone());
        Ok(Job { command: CommandByte::StmtExecute, packet, statement, hint, kind: Kind::Execute { id, body, cursor } })
    }

    pub(crate) fn plan_reset<'a>(&mut self, packet: &'a [u8], id: u32) -> Result<Option<Job<'a>>, Unserved> {
        if self.prepared.get(id).is_none() {
            return Err(Unserved::UnknownStatement { id, command: "mysqld_stmt_reset" });
        }
        if !self.prepared.open.contains(&id) {
            return Ok(None);
        }
        Ok(self
            .on_held_statement(packet, id)
            .map(|kind| Job { kind, ..Job::command(CommandByte::StmtReset, packet, Class::Session) }))
    }

    pub(crate) fn plan_fetch<'a>(&mut self, packet: &'a [u8], id: u32) -> Result<Job<'a>, Unserved> {
        let unknown = Unserved::UnknownStatement { id, command: "mysqld_stmt_fetch" };
        let kind = self.on_held_statement(packet, id).ok_or(unknown)?;
        Ok(Job { kind, ..Job::command(CommandByte::StmtFetch, packet, Class::Diagnostics) })
    }

    /// The packet for the held connection's own statement.
    fn on_held_statement<'a>(&mut self, packet: &[u8], id: u32) -> Option<Kind<'a>> {
        let key = Rc::clone(&self.prepared.get(id)?.key);
        let lease = self.affinity.lease_mut()?;
        let server_id = lease.prepared_id(&key)?;
        Some(Kind::Rewritten { id, packet: with_statement_id(packet, server_id) })
    }

    /// Pieces of a parameter go to the connection that will execute the statement, which is held from then on. There is
    /// no reply, so what goes wrong here is said when the statement is executed.
    pub(crate) async fn send_long_data(&mut self, packet: &[u8], id: u32) -> Result<(), SessionError> {
        let Some(key) = self.prepared.get(id).map(|client| Rc::clone(&client.key)) else { return Ok(()) };
        let wanted = self.state.wanted(false, false);
        if self.affinity.is_free() {
            let snapshot = self.worker.topology.snapshot();
            let Some(decision) = Decision::on_primary(&snapshot, Reason::Pinned(Pins::LONG_DATA)) else {
                return Ok(());
            };
            let Ok(lease) = self.check_out(&decision.eligible, &wanted, &snapshot).await else { return Ok(()) };
            (self.affinity, _) = crate::affinity::Affinity::hold(lease, false, Pins::LONG_DATA);
        }
        let Some((mut lease, in_transaction, pins)) = self.affinity.take() else { return Ok(()) };
        let sent: Result<(), String> = async {
            let prepared = crate::prepared::ensure_prepared(&mut lease, &key, &wanted).await;
            let server_id = prepared.map_err(|failure| format!("{failure:?}"))?;
            lease.framed().write(&with_statement_id(packet, server_id)).await.map_err(|error| error.to_string())
        }
        .await;
        match sent {
            Ok(()) => {
                self.note_open(id, true);
                (self.affinity, _) = crate::affinity::Affinity::hold(lease, in_transaction, pins | Pins::LONG_DATA);
                Ok(())
            }
            Err(error) => Err(SessionError::HeldConnectionLost(error)),
        }
    }

    pub(crate) fn note_open(&mut self, id: u32, open: bool) {
        self.prepared.open.retain(|known| *known != id);
        if open {
            self.prepared.open.push(id);
        }
    }

    /// The client forgets a statement. Connections keep theirs for whoever prepares the same text next, unless a cursor
    /// or pieces of parameters hang on it.
    pub(crate) async fn close_statement(&mut self, id: u32) {
        let Some(client) = self.prepared.remove(id) else { return };
        if !self.prepared.open.contains(&id) {
            return;
        }
        self.note_open(id, false);
        let Some((mut lease, in_transaction, pins)) = self.affinity.take() else { return };
        if let Some(close) = lease.forget_prepared(&client.key)
            && lease.framed().write(&close).await.is_err()
        {
            return;
        }
        let pins = if self.prepared.open.is_empty() { pins - (Pins::CURSOR | Pins::LONG_DATA) } else { pins };
        let (affinity, released) = crate::affinity::Affinity::hold(lease, in_transaction, pins);
        self.affinity = affinity;
        if let Some(lease) = released {
            self.put_back(lease);
        }
    }

    /// Gives a connection at rest back to the pool, or keeps it for this session.
    pub(crate) fn put_back(&mut self, lease: Lease) {
        match self.worker.settings.pool_mode {
            crate::PoolMode::Transaction => lease.release(),
            crate::PoolMode::Session => self.kept.push(lease),
        }
    }

    /// Whether the last status says that a transaction is open.
    pub(crate) const fn in_transaction(&self) -> bool {
        self.state.status.contains(Status::IN_TRANS)
    }
}
