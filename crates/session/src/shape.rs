//! What a client has to be told differently from how a server tells it.

use crate::execute::sequence_after;
use crate::job::{Job, Kind};
use crate::serve::Session;
use splitfin_protocol::reshape::ClientShape;
use splitfin_protocol::session_track::Tracking;
use splitfin_protocol::{Capabilities, Status};
use splitfin_router::{Because, Class, Leaves, Verb, count_statements, scoped_modes};
use std::rc::Rc;

impl Session {
    /// What the reply has to be like, for the client's command that was sent as `packet`.
    pub(crate) fn shape(&self, job: &Job<'_>, packet: &[u8], looks_at_tracking: bool) -> ClientShape {
        ClientShape {
            capabilities: self.capabilities,
            status: self.state.status,
            scoped: self.scoped_status(job),
            tracking: match looks_at_tracking {
                true => Rc::new(Tracking::everything()),
                false => Rc::clone(&self.state.tracking),
            },
            told: self.state.told,
            pending: self.state.pending.clone(),
            no_warnings: false,
            ids: None,
            mysql: self.state.mysql,
            statement: match job.kind {
                Kind::Prepare { id, .. } => Some(id),
                _ => None,
            },
            columns: match job.kind {
                Kind::Execute { id, execution } if !execution.wants_cursor() => {
                    self.prepared.get(id).map_or(0, |client| client.columns)
                }
                _ => 0,
            },
            shift: self.sequence.wrapping_sub(sequence_after(packet)),
            more: job.and_rest.is_some(),
            results: self.results(job),
        }
    }

    /// How many results a reply has at least: what has to be known for the EOF before its rows, if the client wants one.
    fn results(&self, job: &Job<'_>) -> usize {
        match job.statement.class {
            _ if self.capabilities.contains(Capabilities::DEPRECATE_EOF) => 0,
            Class::Write(Because::SeveralStatements) | Class::Diagnostics => {
                count_statements(&self.text_of(job), self.state.lex)
            }
            // An OK follows the rows of a program.
            _ if job.statement.verb == Verb::Call => usize::MAX,
            _ => 0,
        }
    }

    /// What a statement makes of the status flags while it runs, for the EOF before its rows.
    fn scoped_status(&self, job: &Job<'_>) -> Option<(Status, Status)> {
        let is_told = !self.capabilities.contains(Capabilities::DEPRECATE_EOF);
        if !is_told || !job.statement.leaves.contains(Leaves::SCOPED_VARIABLES) {
            return None;
        }
        let modes = match &job.kind {
            Kind::Prepare { key, .. } => scoped_modes(&key.sql, self.state.lex)?,
            _ => scoped_modes(&self.text_of(job), self.state.lex)?,
        };
        let mut set = Status::empty();
        set.set(Status::ANSI_QUOTES, modes.ansi_quotes);
        set.set(Status::NO_BACKSLASH_ESCAPES, modes.no_backslash_escapes);
        Some((Status::ANSI_QUOTES | Status::NO_BACKSLASH_ESCAPES, set))
    }
}
