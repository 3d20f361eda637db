//! Runs one job: decides, checks out, sends, relays, and tries elsewhere where that is allowed.
//!
//! A statement is sent again only if no byte of it reached a socket, or if it is a read outside of transactions whose
//! client has not got a byte of the reply. A write that was sent and not answered is reported, never repeated.

use crate::attempt::Sending;
use crate::binding::{Binding, Held};
use crate::cancel::Phase;
use crate::consistency::{Crowded, Routed};
use crate::count::Count;
use crate::error::{ACCESS_DENIED, SessionError, Unserved};
use crate::failover::Deposed;
use crate::failure::{Cause, Failed, Failure};
use crate::job::{Job, Kind};
use crate::last_insert_id::asks_last_id;
use crate::prepared::ClientStatement;
use crate::relay::{Refusals, Relayed};
use crate::retries::Retries;
use crate::serve::{Next, Session};
use splitfin_backend::{Age, BackendError, Checkout, Lease, Seen, Wanted};
use splitfin_protocol::exchange::ServerError;
use splitfin_protocol::packet::ErrPacket;
use splitfin_protocol::{CommandByte, Status};
use splitfin_router::consistency::Needed;
use splitfin_router::{Access, Class, Decision, Facts, Pins, Reason, Refusal, Verb, route};
use splitfin_topology::{BackendId, Snapshot};
use splitfin_transport::Framed;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A job that was served.
pub(crate) struct Served {
    pub(crate) held: Held<Lease>,
    pub(crate) relayed: Relayed,
    pub(crate) reason: Reason,
    pub(crate) guarded: bool,
    /// From the command's arrival to the reply's end.
    pub(crate) time: Duration,
    /// The part of it that the server and the client took, without waiting for a connection.
    pub(crate) service: Duration,
    /// What the session must see, where that is something.
    pub(crate) needed: Needed,
    /// How long the replica needed to get there, if it was waited for.
    pub(crate) waited: Option<Duration>,
}

impl Session {
    pub(crate) async fn execute(
        &mut self,
        client: &mut Framed,
        job: Job<'_>,
    ) -> Result<Result<Next, Unserved>, SessionError> {
        // Choosing a database leaves the warnings of the statement before.
        if job.command != CommandByte::InitDb {
            self.drop_diagnostics(&job.statement).await?;
        }
        if self.state.last_insert_id == Count::Lost && asks_last_id(&job) {
            return Ok(Err(Unserved::CountLost("LAST_INSERT_ID()")));
        }
        self.look_elsewhere(&job).await;
        let mut moved = false;
        let is_full = self.binding.held().is_some_and(|held| held.savepoints.is_full()) && !job.ends_transaction();
        if self.is_guarded() && (is_full || !job.may_run_guarded()) {
            match (job.statement.class, &job.kind) {
                (Class::Begin { read_only: Some(true) }, Kind::Plain) => self.commit_on_replica().await,
                _ => match self.move_to_primary().await {
                    Ok(()) => moved = true,
                    Err(unserved) => return Ok(Err(unserved)),
                },
            }
        }
        match self.binding.is_free() {
            true => self.execute_free(client, &job).await,
            false => self.execute_held(client, &job, moved).await.map(Ok),
        }
    }

