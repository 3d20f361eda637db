//! From a command to a job: what the statement is, and whether a server has to see it at all.

use crate::binding::{Binding, Held};
use crate::error::{SessionError, Unserved};
use crate::job::{Job, Kind};
use crate::kill::{KILL_ON_SERVER, Killed};
use crate::prepared::{Execution, with_statement_id};
use crate::process_list::lists_connections;
use crate::reply;
use crate::serve::Session;
use splitfin_backend::{Lease, StatementKey};
use splitfin_protocol::packet::Bound;
use splitfin_protocol::packet::column::ColumnKind;
use splitfin_protocol::{Command, CommandByte, Status};
use splitfin_router::conditions::Conditions;
use splitfin_router::{
    Asks, Because, Class, Decision, Hint, Kill, Known, LongText, Lookup, Own, Pins, Reason, Statement, substitute,
};
use splitfin_topology::Family;
use splitfin_transport::Framed;
use std::rc::Rc;

/// What becomes of a text.
pub(crate) enum Planned {
    /// A server runs it.
    Run { statement: Rc<Statement>, hint: Option<Hint>, text: Option<Vec<u8>> },
    /// The client has its answer.
    Answered,
}

impl Session {
    pub(crate) async fn plan(
        &mut self,
        client: &mut Framed,
        text: &[u8],
    ) -> Result<Result<Planned, Unserved>, SessionError> {
        let (statement, hint) = self.look_up(text).await;
        match statement.class {
            Class::Own(Own::ShowRoute) => {
                self.show_route(client).await?;
                Ok(Ok(Planned::Answered))
            }
            Class::Own(Own::ShowPosition) => {
                self.show_position(client).await?;
                Ok(Ok(Planned::Answered))
            }
            Class::Kill => match self.kill_by(text).await {
                Ok(Killed::Session) => {
                    reply::ok(client, self.sequence, self.capabilities, self.state.status, &[]).await?;
                    Ok(Ok(Planned::Answered))
                }
                Ok(Killed::NoSession(text)) => {
                    let statement = Rc::new(statement.taken_for(KILL_ON_SERVER));
                    Ok(Ok(Planned::Run { statement, hint, text }))
                }
                Err(unserved) => Ok(Err(unserved)),
            },
            _ => match self.with_own_values(&statement, text).await {
                Ok(text) => Ok(Ok(Planned::Run { statement, hint, text })),
                Err(unserved) => Ok(Err(unserved)),
            },
        }
    }

    /// The text with what the session knows better than a shared connection, if it asks for that.
    async fn with_own_values(&mut self, statement: &Statement, text: &[u8]) -> Result<Option<Vec<u8>>, Unserved> {
        let is_short = text.len() <= LONGEST_REWRITTEN;
        let with_threads = if is_short && lists_connections(statement) { self.with_threads(text) } else { None };
        // Ours in between have counted their own rows.
        let asks_rows = statement.asks.contains(Asks::ROW_COUNT);
        if self.asks_conditions(statement) && (statement.class != Class::Diagnostics || asks_rows) {
            // It does not have to run where they are. If they are lost, so is the connection, which the statement will say.
            let _ = self.keep_conditions().await;
        }
        let puts_in = statement.asks.intersects(Asks::OWN_VALUES | Asks::CONDITION_COUNTS);
        if text.len() > LONGEST_REWRITTEN {
            return match puts_in || self.conditions_for(statement).is_some() {
                true => Err(Unserved::TooLongToRewrite { length: text.len(), most: LONGEST_REWRITTEN }),
                false => Ok(None),
            };
        }
        if puts_in {
            if statement.asks.contains(Asks::OWN_VALUES) {
                self.learn_asked_counts(statement).await?;
            }
            let text = with_threads.as_deref().unwrap_or(text);
            let conditions = self.conditions_for(statement).map(Conditions::counts);
            let known = Known { conditions, ..self.state.known(self.id) };
            return Ok(substitute(text, self.state.lex, &known).or(with_threads));
        }
        if self.conditions_for(statement).is_none() {
            return Ok(with_threads);
        }
        // Its rows would be counted instead. What is lost is told when it is asked for.
        let _ = self.learn_counts().await;
        let asked = self.asked(text).await;
        let put = self.conditions_for(statement).and_then(|left| left.put_into(text, self.state.lex, asked));
        Ok(put.or(with_threads))
    }

