//! After a reply: what it said of the session, whether the connection is held, and what the log and the counters get.

use crate::binding::{Fate, Held, fate};
use crate::consistency::Looked;
use crate::count::Count;
use crate::error::SessionError;
use crate::execute::Served;
use crate::job::{Job, Kind};
use crate::outlasts::{may_be_xa, outlasts_reset};
use crate::relay::is_deposed;
use crate::route_log::Line;
use crate::serve::{LastRoute, Next, Session};
use crate::state::Noted;
use splitfin_backend::{BackendError, Lease};
use splitfin_protocol::{Capabilities, Command, CommandByte, Outcome, Status};
use splitfin_router::{Asks, Because, Class, Holdings, Leaves, Misses, Pins, Tables, Verb, offset};
use std::borrow::Cow;
use std::rc::Rc;
use std::time::{Duration, Instant};

impl Session {
    pub(crate) async fn settle(&mut self, mut served: Served, job: &Job<'_>) -> Result<Next, SessionError> {
        self.report(&served, job);
        let close = self.note_prepared(&mut served, job);
        let Served { mut held, relayed, guarded, reason, .. } = served;
        let mut outcome = relayed.outcome;
        (self.state.told, self.state.pending) = (relayed.told, relayed.pending);
        (self.sequence, self.failed) = (relayed.next_sequence, outcome.error.is_some());
        let id_before = self.state.last_insert_id;
        let (noted, scoped) = match job.leaves().contains(Leaves::SCOPED_VARIABLES) {
            true => self.state.note_scoped(&outcome),
            false => (self.state.note(&outcome), None),
        };
        if job.command.is_statement() || outcome.error.is_some() {
            let skips = job.statement.leaves.contains(Leaves::SKIPS_ROWS) && job.packet.len() <= LONGEST_LOOKED_AT;
            let skipped = if skips { offset(&self.text_of(job), self.state.lex) } else { None };
            self.state.note_counts(&outcome, &job.statement, job.command, skipped);
        } else if matches!(job.command, CommandByte::InitDb | CommandByte::Ping) {
            self.state.note_command();
        }
        if let Kind::Execute { id, execution } = &job.kind
            && !execution.wants_cursor()
            && outcome.columns != 0
            && let Some(client) = self.prepared.get_mut(*id)
        {
            client.columns = outcome.columns;
        }
        self.note_last_insert_id(id_before, &mut held, &outcome, job);
        let followed = in_time(self.follow_up(&mut held, &mut outcome, &noted, close, job)).await;
        // Only now it is certain whether a transaction is open.
        let looked = Looked {
            backend: held.lease.backend(),
            guarded: held.lease.is_guarded(),
            reason: &reason,
            outcome: &outcome,
        };
        self.note_consistency(&looked, job);
        if let Err(error) = followed {
            // The client has its reply; what is lost is the connection.
            let pins = pins_after(held.pins, false, &outcome, &noted, job) - Pins::DIAGNOSTICS;
            return match self.is_needed(pins) {
                true => Err(SessionError::HeldConnectionLost(error.to_string())),
                false => self.outlive_connection(held, &error),
            };
        }
        self.note_rights(&outcome, job);
        let outlasts = outlasts_reset(job, || self.text_of(job));
        if outlasts {
            held.lease.spend();
        }
        held.lease.note(scoped.as_ref().unwrap_or(&self.state.values), self.state.database.as_ref());
        note_cursor(&mut held, &outcome, job);
        self.note_hidden_transaction(&mut held.lease, &outcome, job);
        let before = held.pins - Pins::UNTOLD;
        let mut pins = pins_after(before, self.state.counts_unknown(), &outcome, &noted, job);
        pins = may_be_xa(pins, job.leaves(), self.in_transaction());
        // What only a disconnect ends, the session keeps to its end.
        pins.set(Pins::UNTRACKED_VARIABLE, outlasts || pins.contains(Pins::UNTRACKED_VARIABLE));
        let pins = match in_time(self.note_holdings(&mut held, before, pins, &outcome, job)).await {
            Ok(pins) => pins,
            Err(error) => return Err(SessionError::HeldConnectionLost(error.to_string())),
        };
        held.pins = held.pins_while_open(pins);
        if held.lease.is_guarded() && outcome.error.is_none() {
            self.note_savepoints(&mut held, job);
        }
        if guarded && guard_was_touched(&outcome) {
            // Whatever it did to the guard, this connection is not trusted to refuse writes any more.
            return self.outlive_connection(held, &"a statement touched the guard of a replica connection");
        }
        self.let_go_of_what_is_known(held, &outcome, job).await
    }

