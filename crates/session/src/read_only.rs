//! READ ONLY transactions: they begin on a replica, and go on on the primary when a statement needs that.
//!
//! A server runs more in them than reads: it takes user locks, calls procedures, and ends them silently before a
//! CREATE TABLE. Nothing of that may reach a replica, so the transaction is begun again on the primary, which then decides
//! about the statement as it would have from the start. What can be seen of it is that later reads have a newer snapshot.

use crate::binding::{Binding, Fate, Held, fate};
use crate::error::Unserved;
use crate::failure::{Cause, Failed, Failure};
use crate::job::Job;
use crate::serve::Session;
use splitfin_backend::question::COMMIT;
use splitfin_backend::{BackendError, Lease};
use splitfin_protocol::Status;
use splitfin_protocol::exchange::ServerError;
use splitfin_router::{Decision, Pins, Reason, Refusal, Verb};
use splitfin_topology::Snapshot;

/// Statements that have set savepoints in a READ ONLY transaction on a replica.
#[derive(Debug, Default)]
pub(crate) struct Savepoints {
    statements: Vec<Box<str>>,
    bytes: usize,
}

impl Savepoints {
    pub(crate) fn note(&mut self, statement: &str) {
        self.bytes += statement.len() + size_of::<Box<str>>();
        self.statements.push(statement.into());
    }

    /// Whether there is no room for more: then the server that may write keeps them, unless the transaction ends.
    pub(crate) const fn is_full(&self) -> bool {
        self.bytes > MOST_BYTES
    }
}

/// Bytes of statements that are run again when a READ ONLY transaction goes on elsewhere.
const MOST_BYTES: usize = 16 * 1024;

impl Session {
    /// Whether the session holds a connection to a replica, as it does inside a READ ONLY transaction.
    pub(crate) fn is_guarded(&self) -> bool {
        self.binding.lease().is_some_and(|lease| lease.is_guarded())
    }

    /// A READ ONLY transaction that starts ends the one before it, and is free to go where it belongs.
    pub(crate) async fn commit_on_replica(&mut self) {
        let _ = self.keep_conditions().await;
        let Some(Held { lease, pins, .. }) = self.binding.take() else { return };
        self.state.status -= Status::IN_TRANS | Status::IN_TRANS_READONLY;
        self.end_on_replica(lease, pins).await;
    }

    async fn end_on_replica(&mut self, mut lease: Lease, pins: Pins) {
        // Nothing can be lost that was only read: if it does not work, the connection is closed.
        if lease.run(COMMIT).await.is_ok() && pins.is_empty() {
            self.put_back(lease);
        }
    }

    /// Begins the READ ONLY transaction again on the primary, if it is not over, with all that the session has set meanwhile.
    /// If that does not work, it stays where it is.
    pub(crate) async fn move_to_primary(&mut self) -> Result<(), Unserved> {
        // What is lost with the connection is told when it is asked for.
        let _ = self.learn_counts().await;
        let _ = self.keep_conditions().await;
        let snapshot = self.worker.topology.snapshot();
        let decision = Decision::on_primary(&snapshot, Reason::ReadOnlyTransaction)
            .ok_or_else(|| Refusal::NoPrimary("a READ ONLY transaction has to go on on the primary".to_owned()))?;
        let Some(mut old) = self.binding.take() else { return Ok(()) };
        let prepared = self.begin_again(&mut old, &decision, &snapshot).await;
        match prepared {
            Ok(lease) => {
                tracing::debug!(session = self.id, "a READ ONLY transaction goes on on the primary");
                // Long variables hold this one as they held that.
                let pins = old.pins & Pins::USER_VARIABLE;
                let (variables, opening) = (std::mem::take(&mut old.variables), std::mem::take(&mut old.opening));
                let new = Held { pins, variables, opening, ..Held::new(lease) };
                self.end_on_replica(old.lease, old.pins - Pins::USER_VARIABLE).await;
                match fate(self.in_transaction(), new.pins) {
                    Fate::Release => self.put_back(new.lease),
                    _ => self.binding = Binding::to(new),
                }
                Ok(())
            }
            Err(error) => {
                self.binding = Binding::to(old);
                Err(error)
            }
        }
    }

    async fn begin_again(
        &mut self,
        old: &mut Held<Lease>,
        decision: &Decision,
        snapshot: &Snapshot,
    ) -> Result<Lease, Unserved> {
        if old.unread.is_any() {
            // What only this connection knows would be lost with it.
            self.read_back(old).await?;
            if old.unread.is_any() {
                return Err(Unserved::CannotMove);
            }
        }
        if old.pins.contains(Pins::USER_VARIABLE) {
            self.carry_user_variables(old).await?;
        }
        let wanted = self.state.wanted(false);
        let mut lease = self.check_out(&decision.eligible, &wanted, snapshot).await.map_err(unserved)?;
        lease.apply(&wanted).await?;
        if self.in_transaction() {
            lease.run("START TRANSACTION READ ONLY").await?;
            for savepoint in &old.savepoints.statements {
                lease.run(savepoint).await?;
            }
        }
        Ok(lease)
    }

    /// User variables go along by value.
    async fn carry_user_variables(&mut self, old: &mut Held<Lease>) -> Result<(), Unserved> {
        old.variables.extend(self.state.user_variables.keys().cloned());
        match old.lease.user_variables(&old.variables, usize::MAX).await? {
            Some(values) => {
                self.state.user_variables = values;
                Ok(())
            }
            None => Err(Unserved::CannotMove),
        }
    }

    /// Takes in what a statement does to the savepoints, which would have to be set again elsewhere. The end of the
    /// transaction is the end of all of them.
    pub(crate) fn note_savepoints(&self, held: &mut Held<Lease>, job: &Job<'_>) {
        // With AND CHAIN another one is open already.
        if !self.in_transaction() || job.ends_transaction() {
            held.savepoints = Savepoints::default();
        } else if job.runs() && matches!(job.statement.verb, Verb::Savepoint | Verb::Release | Verb::RollbackTo) {
            held.savepoints.note(&String::from_utf8_lossy(&self.text_of(job)));
        }
    }
}

fn unserved(failed: Failed) -> Unserved {
    match failed.failure {
        Failure::Retry(Cause::NotSent(error) | Cause::Sent(error)) => error.into(),
        Failure::Server(ServerError { code, state, message }) => {
            BackendError::Refused { statement: "START TRANSACTION READ ONLY".to_owned(), code, state, message }.into()
        }
        // No statement was sent, so none was refused.
        Failure::Retry(_) | Failure::Session(_) => Unserved::CannotMove,
    }
}
