//! Runs one job: decides, checks out, sends, relays, and tries elsewhere where that is allowed.
//!
//! A statement is sent again only if no byte of it reached a socket, or if it is a read outside of transactions whose
//! client has not got a byte of the reply. A write that was sent and not answered is reported, never repeated.

use crate::affinity::Affinity;
use crate::cancel::Phase;
use crate::consistency::{Crowded, Routed, Wait};
use crate::count::Count;
use crate::error::{ACCESS_DENIED, SessionError, Unserved};
use crate::failover::Deposed;
use crate::job::{Job, Kind};
use crate::last_insert_id::asks_last_id;
use crate::prepared::{ClientStatement, ensure_prepared, execute_packet};
use crate::relay::{Catch, PARSE_ERROR, Refusals, RelayError, Relayed, SHUTDOWN, relay};
use crate::retries::Retries;
use crate::serve::{Next, Session};
use splitfin_backend::{Age, Arrival, BackendError, Checkout, Lease, Seen, Wanted};
use splitfin_protocol::exchange::{Exchange, Outcome, ServerError};
use splitfin_protocol::packet::ErrPacket;
use splitfin_protocol::reshape::Reshape;
use splitfin_protocol::{CommandByte, Status};
use splitfin_router::consistency::Needed;
use splitfin_router::{Access, Class, Decision, Facts, Leaves, Pins, Reason, Refusal, Verb, route};
use splitfin_topology::{BackendId, Snapshot};
use splitfin_transport::Framed;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Why one attempt did not serve the client.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing reached the server: it can be tried elsewhere.
    NotSent(BackendId, BackendError),
    /// It was sent, and nothing of a reply reached the client.
    Sent(BackendId, BackendError),
    /// A replica refused it as a write.
    RefusedAsWrite,
    /// The server takes no writes any more: it is not the primary.
    Deposed(BackendId, ServerError),
    /// A replica did not get what the session must see in time, and how long it was waited for, if it was.
    NotInTime(Option<Duration>),
    /// The server answered a preparation of our own with an error, which is the client's answer.
    Server(ServerError),
    /// The session is over.
    Session(SessionError),
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Self::NotSent(BackendId(u16::MAX), error)
    }
}

impl Failure {
    /// The same, of an attempt on this server: it is not tried there again.
    fn on(self, backend: BackendId) -> Self {
        match self {
            Self::NotSent(_, error) => Self::NotSent(backend, error),
            Self::Sent(_, error) => Self::Sent(backend, error),
            other => other,
        }
    }
}

