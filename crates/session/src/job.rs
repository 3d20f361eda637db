//! A command that a server has to run, and what has to be done to it on its way.

use crate::prepared::Execution;
use splitfin_backend::StatementKey;
use splitfin_protocol::CommandByte;
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::packet::attributes::encode_query;
use splitfin_router::{Asks, Because, Class, Hint, Inserts, Leaves, Statement, Verb};
use std::borrow::Cow;
use std::rc::Rc;

/// A command that a server has to run.
pub(crate) struct Job<'a> {
    pub(crate) command: CommandByte,
    /// The client's packet, headers included.
    pub(crate) packet: &'a [u8],
    pub(crate) statement: Rc<Statement>,
    pub(crate) hint: Option<Hint>,
    pub(crate) kind: Kind<'a>,
    /// This statement and those after it, where it is one of several that are run one by one, and not the last.
    pub(crate) and_rest: Option<Rest<'a>>,
}

/// A statement of a text and those after it, with the text's attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest<'a> {
    pub(crate) attributes: &'a [u8],
    pub(crate) text: &'a [u8],
}

/// What has to be done to a job's packet on its way.
pub(crate) enum Kind<'a> {
    /// Nothing.
    Plain,
    /// It was replaced by one with the session's own values in it.
    Substituted { packet: Vec<u8> },
    /// The reply gets the client's statement id, and the packet may have the session's own values in it.
    Prepare { id: u32, key: Rc<StatementKey>, packet: Option<Vec<u8>> },
    /// It gets the id that the statement has on the connection, where it is prepared first if need be.
    Execute { id: u32, execution: Execution<'a> },
    /// It was rewritten for the held connection.
    Rewritten { id: u32, packet: Vec<u8> },
}

impl Kind<'_> {
    /// Another text for a COM_QUERY.
    pub(crate) fn substituted(attributes: &[u8], text: &[u8]) -> Self {
        Self::Substituted { packet: query_packet(attributes, text) }
    }
}

/// A COM_QUERY.
pub(crate) fn query_packet(attributes: &[u8], text: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(attributes.len() + text.len() + 5);
    write_packet(&mut packet, 0, &encode_query(attributes, text));
    packet
}

impl<'a> Job<'a> {
    /// A command that is not SQL.
    pub(crate) fn command(command: CommandByte, packet: &'a [u8], class: Class) -> Self {
        let statement = Rc::new(Statement::of_command(command.name(), class));
        Self { command, packet, statement, hint: None, kind: Kind::Plain, and_rest: None }
    }

    /// Whether another text is sent than the client's own, and an error that shows it can only be about that: not about what a
    /// routine runs.
    pub(crate) fn can_be_sent_as_written(&self) -> bool {
        let runs_others = match self.statement.verb {
            Verb::Call | Verb::Execute => true,
            Verb::Several => self.statement.leaves.contains(Leaves::RUNS_OTHERS),
            _ => false,
        };
        match self.kind {
            Kind::Prepare { packet: Some(_), .. } => true,
            Kind::Substituted { .. } => !runs_others,
            _ => self.and_rest.is_some() && !runs_others,
        }
    }

    /// The client's own text, and what follows it.
    pub(crate) fn as_written(&self) -> Cow<'a, [u8]> {
        match self.and_rest {
            Some(Rest { attributes, text }) => query_packet(attributes, text).into(),
            None => self.packet.into(),
        }
    }

    /// Whether its server may ask the client for a file: LOAD DATA LOCAL does, and what may run it.
    pub(crate) fn may_send_file(&self) -> bool {
        let loads = self.statement.last_insert_id.inserts == Some(Inserts::Untold);
        matches!(self.statement.class, Class::Write(_)) && (loads || self.leaves().contains(Leaves::RUNS_OTHERS))
    }

    /// Whether running it twice does no harm, so that it may be sent after a preamble that can fail, and be sent again.
    pub(crate) fn is_repeatable(&self) -> bool {
        matches!(self.kind, Kind::Prepare { .. }) || self.statement.class == Class::Read
    }

    /// Whether it may reach a held connection to a replica, inside a READ ONLY transaction: what reads, there or of the
    /// session, but nothing that starts a writable transaction, leaves something behind that holds the connection, or shows
    /// which server that is.
    pub(crate) fn may_run_guarded(&self) -> bool {
        let reads = match self.statement.class {
            Class::Read | Class::Session | Class::Diagnostics => true,
            Class::Write(Because::LastInsertId | Because::AssignsVariable) => true,
            Class::Write(Because::IntoTarget) => self.leaves().contains(Leaves::USER_VARIABLE),
            Class::Write(Because::ServerLocal) => self.leaves().contains(Leaves::CALC_FOUND_ROWS),
            _ => false,
        };
        // These are known by value after the statement, or after the transaction.
        let known = Leaves::CALC_FOUND_ROWS | Leaves::USER_VARIABLE | Leaves::SCOPED_VARIABLES | Leaves::SKIPS_ROWS;
        let of_connection = Asks::CONDITION_COUNTS | Asks::CONDITIONS | Asks::ONE_BY_ONE;
        match &self.kind {
            Kind::Prepare { .. } => true,
            // Rows that are left to be fetched hold their connection.
            Kind::Execute { execution, .. } if execution.wants_cursor() => false,
            _ => reads && (self.leaves() - known).is_empty() && !self.asks().intersects(of_connection),
        }
    }

    /// Whether it is COMMIT or ROLLBACK, after which no savepoint is left. Preparing one ends nothing.
    pub(crate) fn ends_transaction(&self) -> bool {
        matches!(self.statement.verb, Verb::Commit | Verb::Rollback) && self.runs()
    }

    /// Whether sessions that begin after it may have other defaults.
    pub(crate) fn sets_global(&self) -> bool {
        self.statement.sets_global && self.runs()
    }

    /// Whether the statement runs, and is not just prepared.
    pub(crate) const fn runs(&self) -> bool {
        !matches!(self.kind, Kind::Prepare { .. })
    }

    /// What it asks for.
    pub(crate) fn asks(&self) -> Asks {
        if self.runs() { self.statement.asks } else { Asks::empty() }
    }

    /// What it leaves behind.
    pub(crate) fn leaves(&self) -> Leaves {
        if self.runs() { self.statement.leaves } else { Leaves::empty() }
    }

    /// Which rows it inserts.
    pub(crate) fn inserts(&self) -> Option<Inserts> {
        self.statement.last_insert_id.inserts.filter(|_| self.runs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_router::{LexMode, Statements};

    #[test]
    fn only_what_loads_may_send_a_file() {
        let mut statements = Statements::new(1 << 16);
        let mut may = |text: &str| {
            let statement = statements.look_up(text.as_bytes(), LexMode::default()).statement;
            Job { statement, ..Job::command(CommandByte::Query, &[], Class::Session) }.may_send_file()
        };
        for text in [
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "SELECT 1; LOAD XML LOCAL INFILE 'x' INTO TABLE t",
            "/*!50000 LOAD DATA LOCAL INFILE 'x' INTO TABLE t */",
            "EXECUTE s",
        ] {
            assert!(may(text), "{text}");
        }
        for text in
            ["SELECT 'load'", "SELECT * FROM t", "INSERT INTO t VALUES ('load data')", "SET NAMES utf8mb4", "COMMIT"]
        {
            assert!(!may(text), "{text}");
        }
    }
}
