//! The errors, warnings and notes that the session's statements left behind.
//!
//! A server keeps them on the connection, which is held for the next statement: it may ask for them. MySQL forgets them at
//! any other one. MariaDB does so only at a statement that uses a table, so that after `INSERT …; COMMIT; SELECT 1` they
//! are still there. No connection is held for that long: they are read from it before it is let go, and whoever asks is
//! answered from what was read. What a text does not tell (whether a procedure uses tables) is asked of the server.

use crate::binding::{Binding, Fate, Held, fate};
use crate::count::Count;
use crate::error::{SessionError, Unserved};
use crate::found_rows::{NONE, make};
use crate::job::{Job, Kind};
use crate::serve::Session;
use splitfin_backend::question::{neutral, select};
use splitfin_backend::{BackendError, Lease, Wanted};
use splitfin_protocol::packet::ErrPacket;
use splitfin_protocol::packet::attributes::NO_ATTRIBUTES;
use splitfin_protocol::{Capabilities, CommandByte, Outcome};
use splitfin_router::conditions::{Asked, COUNTS, Conditions, ask};
use splitfin_router::{Asks, Because, Class, Pins, Statement, Tables, Verb};

/// Where they are.
#[derive(Debug)]
pub(crate) enum Left {
    /// These they are, whichever connection serves next. On MySQL always none: its servers forget them in time.
    Known(Conditions),
    /// The held connection has them.
    Held,
}

impl Default for Left {
    fn default() -> Self {
        Self::Known(Conditions::default())
    }
}

impl Left {
    /// Whether there may be some.
    pub(crate) const fn may_be_some(&self) -> bool {
        match self {
            Self::Known(conditions) => !conditions.is_empty(),
            Self::Held => true,
        }
    }
}

impl Session {
    /// After a reply: where they are now.
    pub(crate) async fn note_conditions(
        &mut self,
        lease: &mut Lease,
        outcome: &Outcome,
        job: &Job<'_>,
    ) -> Result<(), BackendError> {
        // Others count the warnings of whoever was on the connection before.
        let counts = job.command.is_statement() || matches!(job.command, CommandByte::StmtPrepare);
        let is_new = outcome.error.is_some() || (counts && outcome.warnings > 0);
        if is_new || (counts && job.statement.tables == Tables::Used) {
            lease.note_conditions(is_new);
        }
        if self.state.mysql {
            return Ok(());
        }
        match &mut self.left {
            // Asking for what is not there adds to what is.
            Left::Known(conditions) if is_new && outcome.error.is_none() && gets_diagnostics(&job.statement) => {
                let mut all = std::mem::take(conditions);
                self.left = Left::Held;
                if self.take_conditions(lease).await?
                    && let Left::Known(added) = &mut self.left
                {
                    all.append(added);
                    *added = all;
                }
            }
            _ if is_new => self.left = Left::Held,
            _ => match job.statement.tables {
                Tables::Used if counts => self.left = Left::default(),
                Tables::Unknown if self.left.may_be_some() => {
                    self.state.learn_counts(Some(lease)).await?;
                    if let Some([Some(count)]) = lease.ask(["@@warning_count"]).await?
                        && count == "0"
                    {
                        self.left = Left::default();
                    }
                }
                Tables::Used | Tables::Unused | Tables::Unknown => {}
            },
        }
        Ok(())
    }

    /// Whether a statement that the held connection has to end first may well run there, where they are.
    pub(crate) fn may_run_with_conditions(&self, statement: &Statement) -> bool {
        self.conditions_are_with_primary() && !self.state.mysql && statement.tables == Tables::Unknown
    }

    /// Whether the held connection is one that anything may run on.
    pub(crate) fn conditions_are_with_primary(&self) -> bool {
        self.binding.lease().is_some_and(|lease| lease.is_for_writes() && !lease.is_guarded())
    }

    /// Before a statement: makes sure that the connection, which somebody else had before, has nothing to show for what
    /// this session would see, and that it tells afterwards whether the statement has ended what there is.
    pub(crate) async fn prepare_conditions(
        &self,
        lease: &mut Lease,
        job: &Job<'_>,
        wanted: &Wanted,
        held: bool,
    ) -> Result<(), BackendError> {
        let Left::Known(conditions) = &self.left else { return Ok(()) };
        if self.state.mysql && held {
            return Ok(());
        }
        let statement = &job.statement;
        let is_put = matches!(job.kind, Kind::Substituted { .. });
        let is_asked = statement.class == Class::Diagnostics || statement.asks.contains(Asks::CONDITIONS);
        let asks = job.command.is_statement() && is_asked && !is_put;
        // It may ask for them, and may end them.
        let is_unclear = !self.state.mysql && statement.tables == Tables::Unknown;
        let is_shown = asks && statement.class == Class::Diagnostics && statement.verb == Verb::Show;
        let is_none = conditions.is_empty() || !(is_unclear || is_shown);
        if (!asks && !is_unclear) || (is_none && !lease.has_conditions()) {
            return Ok(());
        }
        let forget = if self.state.mysql { "DO 0" } else { FORGET };
        let own = if is_none { forget.to_owned() } else { conditions.raise() };
        lease.apply(wanted).await?;
        run_own(lease, &own).await?;
        lease.note_conditions(!is_none);
        Ok(())
    }