    /// Holds a connection, or gives it back, after what only it knows was read from it, where that is all that it is needed for.
    async fn let_go_of_what_is_known(
        &mut self,
        mut held: Held<Lease>,
        outcome: &Outcome,
        job: &Job<'_>,
    ) -> Result<Next, SessionError> {
        // Only counts would hold the connection: asked at once, they do not.
        let counts_only = held.pins == Pins::DIAGNOSTICS && !may_be_asked(outcome) && !self.in_transaction();
        if counts_only && job.statement.class != Class::Diagnostics {
            if let Err(error) = in_time(self.state.learn_counts(Some(&mut held.lease))).await {
                return self.outlive_connection(held, &error);
            }
            if !self.state.counts_unknown() {
                held.pins = Pins::empty();
            }
        }
        if let Err(error) = in_time(self.make_fit_for_others(&mut held)).await {
            return self.outlive_connection(held, &error);
        }
        self.hold(held).await;
        Ok(Next::Command)
    }

    /// Before a connection goes back: reads from it what only it can tell, and ends what no status shows. Where a server
    /// refuses to tell, the connection stays held.
    ///
    /// # Errors
    /// The connection failed.
    async fn make_fit_for_others(&mut self, held: &mut Held<Lease>) -> Result<(), BackendError> {
        if fate(self.in_transaction(), held.pins) != Fate::Release {
            return Ok(());
        }
        if held.unread.is_any() && self.take_conditions(&mut held.lease).await? {
            self.read_back(held).await?;
        }
        if held.unread.is_any() {
            held.pins |= Pins::UNTOLD;
            return Ok(());
        }
        if let Some(close) = held.lease.forget_long_prepared() {
            held.lease.framed().write(&close).await?;
        }
        held.lease.end_hidden_transaction().await
    }

    /// After a connection was lost that nothing held. Warnings and counts are not worth a session; what a statement has set,
    /// and was not read yet, is: the session would go on as if it had not been set.
    fn outlive_connection(&mut self, lost: Held<Lease>, why: &dyn std::fmt::Display) -> Result<Next, SessionError> {
        if lost.unread.is_setting() {
            return Err(SessionError::HeldConnectionLost(why.to_string()));
        }
        tracing::debug!(session = self.id, %why, "a connection was lost with the warnings and counts on it");
        self.lose_diagnostics(lost.unread);
        Ok(Next::Command)
    }

    /// Notes what a statement makes of transactions that the server's status does not show: while autocommit is off, MySQL
    /// keeps the metadata locks of functions, and looking at performance_schema begins a transaction.
    fn note_hidden_transaction(&self, lease: &mut Lease, outcome: &Outcome, job: &Job<'_>) {
        let ends = matches!(job.statement.verb, Verb::Commit | Verb::Rollback);
        if (ends && outcome.error.is_none()) || self.state.status.contains(Status::AUTOCOMMIT) {
            lease.note_hidden_transaction(false);
        } else if self.state.mysql && job.command.is_statement() && job.statement.tables != Tables::Unused {
            lease.note_hidden_transaction(true);
        }
    }

    const fn is_needed(&self, pins: Pins) -> bool {
        self.in_transaction() || !pins.is_empty()
    }

