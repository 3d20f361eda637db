//! One attempt of a job on one connection: what has to be true of the connection, the command, and its reply.

use crate::cancel::Phase;
use crate::consistency::Wait;
use crate::error::SessionError;
use crate::failure::{Cause, Failure, timed_out};
use crate::job::{Job, Kind};
use crate::prepared::{ensure_prepared, execute_packet};
use crate::relay::{Catch, PARSE_ERROR, Refusals, RelayError, Relayed, SHUTDOWN, relay};
use crate::serve::Session;
use splitfin_backend::{Arrival, BackendError, Lease, Wanted};
use splitfin_protocol::exchange::{Exchange, Outcome, ServerError};
use splitfin_protocol::reshape::Reshape;
use splitfin_protocol::{CommandByte, Status};
use splitfin_router::Leaves;
use splitfin_topology::BackendId;
use splitfin_transport::Framed;
use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

/// How a job is sent.
#[derive(Default)]
pub(crate) struct Sending<'a> {
    /// Which refusals are kept from the client.
    pub(crate) refusals: Refusals,
    /// What has to be waited for before it.
    pub(crate) wait: Option<Waiting<'a>>,
    /// The session held nothing, and so has no warnings.
    pub(crate) fresh: bool,
}

/// A wait, and where to say how long it took.
pub(crate) type Waiting<'a> = (&'a Wait, &'a Cell<Option<Duration>>);

impl Session {
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
        let packet = self.packet_for(lease, job, wanted, &mut wait).await?;
        let looks_at_tracking = job.statement.leaves.contains(Leaves::TRACKING);
        if looks_at_tracking {
            lease.apply(wanted).await?;
            let autocommits = self.state.status.contains(Status::AUTOCOMMIT);
            lease.report_for_client(self.in_transaction() || !autocommits).await?;
        }
        send(lease, job, wanted, wait, &packet).await?;
        let shape = |packet: &[u8], lease: &Lease| {
            let mut shape = self.shape(job, packet, looks_at_tracking);
            shape.ids = self.thread_ids(job, lease.backend(), lease.capabilities());
            shape.no_warnings = sending.fresh && job.command == CommandByte::InitDb;
            Reshape::new(Exchange::new(job.command, lease.capabilities()), shape)
        };
        let backend = lease.backend();
        let mut heard = |outcome: &Outcome, done| self.hear(backend, outcome, job, done);
        let catch = Catch {
            refusals: sending.refusals,
            unparsed: job.can_be_sent_as_written(),
            leaving: sending.fresh && job.is_repeatable(),
            sends_file: job.may_send_file(),
        };
        let reshape = shape(&packet, lease);
        let mut relayed = relay(client, lease, reshape, catch, &self.progress, &mut heard).await;
        if let Err(RelayError::Caught(ServerError { code: PARSE_ERROR, .. })) = &relayed {
            // The error shows the text, which must be the client's. It did nothing.
            let packet = job.as_written();
            lease.framed().write(&packet).await.map_err(|error| Failure::sent(error.into()))?;
            let reshape = shape(&packet, lease);
            let catch = Catch { sends_file: catch.sends_file, ..Catch::default() };
            relayed = relay(client, lease, reshape, catch, &self.progress, &mut heard).await;
        }
        if relayed.is_ok() {
            self.progress.set(Phase::Answered);
        }
        relayed.map_err(|error| failure(error, sending.refusals))
    }

    /// What has to be sent for a job on this connection. A prepared statement is prepared there first, if it was not.
    async fn packet_for<'j>(
        &self,
        lease: &mut Lease,
        job: &'j Job<'_>,
        wanted: &Wanted,
        wait: &mut Option<Waiting<'_>>,
    ) -> Result<Cow<'j, [u8]>, Failure> {
        let (id, execution) = match &job.kind {
            Kind::Plain | Kind::Prepare { packet: None, .. } => return Ok(job.packet.into()),
            Kind::Substituted { packet }
            | Kind::Prepare { packet: Some(packet), .. }
            | Kind::Rewritten { packet, .. } => return Ok(packet.into()),
            Kind::Execute { id, execution } => (*id, execution),
        };
        let Some(statement) = self.prepared.get(id) else { return Err(SessionError::ClientGone.into()) };
        if lease.prepared_id(&statement.key).is_none()
            && let Some(wait) = wait.take()
        {
            // What it looks at may not be there yet, and preparing would fail.
            wait_on(lease, wanted, wait).await?;
        }
        let server_id = ensure_prepared(lease, &statement.key, wanted).await?;
        Ok(execute_packet(job, execution, statement, server_id).into())
    }

    /// Takes in a part of a reply before the client knows of it: the client's next session may be another worker's.
    ///
    /// # Errors
    /// The client must not have it.
    fn hear(&self, backend: BackendId, outcome: &Outcome, job: &Job<'_>, done: bool) -> io::Result<()> {
        if done && self.is_void(backend, outcome, job) {
            return Err(io::Error::other("another server became the primary, and it lacks what this one committed"));
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
    }
}