    /// Before a statement: FOUND_ROWS() is this session's on the connection, where it will be asked.
    pub(crate) async fn prepare_counts(
        &self,
        lease: &mut Lease,
        job: &Job<'_>,
        wanted: &Wanted,
    ) -> Result<(), BackendError> {
        let rows = match self.state.found_rows {
            Count::Known(rows) => rows,
            Count::OnConnection => return Ok(()),
            Count::Lost => 0,
        };
        let is_read = job.statement.class == Class::Read && job.statement.verb == Verb::Select;
        if is_read || !job.command.is_statement() {
            return Ok(());
        }
        if !job.statement.found_rows(self.state.mysql).will_be_asked() && !asks_in_the_middle(&job.statement) {
            return Ok(());
        }
        lease.apply(wanted).await?;
        match lease.run(&make(rows, self.state.mysql)).await {
            // It may take longer than the session's limits let it; what is there is another session's.
            Err(BackendError::Refused { .. }) => run_own(lease, NONE).await,
            other => other,
        }
    }

    /// Whether a statement may ask for them.
    pub(crate) fn asks_conditions(&self, statement: &Statement) -> bool {
        let asks = statement.class == Class::Diagnostics || statement.asks.contains(Asks::CONDITION_COUNTS);
        asks && !self.state.mysql
    }

    /// What a statement that asks for them is to be answered from; nothing, if it asks the held connection.
    pub(crate) fn conditions_for(&self, statement: &Statement) -> Option<&Conditions> {
        const NONE: &Conditions = &Conditions::none();
        if self.state.mysql {
            // It forgets them by itself; what remains are row counts.
            return (gets_diagnostics(statement) && self.binding.is_free()).then_some(NONE);
        }
        match &self.left {
            _ if !self.asks_conditions(statement) => None,
            // They are forgotten before it is answered.
            Left::Known(_) if statement.tables == Tables::Used => Some(NONE),
            Left::Known(conditions) => Some(conditions),
            Left::Held => None,
        }
    }

    /// What a text that asks for them has to know besides them.
    pub(crate) async fn asked(&mut self, text: &[u8]) -> Asked {
        let row_count = self.state.row_count.known().unwrap_or(-1);
        let variable = match Asked::variable_of(text, self.state.lex) {
            Some(name) => self.whole_number(&name).await,
            None => None,
        };
        Asked { row_count, variable }
    }

    /// A user variable that is a whole number, or NULL, which counts as 0.
    async fn whole_number(&mut self, name: &str) -> Option<i64> {
        if let Some(lease) = self.binding.lease_mut() {
            let [value] = lease.ask([&format!("@`{}`", name.replace('`', "``"))]).await.ok()??;
            return value.map_or(Some(0), |value| value.parse().ok());
        }
        match self.state.user_variables.get(name) {
            None => Some(0),
            Some(value) if value.starts_with("NULLIF") => Some(0),
            Some(value) => value.trim_start_matches("CAST(").trim_end_matches(" AS UNSIGNED)").parse().ok(),
        }
    }