    /// The session holds a connection: the statement runs there, whatever it is.
    pub(crate) async fn execute_held(
        &mut self,
        client: &mut Framed,
        job: &Job<'_>,
        moved: bool,
    ) -> Result<Next, SessionError> {
        let in_transaction = self.in_transaction();
        let Some(held) = self.binding.held() else { return Ok(Next::Command) };
        let begins = in_transaction && held.opening.is_all_there_is(held.pins);
        let is_for_writes = held.lease.is_for_writes() && !held.lease.is_guarded();
        if is_for_writes && self.worker.is_deposed(held.lease.backend()) {
            return match self.binding.take() {
                Some(held) if begins => {
                    let why = "another server became the primary".to_owned();
                    self.begin_elsewhere(client, job, held, why).await
                }
                _ => Err(self.deposed(client, self.sequence, Deposed::Held).await),
            };
        }
        let reason = match job.statement.class {
            // Why its transaction is here now.
            Class::Write(because) if moved => Reason::Write(because),
            Class::Begin { .. } if moved => Reason::Transaction,
            _ => self.held_reason(),
        };
        let loses_little = self.holds_diagnostics_only();
        let Some(mut held) = self.binding.take() else { return Ok(Next::Command) };
        let started = Instant::now();
        let mut wanted = self.state.wanted(held.lease.is_guarded());
        wanted.last_insert_id = self.last_insert_id_for(job, &held);
        let guarded = wanted.guard;
        let backend = held.lease.backend();
        let repeats = begins && job.is_repeatable();
        let replaceable = begins && !held.lease.is_guarded() && self.may_be_replaced(backend);
        let sending =
            Sending { refusals: if replaceable { Refusals::Deposed } else { Refusals::Nothing }, ..Sending::default() };
        self.progress.is_on(&held.lease, false);
        let prepared = match self.prepare_conditions(&mut held.lease, job, &wanted, true).await {
            Ok(()) => self.prepare_counts(&mut held.lease, job, &wanted).await,
            error => error,
        };
        let attempted = match prepared {
            Ok(()) => self.attempt_or_move(client, &mut held.lease, job, &wanted, sending, repeats).await,
            Err(error) => Err(error.into()),
        };
        match attempted {
            Ok(relayed) => {
                let time = started.elapsed();
                let (needed, waited) = (Needed::default(), None);
                let served = Served { held, relayed, reason, guarded, time, service: time, needed, waited };
                let failed = served.relayed.outcome.error.is_some();
                let next = self.settle(served, job).await;
                self.note_opening(job, failed);
                next
            }
            Err(Failure::Retry(Cause::Deposed(error))) => {
                held.lease.note_refusal();
                let because = format!("error {}: {}", error.code, error.message);
                self.begin_elsewhere(client, job, held, because).await
            }
            Err(Failure::Retry(Cause::Sent(error))) if repeats => {
                self.begin_elsewhere(client, job, held, error.to_string()).await
            }
            Err(Failure::Retry(Cause::NotSent(error))) if begins => {
                self.begin_elsewhere(client, job, held, error.to_string()).await
            }
            Err(Failure::Server(error)) => {
                self.binding = Binding::to(held);
                self.pass_on(client, &error).await
            }
            Err(Failure::Session(error)) => {
                self.note_lost(job);
                Err(error)
            }
            Err(Failure::Retry(Cause::NotSent(error) | Cause::Sent(error))) => {
                self.note_lost(job);
                let lost = match job.statement.verb == Verb::Commit {
                    true => Unserved::UnknownCommit(error.to_string()),
                    false => Unserved::UnknownOutcome(error.to_string()),
                };
                crate::reply::error(client, self.sequence, &lost).await?;
                if loses_little {
                    self.lose_diagnostics(held.unread);
                    self.note_own_error(&lost);
                    return Ok(Next::Command);
                }
                client.close().await;
                Err(SessionError::HeldConnectionLost(error.to_string()))
            }
            Err(Failure::Retry(Cause::RefusedAsWrite | Cause::NotInTime(_))) => {
                Err(SessionError::HeldConnectionLost("the server refused a write".into()))
            }
        }
    }

    fn held_reason(&self) -> Reason {
        match self.in_transaction() {
            true if self.state.status.contains(Status::IN_TRANS_READONLY) => Reason::ReadOnlyTransaction,
            true => Reason::Transaction,
            false => Reason::Pinned(self.binding.pins()),
        }
    }