    /// What has to be asked of the connection before it is known again.
    async fn follow_up(
        &mut self,
        held: &mut Held<Lease>,
        outcome: &mut Outcome,
        noted: &Noted,
        close: Option<Vec<u8>>,
        job: &Job<'_>,
    ) -> Result<(), BackendError> {
        let lease = &mut held.lease;
        if let Some(close) = close {
            lease.framed().write(&close).await?;
        }
        if self.progress.take_told() {
            // The server may have been told to end the statement just when it was over: then it ends the next one.
            let absorbed = lease.run("DO 0").await;
            if let Err(error @ (BackendError::Io(_) | BackendError::Frame(_))) = absorbed {
                return Err(error);
            }
        }
        if outcome.error.as_ref().is_some_and(|error| is_deposed(error) || LEAVING.contains(&error.code)) {
            lease.suspect();
        }
        if outcome.error.is_some() {
            // An error says nothing of the transaction: it may be open, closed, or rolled back.
            let truth = lease.status().await?;
            self.state.note(&truth);
            if self.capabilities.contains(Capabilities::SESSION_TRACK) {
                self.state.pending.extend_from_slice(&truth.changes);
            }
            // What was committed before the error is reported only now.
            outcome.changes.extend_from_slice(&truth.changes);
            self.publish(lease.backend(), outcome, job, true);
        }
        self.note_conditions(lease, outcome, job).await?;
        let leaves = job.leaves();
        let tracking = job.statement.leaves.contains(Leaves::TRACKING);
        let runs_others = leaves.contains(Leaves::UNREPORTED);
        held.unread.collations |= noted.charset_changed;
        held.unread.role |= leaves.contains(Leaves::ROLE) || runs_others;
        held.unread.variables |= tracking || (runs_others && !held.lease.reports_all());
        if !may_be_asked(outcome) && job.statement.class != Class::Diagnostics {
            self.read_back(held).await?;
        }
        Ok(())
    }

    /// Reads what a statement set and the server did not report. It waits while there are warnings, which it would end:
    /// the connection is held that long. What the server refuses to tell stays unread.
    pub(crate) async fn read_back(&mut self, held: &mut Held<Lease>) -> Result<(), BackendError> {
        let Held { lease, unread, .. } = held;
        if unread.is_any() {
            // Reading is a statement, too, with rows of its own.
            self.state.learn_counts(Some(lease)).await?;
        }
        if unread.role || unread.last_insert_id {
            let Some((id, role)) = lease.id_and_role().await? else { return Ok(()) };
            if unread.last_insert_id {
                self.state.last_insert_id = match unread.unchanged {
                    Some((same, before)) if same == id => before,
                    _ => Count::Known(id),
                };
            }
            if let Some(role) = role {
                self.state.role = role;
            }
            (unread.role, unread.last_insert_id, unread.unchanged) = (false, false, None);
        }
        if unread.variables {
            // A collation's name is read from a table.
            self.take_conditions(lease).await?;
            let Some(values) = lease.read_back().await? else { return Ok(()) };
            self.state.set_values(values);
        } else if unread.collations {
            let Some((connection, results)) = lease.collations().await? else { return Ok(()) };
            self.state.set_value("collation_connection", &connection);
            // NULL has none.
            if let Some(name) = results.filter(|_| self.state.value("character_set_results") != Some("")) {
                self.state.set_value("character_set_results", &name);
            }
        }
        *unread = Unread::default();
        lease.note(&self.state.values, self.state.database.as_ref());
        Ok(())
    }