/// A job that was served.
pub(crate) struct Served {
    pub(crate) lease: Lease,
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
        let is_full = self.savepoints.is_full() && !job.ends_transaction();
        if self.is_guarded() && (is_full || !job.may_run_guarded()) {
            match (job.statement.class, &job.kind) {
                (Class::Begin { read_only: Some(true) }, Kind::Plain) => self.commit_on_replica().await,
                _ => match self.move_to_primary().await {
                    Ok(()) => moved = true,
                    Err(unserved) => return Ok(Err(unserved)),
                },
            }
        }
        match self.affinity.is_free() {
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
        if self.affinity.lease_mut().is_some_and(|lease| lease.is_for_writes() && !lease.is_guarded())
            && self.affinity.lease_mut().is_some_and(|lease| self.worker.is_deposed(lease.backend()))
        {
            return match self.affinity.take() {
                Some((lease, true, pins)) if self.opening.is_all_there_is(pins) => {
                    let backend = lease.backend();
                    drop(lease);
                    let why = "another server became the primary".to_owned();
                    self.begin_elsewhere(client, job, backend, pins, why).await
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
        let in_transaction = self.affinity.in_transaction();
        let loses_little = self.holds_diagnostics_only();
        let Some((mut lease, _, pins)) = self.affinity.take() else { return Ok(Next::Command) };
        let started = Instant::now();
        let mut wanted = self.state.wanted(lease.is_guarded());
        wanted.last_insert_id = self.last_insert_id_for(job, &lease);
        let guarded = wanted.guard;
        let backend = lease.backend();
        let begins = in_transaction && self.opening.is_all_there_is(pins);
        let repeats = begins && job.is_repeatable();
        let replaceable = begins && !lease.is_guarded() && self.may_be_replaced(backend);
        let sending =
            Sending { refusals: if replaceable { Refusals::Deposed } else { Refusals::Nothing }, ..Sending::default() };
        self.progress.is_on(&lease, false);
        let prepared = match self.prepare_conditions(&mut lease, job, &wanted, true).await {
            Ok(()) => self.prepare_counts(&mut lease, job, &wanted).await,
            error => error,
        };
        let attempted = match prepared {
            Ok(()) => self.attempt_or_move(client, &mut lease, job, &wanted, sending, repeats).await,
            Err(error) => Err(Failure::NotSent(backend, error)),
        };
        match attempted {
            Ok(relayed) => {
                let time = started.elapsed();
                let (needed, waited) = (Needed::default(), None);
                let served = Served { lease, relayed, reason, guarded, time, service: time, needed, waited };
                let failed = served.relayed.outcome.error.is_some();
                let next = self.settle(served, pins, job).await;
                self.note_opening(job, failed);
                next
            }
            Err(Failure::Deposed(_, error)) => {
                lease.note_refusal();
                drop(lease);
                let because = format!("error {}: {}", error.code, error.message);
                self.begin_elsewhere(client, job, backend, pins, because).await
            }
            Err(Failure::Sent(_, error)) if repeats => {
                drop(lease);
                self.begin_elsewhere(client, job, backend, pins, error.to_string()).await
            }
            Err(Failure::NotSent(_, error)) if begins => {
                drop(lease);
                self.begin_elsewhere(client, job, backend, pins, error.to_string()).await
            }
            Err(Failure::Server(error)) => {
                (self.affinity, _) = Affinity::hold(lease, in_transaction, pins);
                self.pass_on(client, &error).await
            }
            Err(Failure::Session(error)) => {
                self.note_lost(job);
                Err(error)
            }
            Err(Failure::NotSent(_, error) | Failure::Sent(_, error)) => {
                self.note_lost(job);
                let lost = match job.statement.verb == Verb::Commit {
                    true => Unserved::UnknownCommit(error.to_string()),
                    false => Unserved::UnknownOutcome(error.to_string()),
                };
                crate::reply::error(client, self.sequence, &lost).await?;
                if loses_little {
                    self.lose_diagnostics();
                    self.note_own_error(&lost);
                    return Ok(Next::Command);
                }
                client.close().await;
                Err(SessionError::HeldConnectionLost(error.to_string()))
            }
            Err(Failure::RefusedAsWrite | Failure::NotInTime(_)) => {
                Err(SessionError::HeldConnectionLost("the server refused a write".into()))
            }
        }
    }

    fn held_reason(&self) -> Reason {
        match &self.affinity {
            Affinity::Transaction { .. } if self.state.status.contains(Status::IN_TRANS_READONLY) => {
                Reason::ReadOnlyTransaction
            }
            Affinity::Transaction { .. } => Reason::Transaction,
            other => Reason::Pinned(other.pins()),
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
                    let next = self.settle(served, Pins::empty(), job).await;
                    self.note_opening(job, failed);
                    return next.map(Ok);
                }
                Err(Failure::Session(error)) => {
                    self.note_lost(job);
                    return Err(error);
                }
                Err(Failure::Server(error)) => return self.pass_on(client, &error).await.map(Ok),
                Err(failure) => match self.reconsider(job, routed, failure, started, &mut retries).await {
                    Ok(next) => routed = next,
                    Err(unserved) => return Ok(Err(unserved)),
                },
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
    ) -> Result<Served, Failure> {
        let Routed { decision, needed, waited: before } = routed;
        let snapshot = self.worker.topology.snapshot();
        let guarded = decision.access == Access::ReadOnly;
        let mut wanted = self.state.wanted(guarded);
        let moves = job.is_repeatable();
        let mut lease = self.check_out_of_answering(&decision.eligible, &wanted, &snapshot, moves).await?;
        if decision.access == Access::ReadWrite
            && self.worker.topology.snapshot().writer() != snapshot.writer()
            && snapshot.writer() == Some(lease.backend())
        {
            // While the connection was made, it ceased to be the primary.
            let backend = lease.backend();
            self.put_back(lease);
            return Err(Failure::NotSent(backend, io::Error::from(io::ErrorKind::NotConnected).into()));
        }
        wanted.last_insert_id = self.last_insert_id_for(job, &lease);
        let backend = lease.backend();
        self.progress.is_on(&lease, moves);
        let prepared = async {
            self.prepare_conditions(&mut lease, job, &wanted, false).await?;
            self.prepare_counts(&mut lease, job, &wanted).await
        };
        self.unless_silent(backend, moves, prepared).await.map_err(|failure| failure.on(backend))?;
        // Members of a group may have shown what their primary does not show yet.
        let shows_last = || snapshot.backend(backend).is_some_and(|view| view.progress.shows_last);
        let waits = guarded || (job.statement.class == Class::Read && moves && shows_last());
        let wait = match waits.then(|| self.wait(lease.backend(), needed, &snapshot)).transpose() {
            Ok(wait) => wait.flatten(),
            Err(Crowded) => {
                self.put_back(lease);
                return Err(Failure::NotInTime(None));
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
        let relayed = match self.attempt_or_move(client, &mut lease, job, &wanted, sending, moves).await {
            Ok(relayed) => relayed,
            Err(Failure::Session(error)) => return Err(Failure::Session(error)),
            // Somebody wanted it to end, so it is not tried again; and the connection may still have to notice.
            Err(_) if job.is_repeatable() && self.progress.take_told() => {
                drop(lease);
                return Err(Failure::Server(interrupted()));
            }
            Err(failure @ (Failure::RefusedAsWrite | Failure::NotInTime(_))) => {
                self.progress.set(Phase::Waiting);
                self.put_back(lease);
                return Err(failure);
            }
            Err(failure @ Failure::Deposed(..)) => {
                // Something may have run in front of what was refused: whatever it left goes with the connection.
                self.progress.set(Phase::Waiting);
                lease.note_refusal();
                return Err(failure);
            }
            Err(failure) => {
                self.progress.set(Phase::Waiting);
                if let Failure::Sent(_, error) | Failure::NotSent(_, error) = &failure
                    && error.is_servers_fault()
                {
                    lease.note_failure();
                }
                return Err(failure.on(lease.backend()));
            }
        };
        let now = Instant::now();
        let (time, service) = (now - started, now - sent);
        let reason = decision.reason.clone();
        Ok(Served {
            lease,
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
    ) -> Result<Lease, Failure> {
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
        let lease = lease.map_err(|(backend, error)| Failure::NotSent(backend, error))?;
        self.state.rights = self.state.rights.max(lease.rights());
        match lease.sandbox() {
            // The password expired after this session's login.
            Some(error) => Err(Failure::Server(error.clone())),
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

    /// Sends a job on a connection and relays the reply.
    pub(crate) async fn attempt(
        &self,
        client: &mut Framed,
        lease: &mut Lease,
        job: &Job<'_>,
        wanted: &Wanted,
        sending: Sending<'_>,
    ) -> Result<Relayed, Failure> {
        self.progress.is_on(lease, sending.fresh && job.is_repeatable());
        self.registration.entry().set_on(Some((lease.backend(), lease.id())));
        let mut wait = sending.wait;
        let rewritten;
        let packet = match &job.kind {
            Kind::Plain | Kind::Prepare { packet: None, .. } => job.packet,
            Kind::Substituted { packet }
            | Kind::Prepare { packet: Some(packet), .. }
            | Kind::Rewritten { packet, .. } => packet,
            Kind::Execute { id, execution } => {
                let Some(statement) = self.prepared.get(*id) else { return Err(SessionError::ClientGone.into()) };
                if lease.prepared_id(&statement.key).is_none()
                    && let Some(wait) = wait.take()
                {
                    // What it looks at may not be there yet, and preparing would fail.
                    wait_on(lease, wanted, wait).await?;
                }
                let server_id = ensure_prepared(lease, &statement.key, wanted).await?;
                rewritten = execute_packet(job, execution, statement, server_id);
                &rewritten
            }
        };
        let nowhere = BackendId(u16::MAX);
        let looks_at_tracking = job.statement.leaves.contains(Leaves::TRACKING);
        if looks_at_tracking {
            lease.apply(wanted).await?;
            let autocommits = self.state.status.contains(Status::AUTOCOMMIT);
            lease.report_for_client(self.in_transaction() || !autocommits).await?;
        }
        if job.is_repeatable() {
            // State and statement go out in one write; if the state cannot be had, the reply is dropped with the connection.
            let sql = wait.map(|(wait, ..)| wait.sql.as_str());
            lease.send(wanted, sql, packet).await.map_err(|error| Failure::NotSent(nowhere, error))?;
            match wait {
                None => drop(lease.settle_preamble().await.map_err(|error| Failure::NotSent(nowhere, error))?),
                Some(wait) if !arrives(lease.settle_preamble(), wait).await? => {
                    let waited = wait.1.get().unwrap_or_default();
                    return Err(drop_reply(lease, job.command, waited).await);
                }
                Some(_) => {}
            }
        } else {
            match wait {
                Some(wait) => wait_on(lease, wanted, wait).await?,
                None => lease.apply(wanted).await?,
            }
            lease.framed().write(packet).await.map_err(|error| Failure::Sent(nowhere, error.into()))?;
        }
        let shape = |packet: &[u8], lease: &Lease| {
            let mut shape = self.shape(job, packet, looks_at_tracking);
            shape.ids = self.thread_ids(job, lease.backend(), lease.capabilities());
            shape.no_warnings = sending.fresh && job.command == CommandByte::InitDb;
            Reshape::new(Exchange::new(job.command, lease.capabilities()), shape)
        };
        let backend = lease.backend();
        // Before the client knows of it: its next session may be another worker's.
        let mut heard = |outcome: &Outcome, done| {
            if done && self.is_void(backend, outcome, job) {
                return Err(io::Error::other(
                    "another server became the primary, and it lacks what this one committed",
                ));
            }
            if done && job.sets_global() && outcome.error.is_none() {
                self.worker.pools.defaults_changed(backend);
                self.note_read_only(backend, job);
            }
            if done {
                self.announce_rights(outcome, job);
            }
            self.publish(backend, outcome, job, done);
            Ok(())
        };
        let catch = Catch {
            refusals: sending.refusals,
            unparsed: job.can_be_sent_as_written(),
            leaving: sending.fresh && job.is_repeatable(),
            sends_file: job.may_send_file(),
        };
        let reshape = shape(packet, lease);
        let mut relayed = relay(client, lease, reshape, catch, &self.progress, &mut heard).await;
        if let Err(RelayError::Caught(ServerError { code: PARSE_ERROR, .. })) = &relayed {
            // The error shows the text, which shall be the client's. It did nothing.
            let packet = job.as_written();
            lease.framed().write(&packet).await.map_err(|error| Failure::Sent(nowhere, error.into()))?;
            let reshape = shape(&packet, lease);
            let catch = Catch { sends_file: catch.sends_file, ..Catch::default() };
            relayed = relay(client, lease, reshape, catch, &self.progress, &mut heard).await;
        }
        if relayed.is_ok() {
            self.progress.set(Phase::Answered);
        }
        relayed.map_err(|error| match error {
            RelayError::BeforeFirstByte(error) => Failure::Sent(nowhere, error),
            RelayError::Midway(error) => Failure::Session(SessionError::ReplyBrokeOff(error.to_string())),
            RelayError::Caught(error) if error.code == SHUTDOWN => {
                Failure::Sent(nowhere, io::Error::new(io::ErrorKind::ConnectionAborted, error.message).into())
            }
            RelayError::Caught(error) if sending.refusals == Refusals::Deposed => Failure::Deposed(backend, error),
            RelayError::Caught(_) => Failure::RefusedAsWrite,
            RelayError::Client(error) => Failure::Session(error),
        })
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
        served.lease.note_prepared(Rc::clone(key), prepared.statement)
    }
}

/// Notes whether the lease is one on the primary, as which it must not be used when another server is that.
fn for_writes(mut lease: Lease, snapshot: &Snapshot) -> Lease {
    lease.set_for_writes(snapshot.writer() == Some(lease.backend()));
    lease
}

/// How a job is sent.
#[derive(Default)]
pub(crate) struct Sending<'a> {
    /// Which refusals are kept from the client.
    pub(crate) refusals: Refusals,
    /// What has to be waited for in front of it.
    pub(crate) wait: Option<Waiting<'a>>,
    /// The session held nothing, and so has no warnings.
    pub(crate) fresh: bool,
}

/// A wait, and where to say how long it took.
pub(crate) type Waiting<'a> = (&'a Wait, &'a Cell<Option<Duration>>);

/// Whether a wait that was sent ends in time. A server that does not even answer loses its connection.
async fn arrives(
    ending: impl Future<Output = Result<Arrival, BackendError>>,
    (wait, waited): Waiting<'_>,
) -> Result<bool, Failure> {
    let started = Instant::now();
    let limit = wait.deadline();
    let ended = tokio::time::timeout(limit, ending).await;
    let time = started.elapsed();
    waited.set(Some(time));
    let arrived = matches!(ended, Ok(Ok(Arrival::There)));
    match arrived {
        true => wait.reached(time),
        false => wait.missed(time),
    }
    let nowhere = BackendId(u16::MAX);
    match ended {
        Ok(Ok(_)) => Ok(arrived),
        Ok(Err(error)) => Err(Failure::NotSent(nowhere, error)),
        Err(_) => Err(Failure::NotSent(nowhere, io::Error::from(io::ErrorKind::TimedOut).into())),
    }
}

/// Waits in front of what must not run before the wait is over.
async fn wait_on(lease: &mut Lease, wanted: &Wanted, waiting: Waiting<'_>) -> Result<(), Failure> {
    lease.apply(wanted).await?;
    match arrives(lease.wait_for(&waiting.0.sql), waiting).await? {
        true => Ok(()),
        false => Err(Failure::NotInTime(waiting.1.get())),
    }
}

/// The replica was not there in time, and its reply is for nobody. A long one is cut off with its connection.
async fn drop_reply(lease: &mut Lease, command: CommandByte, waited: Duration) -> Failure {
    let mut exchange = Exchange::new(command, lease.capabilities());
    match tokio::time::timeout(DROPPED_REPLY, crate::relay::swallow(lease, &mut exchange)).await {
        Ok(Ok(())) => Failure::NotInTime(Some(waited)),
        Ok(Err(error)) => Failure::Sent(BackendId(u16::MAX), error),
        Err(_) => Failure::Sent(BackendId(u16::MAX), io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

/// What a server says when a statement was to end.
fn interrupted() -> ServerError {
    ServerError { code: 1317, state: *b"70100", message: "Query execution was interrupted".to_owned() }
}

/// The sequence id of the first packet of a reply to `packet`.
pub(crate) fn sequence_behind(packet: &[u8]) -> u8 {
    match splitfin_protocol::frame::boundary(packet) {
        splitfin_protocol::frame::Boundary::Complete { last_sequence, .. } => last_sequence.wrapping_add(1),
        splitfin_protocol::frame::Boundary::Incomplete { .. } => 1,
    }
}

/// A statement that comes late has a chance all the same.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);
/// Time for a reply that is dropped; what takes longer costs more than a new connection.
const DROPPED_REPLY: Duration = Duration::from_millis(20);
