//! The beginning of a transaction can be had again elsewhere, as long as nothing was done in it; and what else moves when
//! a server refuses writes or does not answer.

use crate::attempt::Sending;
use crate::binding::{Binding, Held};
use crate::consistency::Routed;
use crate::error::{SessionError, Unserved};
use crate::failover::LOOK_AGAIN;
use crate::failure::{Failed, Failure, timed_out};
use crate::job::{Job, Kind};
use crate::metrics::add;
use crate::relay::Relayed;
use crate::retries::Retries;
use crate::serve::{Next, Session};
use splitfin_backend::{Lease, Wanted};
use splitfin_protocol::CommandByte;
use splitfin_router::consistency::Needed;
use splitfin_router::{Access, Class, Decision, Leaves, Pins, Reason, sets_read_only};
use splitfin_topology::{BackendId, Snapshot};
use splitfin_transport::Framed;
use std::task::Poll;
use std::time::Instant;

/// The statements that have begun the open transaction: characteristics that were set for it, and its BEGIN.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    statements: Vec<String>,
    /// BEGIN was among them.
    begun: bool,
    /// There were more than are kept.
    is_cut: bool,
}

impl Opening {
    fn note(&mut self, statement: String) {
        self.is_cut |= self.statements.len() == MOST_STATEMENTS || statement.len() > LONGEST;
        if !self.is_cut {
            self.statements.push(statement);
        }
    }

    /// Whether the transaction has done nothing yet, on a connection that has nothing else that could not be had elsewhere.
    pub(crate) fn is_all_there_is(&self, pins: Pins) -> bool {
        // What was set for this transaction alone is among the statements.
        self.begun && !self.is_cut && (pins - (Pins::DIAGNOSTICS | Pins::ONE_SHOT_TRANSACTION)).is_empty()
    }
}

/// Statements that begin a transaction: more are not repeated elsewhere.
const MOST_STATEMENTS: usize = 16;
/// Bytes of one of them.
const LONGEST: usize = 1024;

impl Session {
    /// Takes in what a statement means for the beginning of a transaction, if its connection is held.
    pub(crate) fn note_opening(&mut self, job: &Job<'_>, failed: bool) {
        let is_text = job.command == CommandByte::Query && matches!(job.kind, Kind::Plain) && job.and_rest.is_none();
        let text = if is_text { String::from_utf8_lossy(&self.text_of(job)).into_owned() } else { String::new() };
        let silent = matches!(job.statement.class, Class::Session | Class::Diagnostics)
            && job.leaves().is_empty()
            && job.asks().is_empty();
        let Some(Held { opening, .. }) = self.binding.held_mut() else { return };
        match job.statement.class {
            Class::Begin { .. } if is_text && !failed => {
                if opening.begun {
                    *opening = Opening::default();
                }
                opening.note(text);
                opening.begun = true;
            }
            _ if is_text && !failed && job.leaves() == Leaves::ONE_SHOT_TRANSACTION && !opening.begun => {
                opening.note(text);
            }
            _ if matches!(job.kind, Kind::Prepare { .. }) || silent => {}
            _ => *opening = Opening::default(),
        }
    }

    /// Whether a write that this server refuses may be had from another one soon.
    pub(crate) fn may_be_replaced(&self, backend: BackendId) -> bool {
        self.made_read_only.get() != Some(backend) && self.worker.topology.snapshot().replaceable
    }

    /// Notes a change of `read_only` by this session: who does that knows why writes are refused.
    pub(crate) fn note_read_only(&self, backend: BackendId, job: &Job<'_>) {
        if let Some(on) = sets_read_only(&self.text_of(job), self.state.lex) {
            self.made_read_only.set(on.then_some(backend));
            self.worker.pools.suspect_roles(backend);
        }
    }

    /// Without a primary: the way to the server that was it, for who takes its `read_only` back, or has set it.
    pub(crate) fn on_resort(&self, job: &Job<'_>) -> Option<Routed> {
        let snapshot = self.worker.topology.snapshot();
        let resort = snapshot.resort?;
        let sets = job.sets_global() && sets_read_only(&self.text_of(job), self.state.lex).is_some();
        if !sets && self.made_read_only.get() != Some(resort) {
            return None;
        }
        let decision = Decision {
            eligible: [resort].into_iter().collect(),
            access: Access::ReadWrite,
            reason: Reason::Session,
            scope: splitfin_router::Scope::default(),
        };
        Some(Routed { decision, needed: Needed::default(), waited: None })
    }