    /// Follows what the session has on its connection by name, and ends the pins that nothing is left for.
    async fn note_holdings(
        &mut self,
        held: &mut Held<Lease>,
        before: Pins,
        pins: Pins,
        outcome: &Outcome,
        job: &Job<'_>,
    ) -> Result<Pins, BackendError> {
        let Held { lease, holdings, variables, .. } = held;
        let mut pins = pins;
        let by_name = pins & Holdings::PINS;
        if by_name.is_empty() && !pins.contains(Pins::USER_VARIABLE) {
            return Ok(pins);
        }
        if job.packet.len() > LONGEST_LOOKED_AT {
            // It may have made what nobody will know the name of.
            let makes = job.leaves().intersects(MAKES_NAMES);
            return Ok(if makes { pins | Pins::UNTRACKED_VARIABLE } else { pins });
        }
        let failed = outcome.error.is_some();
        let text = self.text_of(job);
        if !by_name.is_empty() {
            let old = holdings.clone();
            holdings.note(&text, self.state.lex, self.state.database.as_deref(), failed);
            if *holdings != old {
                // That explains why the server said that something has changed.
                pins.set(Pins::UNEXPLAINED_CHANGE, before.contains(Pins::UNEXPLAINED_CHANGE));
            }
        }
        let assigns = job.leaves().contains(Leaves::USER_VARIABLE);
        if assigns {
            variables.extend(Holdings::user_variables(&text, self.state.lex));
        }
        let asks = job.statement.class == Class::Diagnostics && !assigns;
        let may_be_asked = may_be_asked(outcome) || asks;
        if !may_be_asked
            && job.asks().contains(Asks::LOCKS)
            && let Some(ask) = holdings.ask_for_locks()
            && let Some([Some(has_any)]) = lease.ask([&ask]).await?
            && has_any == "0"
        {
            holdings.no_locks();
        }
        let pins = pins - (by_name - holdings.pins());
        // Nothing but user variables would hold the connection: their values can go along.
        if pins == Pins::USER_VARIABLE && !self.in_transaction() && !may_be_asked {
            variables.extend(self.state.user_variables.keys().cloned());
            if let Some(values) = lease.user_variables(variables, LONGEST_VARIABLES).await? {
                self.state.user_variables = values;
                variables.clear();
                return Ok(Pins::empty());
            }
        }
        Ok(pins)
    }

    /// The text that a job runs, as the client said it.
    pub(crate) fn text_of<'j>(&self, job: &Job<'j>) -> Cow<'j, [u8]> {
        match (&job.kind, job.command) {
            (Kind::Execute { id, .. }, _) => {
                self.prepared.get(*id).map(|client| client.key.sql.to_vec().into()).unwrap_or_default()
            }
            (_, CommandByte::Query) => match splitfin_protocol::frame::payload(job.packet) {
                Cow::Borrowed(packet) => query_text(packet, self.capabilities).into(),
                Cow::Owned(packet) => query_text(&packet, self.capabilities).to_vec().into(),
            },
            _ => Cow::default(),
        }
    }

    fn report(&mut self, served: &Served, job: &Job<'_>) {
        let Served { held: Held { lease, .. }, relayed, reason, time, service, needed, waited, .. } = served;
        let worker = &self.worker;
        lease.note_latency(*service);
        worker.metrics.count(lease.backend(), reason, *time);
        let snapshot = worker.topology.snapshot();
        let view = snapshot.backend(lease.backend());
        let error = relayed.outcome.error.as_ref().map(|error| error.code);
        let rerouted = reason.misses() == Some(Misses::Fitness);
        let line = Line {
            session: self.id,
            user: &self.account.user,
            statement: &job.statement,
            backend: view.map_or("", |view| view.spec.name.as_str()),
            reason,
            lag: view.and_then(|view| view.lag),
            needed: &needed.position,
            seen: view.map(|view| &view.progress.position),
            waited: *waited,
            time: *time,
            bytes: relayed.bytes,
            error,
            problem: rerouted || *time >= worker.settings().slow,
        };
        worker.route_log.borrow_mut().log(&line, Instant::now());
        self.last = Some(LastRoute {
            backend: Some(lease.backend()),
            reason: reason.clone(),
            statement: Rc::clone(&job.statement),
            time: *time,
            needed: needed.position.clone(),
            waited: *waited,
        });
    }
}

/// The text of a COM_QUERY.
fn query_text(payload: &[u8], agreed: Capabilities) -> &[u8] {
    match Command::parse(payload, agreed) {
        Ok(Command::Query { text, .. }) => text,
        _ => &[],
    }
}