    /// Asks the held connection for the counts that a statement asks for. Where nothing else is lost with a connection that
    /// failed, the session goes on without them.
    async fn learn_asked_counts(&mut self, statement: &Statement) -> Result<(), Unserved> {
        if self.learn_counts().await.is_err() && self.holds_diagnostics_only() {
            self.lose_diagnostics(self.unread());
        }
        match self.state.lost_count(statement.asks) {
            Some(count) => Err(Unserved::CountLost(count)),
            None => Ok(()),
        }
    }

    pub(crate) async fn look_up(&self, text: &[u8]) -> (Rc<Statement>, Option<Hint>) {
        let lookup = match text.len() >= LongText::FROM {
            true => self.look_up_long(text).await,
            false => self.worker.statements.borrow_mut().look_up(text, self.state.lex),
        };
        let hint = lookup.hint.map(|text| {
            let (hint, errors) = Hint::parse(text);
            if let Some(error) = errors {
                tracing::warn!(session = self.id, %error, "part of a routing hint ignored");
            }
            hint
        });
        let statement = lookup.statement;
        if statement.class == Class::Read && self.state.database.as_deref().is_some_and(is_of_server) {
            // Its tables need no schema before them to be the server's own.
            let class = Class::Write(Because::ServerLocal);
            return (Rc::new(statement.taken_for(class)), hint);
        }
        (statement, hint)
    }

