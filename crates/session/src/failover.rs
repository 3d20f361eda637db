//! What becomes of a statement whose server failed, refused it, or is not the primary any more.
//!
//! A statement is sent again only if no byte of it reached a server, if the server said that it takes no writes, or if it
//! is a read outside of transactions whose client has not got a byte of the reply.

use crate::consistency::Routed;
use crate::error::{SessionError, Unserved};
use crate::failure::Cause;
use crate::job::Job;
use crate::metrics::add;
use crate::retries::Retries;
use crate::serve::Session;
use splitfin_backend::{Account, BackendError, StandIn};
use splitfin_protocol::exchange::ServerError;
use splitfin_router::consistency::Needed;
use splitfin_router::{Access, Because, Class, Misses, Reason, Refusal};
use splitfin_topology::{BackendId, Snapshot};
use splitfin_transport::Framed;
use std::time::{Duration, Instant, SystemTime};

/// What a session was doing on a server when another one became the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deposed {
    /// Nothing at that moment, but it has a transaction or something else open there.
    Held,
    /// A statement runs.
    Running {
        /// The client has got some of the reply.
        replied: bool,
    },
}

impl Session {
    /// Waits until there is a primary, as long as writes are held.
    pub(crate) async fn wait_for_primary(
        &mut self,
        job: &Job<'_>,
        started: Instant,
        why: String,
    ) -> Result<Routed, Unserved> {
        let mut why = why;
        while started.elapsed() < self.worker.settings().hold && !self.worker.is_draining() {
            tokio::time::sleep(LOOK_AGAIN).await;
            match self.decide(job).await {
                Ok(routed) => return Ok(routed),
                Err(Refusal::NoPrimary(now)) => why = now,
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Err(Unserved::NoPrimary { waited: started.elapsed(), why })
    }

    /// The server that was the primary refused a write. Waits until another one is, or until that one was looked at
    /// again and still is.
    pub(crate) async fn wait_for_successor(
        &mut self,
        job: &Job<'_>,
        started: Instant,
        deposed: BackendId,
        error: &ServerError,
    ) -> Result<Routed, Unserved> {
        let refused = Instant::now();
        loop {
            let snapshot = self.worker.topology.snapshot();
            let looked_again = snapshot.backend(deposed).is_some_and(|view| view.progress.seen > Some(refused));
            let waited = started.elapsed();
            if waited >= self.worker.settings().hold || self.worker.is_draining() {
                let why = format!("{} refused: error {}: {}", name(&snapshot, deposed), error.code, error.message);
                return Err(Unserved::NoPrimary { waited, why });
            }
            match snapshot.writer() {
                Some(primary) if primary == deposed && !looked_again => {}
                None => {}
                Some(_) => {
                    add(&self.worker.metrics.retries, 1);
                    return match self.decide(job).await {
                        Ok(routed) => Ok(routed),
                        Err(Refusal::NoPrimary(why)) => self.wait_for_primary(job, started, why).await,
                        Err(refusal) => Err(refusal.into()),
                    };
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What to do after a failed attempt: another of the eligible, the primary, or giving up.
    pub(crate) async fn reconsider(
        &mut self,
        job: &Job<'_>,
        routed: Routed,
        (at, cause): (BackendId, Cause),
        started: Instant,
        retries: &mut Retries,
    ) -> Result<Routed, Unserved> {
        let mut routed = routed;
        let snapshot = self.worker.topology.snapshot();
        let (error, sent) = match cause {
            Cause::RefusedAsWrite => {
                add(&self.worker.metrics.corrected, 1);
                tracing::warn!(session = self.id, digest = %job.statement.digest, statement = job.statement.shown(),
                    "a replica refused this as a write; it is one from now on");
                self.worker.statements.borrow_mut().learn_write(job.statement.digest);
                self.worker.learned.note(&job.statement, SystemTime::now());
                let learned = Reason::Write(Because::Learned);
                return Ok(routed.on_primary(&snapshot, learned)?);
            }
            Cause::NotInTime(waited) => {
                routed.waited = waited;
                if routed.decision.access == Access::ReadWrite {
                    // The primary has what there is.
                    routed.needed = Needed::default();
                }
                let reason = if waited.is_some() { Reason::WaitedInVain } else { Reason::Behind };
                return match routed.read_on_primary(&snapshot, reason) {
                    Ok(routed) => Ok(routed),
                    Err(refusal) => self.wait_for_primary(job, started, refusal.to_string()).await,
                };
            }
            Cause::Deposed(error) => return self.wait_for_successor(job, started, at, &error).await,
            Cause::NotSent(error) => (error, false),
            Cause::Sent(error) => (error, true),
        };
        if sent && !job.is_repeatable() {
            self.note_lost(job);
            return Err(Unserved::UnknownOutcome(error.to_string()));
        }
        tracing::info!(session = self.id, backend = %name(&snapshot, at), %error, "statement is tried elsewhere");
        add(&self.worker.metrics.retries, 1);
        retries.note(at);
        if routed.decision.access == Access::ReadOnly {
            // The one with the least to do was chosen: where that has no time, no other one has.
            let is_exhausted = matches!(error, BackendError::Exhausted { .. });
            routed.decision.eligible.retain(|id| *id != at && !is_exhausted);
            if !routed.decision.eligible.is_empty() {
                return Ok(routed);
            }
            if let Ok(primary) = routed.read_on_primary(&snapshot, Reason::ReplicasFailed) {
                return Ok(primary);
            }
        }
        self.wait_for_others(job, started, error, retries).await
    }

    /// All that may serve a statement have failed: they may come back, or be replaced, while it is held. Who has not failed yet
    /// is asked at once.
    async fn wait_for_others(
        &mut self,
        job: &Job<'_>,
        started: Instant,
        error: BackendError,
        retries: &mut Retries,
    ) -> Result<Routed, Unserved> {
        retries.pause(Instant::now());
        loop {
            let may_wait = error.is_servers_fault() && !self.worker.is_draining();
            if !may_wait || started.elapsed() >= self.worker.settings().hold {
                return Err(error.into());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            let mut routed = match self.decide(job).await {
                Ok(routed) => routed,
                Err(Refusal::NoPrimary(why)) => return self.wait_for_primary(job, started, why).await,
                Err(refusal) => return Err(refusal.into()),
            };
            let now = Instant::now();
            retries.end_pause(now);
            routed.decision.eligible.retain(|id| retries.may_ask(*id, now));
            if !routed.decision.eligible.is_empty() {
                return Ok(routed);
            }
        }
    }

    /// The session is at work on a server that was the primary, and another one is now: what it does there must not be
    /// told to be done. Closing the connection rolls it back, and the client begins anew.
    pub(crate) async fn deposed(&mut self, client: &mut Framed, sequence: u8, state: Deposed) -> SessionError {
        drop(self.binding.take());
        add(&self.worker.metrics.fenced, 1);
        let unserved = match state {
            Deposed::Held => Unserved::Deposed,
            Deposed::Running { .. } => Unserved::UnknownOutcome("another server became the primary".to_owned()),
        };
        if state != (Deposed::Running { replied: true }) {
            // It may be gone already.
            let _ = crate::reply::error(client, sequence, &unserved).await;
        }
        client.close().await;
        SessionError::HeldConnectionLost(unserved.to_string())
    }

    /// The account's password was changed since this session was let in, which costs no session its connection on a
    /// server: it goes on with the one that a later login has shown. False, if there is none.
    pub(crate) fn renew_password(&mut self) -> bool {
        let newer = self.worker.settings().accounts.newer(&self.account);
        let Some(password) = newer else { return false };
        self.account = self.worker.pools.share_account(Account { password, ..(*self.account).clone() });
        true
    }

    /// The right to run a read on the primary that belongs on a replica. Where many do already, it waits for a moment, and
    /// for a replica that takes it.
    pub(crate) async fn stand_in(&mut self, job: &Job<'_>, routed: &mut Routed) -> Result<Option<StandIn>, Unserved> {
        let stands_in = |routed: &Routed| {
            let for_want = matches!(routed.decision.reason.misses(), Some(Misses::Fitness | Misses::Freshness));
            job.statement.class == Class::Read && routed.decision.access == Access::ReadWrite && for_want
        };
        if !stands_in(routed) {
            return Ok(None);
        }
        let started = Instant::now();
        loop {
            if let Some(right) = self.worker.pools.stand_in() {
                return Ok(Some(right));
            }
            let waited = started.elapsed();
            if waited >= CROWDED {
                add(&self.worker.metrics.crowded_out, 1);
                return Err(Unserved::Crowded { most: self.worker.pools.most_stand_ins(), waited });
            }
            tokio::time::sleep(LOOK_AGAIN / 5).await;
            // Those that failed, or had no time, are asked no more by this statement.
            if routed.decision.reason == Reason::NoFitReplica {
                *routed = self.decide(job).await?;
                if !stands_in(routed) {
                    return Ok(None);
                }
            }
        }
    }
}

fn name(snapshot: &Snapshot, id: BackendId) -> String {
    snapshot.backend(id).map_or_else(|| id.to_string(), |view| view.spec.name.clone())
}

/// How often a held statement looks for a primary.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// How long a read waits that would be one too many on the primary.
const CROWDED: Duration = Duration::from_secs(1);