/// Notes whether a prepared statement has an open cursor after a reply.
fn note_cursor(held: &mut Held<Lease>, outcome: &Outcome, job: &Job<'_>) {
    let status = outcome.status.unwrap_or(Status::empty());
    match &job.kind {
        Kind::Execute { id, .. } => held.note_open(*id, status.contains(Status::CURSOR_EXISTS)),
        Kind::Rewritten { id, .. } if job.command == CommandByte::StmtReset => held.note_open(*id, false),
        Kind::Rewritten { id, .. } if status.contains(Status::LAST_ROW_SENT) => held.note_open(*id, false),
        Kind::Plain | Kind::Substituted { .. } | Kind::Prepare { .. } | Kind::Rewritten { .. } => {}
    }
}

/// What the held connection has and its server did not report; see [`Session::read_back`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Unread {
    /// LAST_INSERT_ID()
    pub(crate) last_insert_id: bool,
    /// What it gave on the connection before that, and what it is for the session if it still does.
    pub(crate) unchanged: Option<(u64, Count<u64>)>,
    /// CURRENT_ROLE()
    pub(crate) role: bool,
    /// Collations, of the connection and of its results.
    pub(crate) collations: bool,
    /// Any variables.
    pub(crate) variables: bool,
}

impl Unread {
    /// Whether there is something to read.
    pub(crate) fn is_any(self) -> bool {
        self.last_insert_id || self.is_setting()
    }

    /// Whether there is something that was set: who does not know it cannot go on.
    pub(crate) fn is_setting(self) -> bool {
        self.role || self.collations || self.variables
    }
}

/// What is asked after a reply: nobody else ends it, as its client has what it waits for, and is not read from meanwhile.
async fn in_time<T>(asked: impl Future<Output = Result<T, BackendError>>) -> Result<T, BackendError> {
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut).into();
    tokio::time::timeout(AFTER_REPLY, asked).await.unwrap_or_else(|_| Err(late()))
}

/// Whether the next statement may ask for errors or warnings, which one of our own would end.
const fn may_be_asked(outcome: &Outcome) -> bool {
    outcome.error.is_some() || outcome.warnings > 0
}