    /// Takes them from a connection that is not needed for anything else. False, if they can only stay where they are.
    pub(crate) async fn take_conditions(&mut self, lease: &mut Lease) -> Result<bool, BackendError> {
        if matches!(self.left, Left::Known(_)) {
            return Ok(true);
        }
        if self.state.mysql {
            self.left = Left::default();
            return Ok(true);
        }
        // With the other grammar that `sql_mode=ORACLE` has, asking would be an error, which is all that would be left.
        if self.state.lex.unprovable {
            return Ok(false);
        }
        let snapshot = self.worker.topology.snapshot();
        let version = snapshot.backend(lease.backend()).and_then(|view| view.version.as_deref());
        let details = ask(version.is_some_and(knows_rows), neutral);
        let [counts, rows] = match lease.all_rows([&select(COUNTS), &details]).await {
            Ok(answers) => answers,
            // A refusal is no answer: they stay where they are.
            Err(error @ BackendError::Refused { .. }) => {
                tracing::info!(session = self.id, %error, "a server refused to tell warnings: the session keeps its connection");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if rows.len() > MOST {
            return Ok(false);
        }
        self.left = Left::Known(Conditions::parse(&counts, &rows).unwrap_or_default());
        Ok(true)
    }

    /// The same with the connection that the session holds.
    pub(crate) async fn keep_conditions(&mut self) -> Result<bool, SessionError> {
        if matches!(self.left, Left::Known(_)) {
            return Ok(true);
        }
        let Some(mut held) = self.binding.take() else {
            self.left = Left::default();
            return Ok(true);
        };
        let taken = self.take_conditions(&mut held.lease).await;
        self.binding = Binding::to(held);
        taken.map_err(|error| SessionError::HeldConnectionLost(error.to_string()))
    }

    /// Holds a connection while something needs it. What it has of conditions does not need it.
    pub(crate) async fn hold(&mut self, mut held: Held<Lease>) {
        if fate(self.in_transaction(), held.pins) == Fate::Release {
            match self.take_conditions(&mut held.lease).await {
                Ok(true) => return self.put_back(held.lease),
                Ok(false) => held.pins |= Pins::DIAGNOSTICS,
                Err(error) => {
                    tracing::debug!(session = self.id, %error, "a connection was lost with the warnings on it");
                    self.left = Left::default();
                    return;
                }
            }
        }
        self.binding = Binding::to(held);
    }

    /// The statement that makes a MySQL raise an error that it would have raised itself, if it knew the session's prepared
    /// statements: after it, the connection has it to show.
    pub(crate) fn raised<'a>(&self, unserved: &Unserved, packet: &'a [u8]) -> Option<Job<'a>> {
        if !self.state.mysql || !matches!(unserved, Unserved::UnknownStatement { .. } | Unserved::NoCursor { .. }) {
            return None;
        }
        if let (Unserved::UnknownStatement { id, .. }, Some(lease)) = (unserved, self.binding.lease())
            && self.binding.pins().contains(Pins::DIAGNOSTICS)
            && !lease.has_prepared(*id)
            && let Some(command) = command_of(packet)
        {
            // The server does not know it either, and keeps the warnings that there are.
            return Some(Job::command(command, packet, Class::Diagnostics));
        }
        let told = unserved.packet();
        let error = ErrPacket::parse(&told).ok()?;
        let (state, message) = (String::from_utf8_lossy(&error.state), String::from_utf8_lossy(&error.message));
        let signal = format!(
            "SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO={},MESSAGE_TEXT='{}'",
            error.code,
            message.replace(['\'', '\\'], " ")
        );
        let attributes: &[u8] = match self.capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
            true => &NO_ATTRIBUTES,
            false => &[],
        };
        let kind = Kind::substituted(attributes, signal.as_bytes());
        Some(Job { kind, ..Job::command(CommandByte::Query, packet, Class::Session) })
    }

    /// An error that no server has seen is one of the session's, too.
    pub(crate) fn note_own_error(&mut self, unserved: &Unserved) {
        if !self.state.mysql
            && let Ok(error) = ErrPacket::parse(&unserved.packet())
        {
            let (state, message) = (String::from_utf8_lossy(&error.state), String::from_utf8_lossy(&error.message));
            self.left = Left::Known(Conditions::error(error.code, &state, &message));
        }
    }
}

/// The command that a packet is.
fn command_of(packet: &[u8]) -> Option<CommandByte> {
    let first = *splitfin_protocol::frame::payload(packet).first()?;
    [CommandByte::StmtExecute, CommandByte::StmtReset, CommandByte::StmtFetch]
        .into_iter()
        .find(|command| *command as u8 == first)
}

/// Runs a statement for what it leaves behind. In the middle of an XA transaction it is refused, which leaves something as
/// well.
async fn run_own(lease: &mut Lease, sql: &str) -> Result<(), BackendError> {
    match lease.run(sql).await {
        Ok(()) | Err(BackendError::Refused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a MariaDB of this version knows to which row a condition belongs.
fn knows_rows(version: &str) -> bool {
    let mut numbers = version.split(|byte: char| !byte.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(10), Some(7))
}

/// Whether one of several statements may ask for what was on the connection before all of them.
fn asks_in_the_middle(statement: &Statement) -> bool {
    statement.class == Class::Write(Because::SeveralStatements) && statement.asks.contains(Asks::OWN_VALUES)
}

fn gets_diagnostics(statement: &Statement) -> bool {
    statement.class == Class::Diagnostics && statement.verb == Verb::Get
}

/// It uses a table, and so ends what a MariaDB has to show. What is only explained is under no limit.
const FORGET: &str = "EXPLAIN SELECT 1 FROM information_schema.ENGINES";
/// Rows of an answer with more conditions than are carried about: they hold their connection.
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_know_rows_from_10_7_on() {
        for version in ["10.7.1-MariaDB", "10.11.14-MariaDB-log", "11.4.2-MariaDB", "12.0"] {
            assert!(knows_rows(version), "{version}");
        }
        for version in ["10.6.18-MariaDB", "10.5", "5.5.5", "", "x"] {
            assert!(!knows_rows(version), "{version}");
        }
    }
}