    /// As [`Session::attempt`]; gives up when the server does not answer any more, if the statement may move then.
    pub(crate) async fn attempt_or_move(
        &self,
        client: &mut Framed,
        lease: &mut Lease,
        job: &Job<'_>,
        wanted: &Wanted,
        sending: Sending<'_>,
        moves: bool,
    ) -> Result<Relayed, Failure> {
        let backend = lease.backend();
        self.progress.is_on(lease, moves);
        self.unless_silent(backend, moves, self.attempt(client, lease, job, wanted, sending)).await
    }

    /// Does what is to be done on a server, of which [`crate::cancel::Progress::is_on`] was told; gives up when it does not
    /// answer any more, if the statement may move then.
    pub(crate) async fn unless_silent<T, E>(
        &self,
        backend: BackendId,
        moves: bool,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        if !moves {
            return Ok(work.await?);
        }
        // Who falls silent from now on is looked at again; who did since the choice was made is not.
        if self.worker.is_silent(backend) {
            return Err(Failure::not_sent(timed_out()));
        }
        tokio::select! {
            biased;
            result = work => Ok(result?),
            () = self.progress.should_be_elsewhere() => Err(Failure::sent(timed_out())),
        }
    }

    /// As [`Session::check_out`]; gives up when one of the servers does not answer any more, if the statement may move.
    pub(crate) async fn check_out_of_answering(
        &mut self,
        eligible: &[BackendId],
        wanted: &Wanted,
        snapshot: &Snapshot,
        moves: bool,
    ) -> Result<Lease, Failed> {
        if !moves {
            return self.check_out(eligible, wanted, snapshot).await;
        }
        let worker = std::rc::Rc::clone(&self.worker);
        // `cancel::run` has it looked at when servers move. Thousands may wait: a timer for each would be most of the work.
        let falls_silent = std::future::poll_fn(|_| {
            let silent = eligible.iter().find(|backend| worker.is_silent(**backend));
            silent.map_or(Poll::Pending, |backend| Poll::Ready(*backend))
        });
        tokio::select! {
            biased;
            lease = self.check_out(eligible, wanted, snapshot) => lease,
            backend = falls_silent => Err(Failure::not_sent(timed_out()).at(backend)),
        }
    }

    /// Begins the transaction, in which nothing was done, on the primary that there is or will be, and runs `job` there.
    pub(crate) async fn begin_elsewhere(
        &mut self,
        client: &mut Framed,
        job: &Job<'_>,
        lost: Held<Lease>,
        why: String,
    ) -> Result<Next, SessionError> {
        let Held { lease, opening, pins, .. } = lost;
        let failed = lease.backend();
        drop(lease);
        self.progress.set(crate::cancel::Phase::Waiting);
        let since = Instant::now();
        let mut retries = Retries::default();
        loop {
            if self.active.elapsed() >= self.worker.settings().hold || self.worker.is_draining() {
                let unserved = Unserved::UnknownOutcome(why);
                crate::reply::error(client, self.sequence, &unserved).await?;
                client.close().await;
                return Err(SessionError::HeldConnectionLost(unserved.to_string()));
            }
            let snapshot = self.worker.topology.snapshot();
            let looked_again = snapshot.backend(failed).is_some_and(|view| view.progress.seen > Some(since));
            let primary = snapshot.writer().filter(|primary| *primary != failed || looked_again);
            if let Some(primary) = primary.filter(|primary| retries.may_ask(*primary, Instant::now())) {
                if let Some(lease) = self.begin_on(primary, &opening, &snapshot).await {
                    tracing::debug!(session = self.id, %why, "a transaction that had done nothing goes on elsewhere");
                    add(&self.worker.metrics.retries, 1);
                    let pins = pins - Pins::DIAGNOSTICS;
                    self.binding = Binding::to(Held { pins, opening, ..Held::new(lease) });
                    return Box::pin(self.execute_held(client, job, false)).await;
                }
                retries.note(primary);
                retries.pause(Instant::now());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The transaction, begun on this server, if that can be had.
    async fn begin_on(&mut self, primary: BackendId, opening: &Opening, snapshot: &Snapshot) -> Option<Lease> {
        let wanted = self.state.wanted(false);
        let mut lease = self.check_out(&[primary], &wanted, snapshot).await.ok()?;
        lease.apply(&wanted).await.ok()?;
        for statement in &opening.statements {
            if lease.run(statement).await.is_err() {
                lease.note_refusal();
                return None;
            }
        }
        Some(lease)
    }
}