/// What holds the connection after a statement.
fn pins_after(pins: Pins, counts_unknown: bool, outcome: &Outcome, noted: &Noted, job: &Job<'_>) -> Pins {
    const LASTING: [(Leaves, Pins); 8] = [
        (Leaves::USER_VARIABLE, Pins::USER_VARIABLE),
        (Leaves::TEMPORARY_TABLE, Pins::TEMPORARY_TABLE),
        (Leaves::TABLE_LOCK, Pins::TABLE_LOCK),
        (Leaves::BACKUP_LOCK, Pins::BACKUP_LOCK),
        (Leaves::USER_LOCK, Pins::USER_LOCK),
        (Leaves::HANDLER, Pins::HANDLER),
        (Leaves::TEXT_PREPARE, Pins::TEXT_PREPARE),
        (Leaves::UNTRACKED_VARIABLE, Pins::UNTRACKED_VARIABLE),
    ];
    let (mut pins, leaves) = (pins, job.leaves());
    for (left, pin) in LASTING {
        // Even a statement that failed may have done part of it.
        pins.set(pin, pins.contains(pin) || leaves.contains(left));
    }
    pins.set(Pins::SEQUENCE, pins.contains(Pins::SEQUENCE) || leaves.contains(Leaves::SEQUENCE));
    if outcome.error.is_none() {
        pins.set(Pins::TABLE_LOCK, pins.contains(Pins::TABLE_LOCK) && !leaves.contains(Leaves::TABLE_UNLOCK));
        pins.set(Pins::BACKUP_LOCK, pins.contains(Pins::BACKUP_LOCK) && !leaves.contains(Leaves::BACKUP_UNLOCK));
        pins.set(Pins::USER_LOCK, pins.contains(Pins::USER_LOCK) && !leaves.contains(Leaves::USER_UNLOCK));
        if leaves.contains(Leaves::ONE_SHOT_TRANSACTION) {
            pins |= Pins::ONE_SHOT_TRANSACTION;
        } else if noted.transaction_announced == Some(false) {
            pins -= Pins::ONE_SHOT_TRANSACTION;
        }
    }
    let asks = may_be_asked(outcome) || counts_unknown;
    let is_statement = job.command.is_statement() || (outcome.error.is_some() && job.command != CommandByte::Ping);
    match job.statement.class {
        // It asks, and leaves what there is, unless it fails itself.
        Class::Diagnostics if is_statement && outcome.error.is_some() => pins |= Pins::DIAGNOSTICS,
        Class::Diagnostics => {}
        _ if is_statement => pins.set(Pins::DIAGNOSTICS, asks),
        _ => {}
    }
    let status = outcome.status.unwrap_or(Status::empty());
    if status.contains(Status::CURSOR_EXISTS) {
        pins |= Pins::CURSOR;
    }
    let silent = [Class::Session, Class::Read];
    let tells = Leaves::UNREPORTED | Leaves::CALC_FOUND_ROWS | Leaves::SKIPS_ROWS;
    // What a procedure was given for its results does not explain what else it did.
    let tells = if leaves.contains(Leaves::UNREPORTED) { tells | Leaves::USER_VARIABLE } else { tells };
    let tells = tells | Leaves::RUNS_OTHERS;
    // What was reported says nothing of what else a routine did, and a variable nothing of what else a function or trigger did.
    let reported = match job.statement.class {
        _ if leaves.contains(Leaves::RUNS_OTHERS) => false,
        Class::Write(Because::ChangesData | Because::UnknownFunction) => noted.database && !noted.variables,
        _ => noted.database || noted.variables,
    };
    let explained = reported || !(leaves - tells).is_empty() || silent.contains(&job.statement.class);
    if is_statement && noted.state_changed && !explained {
        pins |= Pins::UNEXPLAINED_CHANGE;
    }
    pins
}

/// Whether a reply reports a change of the variable that the guard of replica connections rests on.
fn guard_was_touched(outcome: &Outcome) -> bool {
    let names: [&[u8]; 2] = [b"transaction_read_only", b"tx_read_only"];
    names.iter().any(|name| outcome.changes.windows(name.len()).any(|window| window == *name))
}

/// Time for a server to answer what is asked after a reply. It has just been there, and is asked for nothing that takes long.
const AFTER_REPLY: Duration = Duration::from_secs(30);
/// Bytes of a text that is looked at again for what it names.
const LONGEST_LOOKED_AT: usize = 256 * 1024;
/// What is followed by name.
const MAKES_NAMES: Leaves = Leaves::USER_VARIABLE
    .union(Leaves::TEMPORARY_TABLE)
    .union(Leaves::USER_LOCK)
    .union(Leaves::HANDLER)
    .union(Leaves::TEXT_PREPARE);
/// Longer user variables hold their connection, instead of going along with each statement.
const LONGEST_VARIABLES: usize = 16 * 1024;