/// Makes the connection as wanted, waits for what has to be waited for, and sends a job's packet.
async fn send(
    lease: &mut Lease,
    job: &Job<'_>,
    wanted: &Wanted,
    wait: Option<Waiting<'_>>,
    packet: &[u8],
) -> Result<(), Failure> {
    if !job.is_repeatable() {
        match wait {
            Some(wait) => wait_on(lease, wanted, wait).await?,
            None => lease.apply(wanted).await?,
        }
        return lease.framed().write(packet).await.map_err(|error| Failure::sent(error.into()));
    }
    // State and statement go out in one write; if the state cannot be had, the reply is dropped with the connection.
    let sql = wait.map(|(wait, ..)| wait.sql.as_str());
    lease.send(wanted, sql, packet).await?;
    let Some(wait) = wait else {
        lease.settle_preamble().await?;
        return Ok(());
    };
    match arrives(lease.settle_preamble(), wait).await? {
        true => Ok(()),
        false => Err(drop_reply(lease, job.command, wait.1.get().unwrap_or_default()).await),
    }
}

/// What a relay that failed means for the attempt.
fn failure(error: RelayError, refusals: Refusals) -> Failure {
    match error {
        RelayError::BeforeFirstByte(error) => Failure::sent(error),
        RelayError::Midway(error) => Failure::Session(SessionError::ReplyBrokeOff(error.to_string())),
        RelayError::Caught(error) if error.code == SHUTDOWN => {
            Failure::sent(io::Error::new(io::ErrorKind::ConnectionAborted, error.message).into())
        }
        RelayError::Caught(error) if refusals == Refusals::Deposed => Cause::Deposed(error).into(),
        RelayError::Caught(_) => Cause::RefusedAsWrite.into(),
        RelayError::Client(error) => Failure::Session(error),
    }
}

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
    match ended {
        Ok(Ok(_)) => Ok(arrived),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(timed_out().into()),
    }
}

/// Waits before what must not run before the wait is over.
async fn wait_on(lease: &mut Lease, wanted: &Wanted, waiting: Waiting<'_>) -> Result<(), Failure> {
    lease.apply(wanted).await?;
    match arrives(lease.wait_for(&waiting.0.sql), waiting).await? {
        true => Ok(()),
        false => Err(Cause::NotInTime(waiting.1.get()).into()),
    }
}

/// The replica was not there in time, and its reply is for nobody. A long one is cut off with its connection.
async fn drop_reply(lease: &mut Lease, command: CommandByte, waited: Duration) -> Failure {
    let mut exchange = Exchange::new(command, lease.capabilities());
    match tokio::time::timeout(DROPPED_REPLY, crate::relay::swallow(lease, &mut exchange)).await {
        Ok(Ok(())) => Cause::NotInTime(Some(waited)).into(),
        Ok(Err(error)) => Failure::sent(error),
        Err(_) => Failure::sent(timed_out()),
    }
}

/// Time for a reply that is dropped; what takes longer costs more than a new connection.
const DROPPED_REPLY: Duration = Duration::from_millis(20);