    /// The session holds nothing: the router says who may serve, the pools say who does.
    async fn execute_free(
        &mut self,
        client: &mut Framed,
        job: &Job<'_>,
    ) -> Result<Result<Next, Unserved>, SessionError> {
        let started = self.active;
        let mut routed = match self.decide(job).await {
            Ok(routed) => routed,
            Err(Refusal::NoPrimary(why)) => match self.on_resort(job) {
                Some(routed) => routed,
                None => match self.wait_for_primary(job, started, why).await {
                    Ok(routed) => routed,
                    Err(unserved) => return Ok(Err(unserved)),
                },
            },
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let mut retries = Retries::default();
        loop {
            let _stand_in = match self.stand_in(job, &mut routed).await {
                Ok(right) => right,
                Err(unserved) => return Ok(Err(unserved)),
            };
            match self.try_once(client, job, &routed, started).await {
                Ok(served) => {
                    let failed = served.relayed.outcome.error.is_some();
                    let next = self.settle(served, job).await;
                    self.note_opening(job, failed);
                    return next.map(Ok);
                }
                Err(Failed { failure: Failure::Session(error), .. }) => {
                    self.note_lost(job);
                    return Err(error);
                }
                Err(Failed { failure: Failure::Server(error), .. }) => {
                    return self.pass_on(client, &error).await.map(Ok);
                }
                Err(Failed { at, failure: Failure::Retry(cause) }) => {
                    match self.reconsider(job, routed, (at, cause), started, &mut retries).await {
                        Ok(next) => routed = next,
                        Err(unserved) => return Ok(Err(unserved)),
                    }
                }
            }
        }
    }

    /// Who may serve a job, of those who may by the router those that have what the session must see.
    pub(crate) async fn decide(&mut self, job: &Job<'_>) -> Result<Routed, Refusal> {
        let snapshot = self.worker.topology.snapshot();
        let decision = self.route(job, &snapshot)?;
        self.narrow(job, decision, &snapshot).await
    }

    fn route(&self, job: &Job<'_>, snapshot: &Snapshot) -> Result<Decision, Refusal> {
        let facts = Facts {
            user: &self.account.user,
            database: self.state.database.as_deref(),
            client: self.peer.ip(),
            autocommit: self.state.status.contains(Status::AUTOCOMMIT),
            serializable: self.state.serializable,
            read_only: self.state.read_only,
            sample: self.count,
        };
        let mut decision = route(&facts, &job.statement, job.hint.as_ref(), snapshot, &self.worker.settings().routing)?;
        let wants_cursor = matches!(&job.kind, Kind::Execute { execution, .. } if execution.wants_cursor());
        if wants_cursor && decision.access == Access::ReadOnly {
            // A cursor holds its connection, and writes may come while it is open.
            let no_primary = || Refusal::NoPrimary("a cursor is opened on the primary".to_owned());
            decision = Decision::on_primary(snapshot, Reason::Pinned(Pins::CURSOR)).ok_or_else(no_primary)?;
        }
        Ok(decision)
    }

    async fn try_once(
        &mut self,
        client: &mut Framed,
        job: &Job<'_>,
        routed: &Routed,
        started: Instant,
    ) -> Result<Served, Failed> {
        let Routed { decision, needed, waited: before } = routed;
        let snapshot = self.worker.topology.snapshot();
        let guarded = decision.access == Access::ReadOnly;
        let mut wanted = self.state.wanted(guarded);
        let moves = job.is_repeatable();
        let lease = self.check_out_of_answering(&decision.eligible, &wanted, &snapshot, moves).await?;
        if decision.access == Access::ReadWrite
            && self.worker.topology.snapshot().writer() != snapshot.writer()
            && snapshot.writer() == Some(lease.backend())
        {
            // While the connection was made, it ceased to be the primary.
            let backend = lease.backend();
            self.put_back(lease);
            return Err(Failure::not_sent(io::Error::from(io::ErrorKind::NotConnected).into()).at(backend));
        }
        let mut held = Held::new(lease);
        wanted.last_insert_id = self.last_insert_id_for(job, &held);
        let lease = &mut held.lease;
        let backend = lease.backend();
        self.progress.is_on(lease, moves);
        let prepared = async {
            self.prepare_conditions(lease, job, &wanted, false).await?;
            self.prepare_counts(lease, job, &wanted).await
        };
        self.unless_silent(backend, moves, prepared).await.map_err(|failure| failure.at(backend))?;
        // Members of a group may have shown what their primary does not show yet.
        let shows_last = || snapshot.backend(backend).is_some_and(|view| view.progress.shows_last);
        let waits = guarded || (job.statement.class == Class::Read && moves && shows_last());
        let wait = match waits.then(|| self.wait(lease.backend(), needed, &snapshot)).transpose() {
            Ok(wait) => wait.flatten(),
            Err(Crowded) => {
                self.put_back(held.lease);
                return Err(Failure::Retry(Cause::NotInTime(None)).at(backend));
            }
        };
        let waited = Cell::new(None);
        let refusals = match guarded {
            true if job.is_repeatable() => Refusals::Writes,
            true => Refusals::Nothing,
            false if self.may_be_replaced(lease.backend()) => Refusals::Deposed,
            false => Refusals::Nothing,
        };
        let sending = Sending { refusals, wait: wait.as_ref().map(|wait| (wait, &waited)), fresh: true };
        let sent = Instant::now();
        let relayed = match self.attempt_or_move(client, lease, job, &wanted, sending, moves).await {
            Ok(relayed) => relayed,
            Err(failure @ Failure::Session(_)) => return Err(failure.at(backend)),
            // Somebody wanted it to end, so it is not tried again; and the connection may still have to notice.
            Err(_) if job.is_repeatable() && self.progress.take_told() => {
                return Err(Failure::Server(interrupted()).at(backend));
            }
            Err(failure) => {
                self.progress.set(Phase::Waiting);
                match &failure {
                    Failure::Retry(Cause::RefusedAsWrite | Cause::NotInTime(_)) => self.put_back(held.lease),
                    // Something may have run before what was refused: whatever it left goes with the connection.
                    Failure::Retry(Cause::Deposed(_)) => lease.note_refusal(),
                    Failure::Retry(Cause::Sent(error) | Cause::NotSent(error)) if error.is_servers_fault() => {
                        lease.note_failure();
                    }
                    _ => {}
                }
                return Err(failure.at(backend));
            }
        };
        let now = Instant::now();
        let (time, service) = (now - started, now - sent);
        let reason = decision.reason.clone();
        Ok(Served {
            held,
            relayed,
            reason,
            guarded,
            time,
            service,
            needed: needed.clone(),
            waited: waited.get().or(*before),
        })
    }

    /// A connection to one of the eligible: one that this session keeps, or one from the pool.
    pub(crate) async fn check_out(
        &mut self,
        eligible: &[BackendId],
        wanted: &Wanted,
        snapshot: &Snapshot,
    ) -> Result<Lease, Failed> {
        while let Some(at) = self.kept.iter().position(|lease| eligible.contains(&lease.backend())) {
            let mut lease = self.kept.swap_remove(at);
            if lease.is_fit_for(wanted)
                && lease.rights() >= self.state.rights
                && lease.forget_others(wanted).await.is_ok()
            {
                return Ok(for_writes(lease, snapshot));
            }
            lease.close();
        }
        let account = Rc::clone(&self.account);
        let (age, rights) = (Age::Any(self.state.began), Seen::Now(self.state.rights));
        let patience = self.patience(wanted.guard);
        let checkout = Checkout { eligible, account: &account, wanted, snapshot, age, rights, patience };
        let mut lease = self.worker.pools.checkout(&checkout).await;
        let is_denied = |error: &BackendError| error.refusal().is_some_and(|(code, ..)| code == ACCESS_DENIED);
        if lease.as_ref().is_err_and(|(_, error)| is_denied(error)) && self.renew_password() {
            let account = Rc::clone(&self.account);
            lease = self.worker.pools.checkout(&Checkout { account: &account, ..checkout }).await;
        }
        if lease.as_ref().is_err_and(|(_, error)| is_denied(error)) {
            // Who was let in stays: on a connection from before, as long as there is one.
            let account = Rc::clone(&self.account);
            let rights = Seen::AtLogin(&self.state.at_login);
            lease = self.worker.pools.checkout(&Checkout { account: &account, rights, ..checkout }).await;
        }
        let lease = lease.map_err(|(backend, error)| Failure::not_sent(error).at(backend))?;
        self.state.rights = self.state.rights.max(lease.rights());
        match lease.sandbox() {
            // The password expired after this session's login.
            Some(error) => Err(Failure::Server(error.clone()).at(lease.backend())),
            None => Ok(for_writes(lease, snapshot)),
        }
    }

    /// How long a statement waits for a connection where all are in use: the pools' time from its arrival on; a read on a replica
    /// half of it, as the primary may serve it as well.
    fn patience(&self, on_replica: bool) -> Duration {
        let limit = self.worker.pools.checkout_timeout();
        let limit = if on_replica { limit / 2 } else { limit };
        limit.saturating_sub(self.active.elapsed()).max(LEAST_PATIENCE)
    }

    /// The server's error goes to the client as it is.
    async fn pass_on(&mut self, client: &mut Framed, error: &ServerError) -> Result<Next, SessionError> {
        self.progress.set(Phase::Answered);
        let packet = ErrPacket { code: error.code, state: error.state, message: error.message.as_bytes().into() };
        client.write(&crate::reply::packet(self.sequence, &packet.encode())).await?;
        self.failed = true;
        Ok(Next::Command)
    }

    /// Remembers what the client prepared.
    pub(crate) fn note_prepared(&mut self, served: &mut Served, job: &Job<'_>) -> Option<Vec<u8>> {
        let (Kind::Prepare { id, key, packet }, Some(prepared)) = (&job.kind, served.relayed.outcome.prepared) else {
            return None;
        };
        let statement = ClientStatement {
            key: Rc::clone(key),
            statement: Rc::clone(&job.statement),
            hint: job.hint.clone(),
            parameters: prepared.parameters,
            types: None,
            columns: 0,
            original: (packet.is_some() || self.asks_conditions(&job.statement))
                .then(|| splitfin_protocol::frame::payload(job.packet)[1..].into()),
        };
        self.prepared.insert(*id, statement);
        served.held.lease.note_prepared(Rc::clone(key), prepared.statement)
    }
}

/// Notes whether the lease is one on the primary, as which it must not be used when another server is that.
fn for_writes(mut lease: Lease, snapshot: &Snapshot) -> Lease {
    lease.set_for_writes(snapshot.writer() == Some(lease.backend()));
    lease
}

/// What a server says when a statement was to end.
fn interrupted() -> ServerError {
    ServerError { code: 1317, state: *b"70100", message: "Query execution was interrupted".to_owned() }
}

/// The sequence id of the first packet of a reply to `packet`.
pub(crate) fn sequence_after(packet: &[u8]) -> u8 {
    match splitfin_protocol::frame::boundary(packet) {
        splitfin_protocol::frame::Boundary::Complete { last_sequence, .. } => last_sequence.wrapping_add(1),
        splitfin_protocol::frame::Boundary::Incomplete { .. } => 1,
    }
}

/// A statement that comes late has a chance all the same.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);