/// The server shuts down, or has killed the connection.
const LEAVING: [u16; 2] = [1053, 1927];

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_router::Statement;

    fn after(pins: Pins, leaves: Leaves, outcome: &Outcome, noted: Noted, class: Class) -> Pins {
        let mut statement = Statement::of_command("test", class);
        statement.leaves = leaves;
        let job = Job {
            command: CommandByte::Query,
            packet: &[],
            statement: Rc::new(statement),
            hint: None,
            kind: Kind::Plain,
            and_rest: None,
        };
        pins_after(pins, false, outcome, &noted, &job)
    }

    fn ok() -> Outcome {
        Outcome { status: Some(Status::AUTOCOMMIT), ..Outcome::default() }
    }

    const WRITE: Class = Class::Write(Because::ChangesData);

    #[test]
    fn effects_pin_and_their_ends_unpin() {
        let pairs = [
            (Leaves::TABLE_LOCK, Pins::TABLE_LOCK, Leaves::TABLE_UNLOCK),
            (Leaves::BACKUP_LOCK, Pins::BACKUP_LOCK, Leaves::BACKUP_UNLOCK),
            (Leaves::USER_LOCK, Pins::USER_LOCK, Leaves::USER_UNLOCK),
        ];
        for (start, pin, end) in pairs {
            let pinned = after(Pins::empty(), start, &ok(), Noted::default(), WRITE);
            assert_eq!(pinned, pin);
            assert_eq!(after(pinned, Leaves::empty(), &ok(), Noted::default(), WRITE), pin, "it lasts");
            assert_eq!(after(pinned, end, &ok(), Noted::default(), WRITE), Pins::empty());
        }
    }

    #[test]
    fn a_one_shot_lasts_until_the_server_says_it_is_used() {
        let announced = Noted { transaction_announced: Some(true), ..Noted::default() };
        let pinned = after(Pins::empty(), Leaves::ONE_SHOT_TRANSACTION, &ok(), announced, Class::Session);
        assert_eq!(pinned, Pins::ONE_SHOT_TRANSACTION);
        let used = Noted { transaction_announced: Some(false), ..Noted::default() };
        assert_eq!(after(pinned, Leaves::empty(), &ok(), used, Class::Session), Pins::empty());
    }

    #[test]
    fn warnings_and_errors_hold_the_connection_for_one_more_statement() {
        let warned = Outcome { warnings: 1, ..ok() };
        assert_eq!(after(Pins::empty(), Leaves::empty(), &warned, Noted::default(), WRITE), Pins::DIAGNOSTICS);
        let asked = after(Pins::DIAGNOSTICS, Leaves::empty(), &ok(), Noted::default(), Class::Diagnostics);
        assert_eq!(asked, Pins::DIAGNOSTICS, "asking does not end it");
        let error = splitfin_protocol::exchange::ServerError { code: 1064, state: *b"42000", message: "no".into() };
        let failed = Outcome { error: Some(error), ..Outcome::default() };
        let asked_wrong = after(Pins::empty(), Leaves::empty(), &failed, Noted::default(), Class::Diagnostics);
        assert_eq!(asked_wrong, Pins::DIAGNOSTICS, "asking wrong is an error like any other");
        assert_eq!(after(Pins::DIAGNOSTICS, Leaves::empty(), &ok(), Noted::default(), WRITE), Pins::empty());
    }

    #[test]
    fn a_change_that_nothing_explains_pins() {
        let changed = Noted { state_changed: true, ..Noted::default() };
        assert_eq!(after(Pins::empty(), Leaves::empty(), &ok(), changed, WRITE), Pins::UNEXPLAINED_CHANGE);
        let reported = Noted { variables: true, ..changed };
        let of = |leaves, class| after(Pins::empty(), leaves, &ok(), reported, class);
        let sets = Class::Write(Because::AssignsVariable);
        assert_eq!(of(Leaves::empty(), sets), Pins::empty(), "a SET has set what was reported");
        let hides = "what a trigger or a routine did beside that is not in the text";
        assert_eq!(of(Leaves::empty(), WRITE), Pins::UNEXPLAINED_CHANGE, "{hides}");
        let calls = Leaves::UNREPORTED | Leaves::RUNS_OTHERS;
        assert_eq!(of(calls, sets), Pins::UNEXPLAINED_CHANGE, "{hides}");
        let elsewhere = Noted { database: true, ..changed };
        let of = |leaves, class| after(Pins::empty(), leaves, &ok(), elsewhere, class);
        assert_eq!(of(Leaves::empty(), WRITE), Pins::empty(), "a function of another database came and went");
        assert_eq!(of(calls, WRITE), Pins::UNEXPLAINED_CHANGE, "{hides}");
    }
}