    /// Reading a long text takes time, in which the worker has others to serve.
    async fn look_up_long<'a>(&self, text: &'a [u8]) -> Lookup<'a> {
        let mut long = LongText::new(text, self.state.lex);
        while !long.read_on(PIECE) {
            tokio::task::yield_now().await;
        }
        self.worker.statements.borrow().look_up_long(long)
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
            ("Statement", ColumnKind::Text, last.map(|last| last.statement.shown().to_owned())),
        ];
        Ok(reply::row(client, self.sequence, self.capabilities, self.state.status, &columns).await?)
    }

    /// What the session has written and seen, as a text for the hint `after_gtid` of another session, here or elsewhere.
    async fn show_position(&mut self, client: &mut Framed) -> Result<(), SessionError> {
        let snapshot = self.worker.topology.snapshot();
        let scope = self.worker.settings().routing.scope;
        let position = self.consistency.token(scope, &snapshot, &self.worker.metrics);
        let columns = [("Position", ColumnKind::Text, position.map(|position| position.to_string()))];
        Ok(reply::row(client, self.sequence, self.capabilities, self.state.status, &columns).await?)
    }

    /// What a server has to do for a command that is not text. Nothing, if OK is the answer.
    pub(crate) async fn plan_command<'a>(
        &mut self,
        packet: &'a [u8],
        command: Command<'a>,
    ) -> Result<Option<Job<'a>>, Unserved> {
        let job = match command {
            Command::Ping if self.binding.is_free() => {
                self.state.note_command();
                return Ok(None);
            }
            // A held connection knows how many warnings there are, and whether the server is there.
            Command::Ping => Job::command(CommandByte::Ping, packet, Class::Diagnostics),
            Command::ResetConnection => {
                self.reset().await;
                return Ok(None);
            }
            Command::StmtPrepare(text) => self.plan_prepare(packet, text).await?,
            Command::StmtExecute { command, statement, body } => {
                match self.execute_kill(statement, command, body).await {
                    Some(killed) => return killed.map(|()| None),
                    None => self.plan_execute(packet, command, statement, body).await?,
                }
            }
            Command::StmtReset { statement } => return self.plan_reset(packet, statement),
            Command::StmtFetch { statement } => self.plan_fetch(packet, statement)?,
            Command::ProcessKill(id) => match self.kill(Kill { id: id.into(), query_only: false }).await? {
                Killed::Session => return Ok(None),
                Killed::NoSession(_) => Job::command(CommandByte::ProcessKill, packet, KILL_ON_SERVER),
            },
            Command::InitDb(_) => Job::command(CommandByte::InitDb, packet, Class::Session),
            Command::FieldList => Job::command(CommandByte::FieldList, packet, Class::Read),
            Command::Statistics => Job::command(CommandByte::Statistics, packet, Class::Session),
            Command::Refused(command) => return Err(Unserved::Unsupported(command.name())),
            // The others are dealt with before.
            _ => return Err(Unserved::UnknownCommand),
        };
        Ok(Some(job))
    }

    async fn plan_prepare<'a>(&mut self, packet: &'a [u8], text: &[u8]) -> Result<Job<'a>, Unserved> {
        self.prepared.admit(text.len())?;
        let (mut statement, hint) = self.look_up(text).await;
        if statement.class == Class::Kill {
            statement = Rc::new(statement.taken_for(KILL_ON_SERVER));
        }
        // MySQL prepares no GET DIAGNOSTICS, and says so; and of what SHOW WARNINGS gives nothing is told before it runs.
        let as_it_is = statement.class == Class::Diagnostics && !statement.asks.contains(Asks::CONDITION_COUNTS);
        let substituted = if as_it_is { None } else { self.with_own_values(&statement, text).await? };
        let key = Rc::new(StatementKey {
            sql: substituted.as_deref().unwrap_or(text).into(),
            database: self.state.database.clone(),
            values: Rc::clone(&self.state.values),
        });
        let id = self.prepared.next_id();
        let packet_with = |text: Vec<u8>| reply::packet(0, &[&[CommandByte::StmtPrepare as u8], &*text].concat());
        let kind = Kind::Prepare { id, key, packet: substituted.map(packet_with) };
        Ok(Job { command: CommandByte::StmtPrepare, packet, statement, hint, kind, and_rest: None })
    }

    /// MySQL looks for the statement in one place for all commands, MariaDB in each.
    fn unknown_statement(&self, id: u32, command: &'static str) -> Unserved {
        let is_mysql = self.worker.topology.snapshot().family == Some(Family::Mysql);
        Unserved::UnknownStatement { id, command: if is_mysql { "mysql_stmt_precheck" } else { command } }
    }

    /// Puts the session's own values, as they are now, into a prepared statement that asks for some.
    async fn renew_own_values(&mut self, id: u32) -> Result<(), Unserved> {
        let Some(client) = self.prepared.get(id) else { return Ok(()) };
        let Some(original) = client.original.clone() else { return Ok(()) };
        let statement = Rc::clone(&client.statement);
        let sql = self.with_own_values(&statement, &original).await?;
        let sql = sql.as_deref().unwrap_or(&original);
        if let Some(client) = self.prepared.get_mut(id).filter(|client| *client.key.sql != *sql) {
            let (database, values) = (client.key.database.clone(), Rc::clone(&client.key.values));
            client.key = Rc::new(StatementKey { sql: sql.into(), database, values });
        }
        Ok(())
    }

    async fn plan_execute<'a>(
        &mut self,
        packet: &'a [u8],
        command: CommandByte,
        id: u32,
        body: &'a [u8],
    ) -> Result<Job<'a>, Unserved> {
        self.renew_own_values(id).await?;
        let agreed = self.capabilities;
        let Some(client) = self.prepared.get_mut(id) else {
            return Err(self.unknown_statement(id, "mysqld_stmt_execute"));
        };
        let execution = Execution::parse(command, body, client.parameters, agreed)?;
        if let (count, Bound::Types(types)) = execution.types() {
            client.types = client.admits_types(types).then(|| (count, types.into()));
        }
        let (statement, hint) = (Rc::clone(&client.statement), client.hint.clone());
        Ok(Job { command, packet, statement, hint, kind: Kind::Execute { id, execution }, and_rest: None })
    }

    fn plan_reset<'a>(&mut self, packet: &'a [u8], id: u32) -> Result<Option<Job<'a>>, Unserved> {
        if self.prepared.get(id).is_none() {
            return Err(self.unknown_statement(id, "mysqld_stmt_reset"));
        }
        if !self.is_open(id) {
            return Ok(None);
        }
        Ok(self
            .on_held_statement(packet, id)
            .map(|kind| Job { kind, ..Job::command(CommandByte::StmtReset, packet, Class::Session) }))
    }

    fn plan_fetch<'a>(&mut self, packet: &'a [u8], id: u32) -> Result<Job<'a>, Unserved> {
        let unknown = self.unknown_statement(id, "mysqld_stmt_fetch");
        if self.prepared.get(id).is_none() {
            return Err(unknown);
        }
        // Where it was executed last, nothing is held: there is no cursor either.
        let no_cursor = Unserved::NoCursor { id, stop: if self.state.mysql { "." } else { "" } };
        let kind = self.on_held_statement(packet, id).ok_or(no_cursor)?;
        Ok(Job { kind, ..Job::command(CommandByte::StmtFetch, packet, Class::Diagnostics) })
    }

    /// The packet for the held connection's own statement.
    fn on_held_statement<'a>(&mut self, packet: &[u8], id: u32) -> Option<Kind<'a>> {
        let key = Rc::clone(&self.prepared.get(id)?.key);
        let lease = self.binding.lease_mut()?;
        let server_id = lease.prepared_id(&key)?;
        Some(Kind::Rewritten { id, packet: with_statement_id(packet, server_id) })
    }

    /// Pieces of a parameter go to the connection that will execute the statement, which is held from then on. There is
    /// no reply, so what goes wrong here is said when the statement is executed.
    pub(crate) async fn send_long_data(&mut self, packet: &[u8], id: u32) -> Result<(), SessionError> {
        let Some(key) = self.prepared.get(id).map(|client| Rc::clone(&client.key)) else { return Ok(()) };
        if self.is_guarded() {
            // If there is no primary, the execution will say so.
            let _ = self.move_to_primary().await;
        }
        let wanted = self.state.wanted(self.is_guarded());
        let mut held = match self.binding.take() {
            Some(held) => held,
            None => {
                let snapshot = self.worker.topology.snapshot();
                let Some(decision) = Decision::on_primary(&snapshot, Reason::Pinned(Pins::LONG_DATA)) else {
                    return Ok(());
                };
                let Ok(lease) = self.check_out(&decision.eligible, &wanted, &snapshot).await else { return Ok(()) };
                Held::new(lease)
            }
        };
        let sent: Result<(), String> = async {
            let prepared = crate::prepared::ensure_prepared(&mut held.lease, &key, &wanted).await;
            let server_id = prepared.map_err(|failure| format!("{failure:?}"))?;
            held.lease.framed().write(&with_statement_id(packet, server_id)).await.map_err(|error| error.to_string())
        }
        .await;
        match sent {
            Ok(()) => {
                held.note_open(id, true);
                held.pins |= Pins::LONG_DATA;
                self.binding = Binding::to(held);
                Ok(())
            }
            Err(error) => Err(SessionError::HeldConnectionLost(error)),
        }
    }

    /// Whether a prepared statement has an open cursor, or pieces of parameters, on the held connection.
    fn is_open(&self, id: u32) -> bool {
        self.binding.held().is_some_and(|held| held.open.contains(&id))
    }

    /// The client forgets a statement. Connections keep theirs for whoever prepares the same text next, unless a cursor
    /// or pieces of parameters hang on it.
    pub(crate) async fn close_statement(&mut self, id: u32) {
        let Some(client) = self.prepared.remove(id) else { return };
        if !self.is_open(id) {
            return;
        }
        let Some(mut held) = self.binding.take() else { return };
        held.note_open(id, false);
        if let Some(close) = held.lease.forget_prepared(&client.key)
            && held.lease.framed().write(&close).await.is_err()
        {
            return;
        }
        held.pins = held.pins_while_open(held.pins);
        self.hold(held).await;
    }

    /// Gives a connection at rest back to the pool, or keeps it for this session.
    pub(crate) fn put_back(&mut self, lease: Lease) {
        match self.worker.settings().pool_mode {
            crate::PoolMode::Transaction => lease.release(),
            crate::PoolMode::Session => self.kept.push(lease),
        }
    }

    /// Whether a transaction is open, by the last status.
    pub(crate) const fn in_transaction(&self) -> bool {
        self.state.status.contains(Status::IN_TRANS)
    }
}

/// Whether a schema describes the server that it is on.
fn is_of_server(schema: &str) -> bool {
    let schemas = ["sys", "mysql", "performance_schema", "information_schema"];
    schemas.iter().any(|known| known.eq_ignore_ascii_case(schema))
}

/// Bytes of a long text that are read before others are served: each of their steps waits for as much, a part of a millisecond.
const PIECE: usize = 32 * 1024;
/// Bytes of a text into which the session's own values are put.
const LONGEST_REWRITTEN: usize = 256 * 1024;
