//! LAST_INSERT_ID(): what the session has of it, what its connection has, and what a reply tells.
//!
//! An OK tells the id that was generated, or, if none was, the one that the statement itself gave to its last row: that is
//! no LAST_INSERT_ID(). Source: the end of `mysql_insert` in `sql_insert.cc`. An error and the end of rows tell nothing, and
//! rows that were inserted before an error have changed it all the same. An id that does not stand in the statement was
//! generated; after any other one the connection is asked. What it says only means something where it is known what it
//! gave before: another session's id may be on it, and may be the very number that the statement gave.

use crate::binding::Held;
use crate::count::Count;
use crate::job::Job;
use crate::serve::Session;
use splitfin_backend::Lease;
use splitfin_protocol::Outcome;
use splitfin_router::{Asks, Inserts, Leaves, Verb, may_state};

impl Session {
    /// The id that the lease must have before a job runs there: the session's, if the job may ask for it, or if it could not be
    /// told afterwards whether it was changed.
    pub(crate) fn last_insert_id_for(&self, job: &Job<'_>, held: &Held<Lease>) -> Option<u64> {
        if held.unread.last_insert_id {
            // The connection is the only one that has it.
            return None;
        }
        let own = self.state.last_insert_id.known().unwrap_or(0);
        if held.lease.last_insert_id() == Some(own) {
            return Some(own);
        }
        let needs = job.asks().contains(Asks::LAST_INSERT_ID)
            || job.leaves().intersects(Leaves::RUNS_OTHERS | Leaves::UNREPORTED)
            || (job.inserts().is_some() && !self.would_show(held.lease.last_insert_id(), job));
        needs.then_some(own)
    }

    /// Whether a connection that has another session's id gives another one after a job that generates some.
    fn would_show(&self, others: Option<u64>, job: &Job<'_>) -> bool {
        others.is_some_and(|id| id == 0 || self.cannot_state(id, job))
    }

    /// Whether a job certainly gives no row this id.
    fn cannot_state(&self, id: u64, job: &Job<'_>) -> bool {
        // Of an execution, the text and the parameters.
        let sent = [self.text_of(job), splitfin_protocol::frame::payload(job.packet)];
        job.statement.last_insert_id.inserts == Some(Inserts::Values) && sent.iter().all(|sent| !may_state(id, sent))
    }

    /// Notes whether the connection has to be asked for LAST_INSERT_ID() after a reply. `before` is what it was for the session.
    pub(crate) fn note_last_insert_id(
        &self,
        before: Count<u64>,
        held: &mut Held<Lease>,
        outcome: &Outcome,
        job: &Job<'_>,
    ) {
        let Held { lease, unread, .. } = held;
        if self.may_be_untold(outcome, job) {
            if !unread.last_insert_id {
                unread.unchanged = lease.last_insert_id().map(|id| (id, before));
            }
            unread.last_insert_id = true;
            lease.note_last_insert_id(None);
        } else if outcome.last_insert_id != 0 {
            (unread.last_insert_id, unread.unchanged) = (false, None);
            lease.note_last_insert_id(Some(outcome.last_insert_id));
        }
    }

    /// Whether LAST_INSERT_ID() may be something else than what the reply tells, if it tells anything.
    fn may_be_untold(&self, outcome: &Outcome, job: &Job<'_>) -> bool {
        let sets = job.runs() && job.statement.last_insert_id.sets;
        let inserts = job.inserts();
        if job.leaves().contains(Leaves::UNREPORTED) {
            return true;
        }
        match outcome.last_insert_id {
            _ if outcome.error.is_some() => inserts.is_some() || sets,
            0 => sets || (inserts.is_some() && outcome.rows > 0) || inserts == Some(Inserts::Untold),
            _ if sets && job.statement.verb == Verb::Update => false,
            id => !self.cannot_state(id, job),
        }
    }
}

/// Whether a statement, or a routine that it may run, asks for the session's last generated id.
pub(crate) fn asks_last_id(job: &Job<'_>) -> bool {
    let asks = job.asks().contains(Asks::LAST_INSERT_ID) || job.leaves().contains(Leaves::RUNS_OTHERS);
    asks && !job.statement.last_insert_id.sets
}
