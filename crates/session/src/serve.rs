//! The command loop of one client.

use crate::binding::{Binding, Fate, Held, fate};
use crate::budget::Share;
use crate::cancel::{self, Ended, Progress};
use crate::conditions::Left;
use crate::consistency::Consistency;
use crate::count::Count;
use crate::error::{SessionError, Unserved};
use crate::failover::Deposed;
use crate::job::Job;
use crate::login::{Door, Entered, log_in};
use crate::metrics::add;
use crate::prepared::ClientStatements;
use crate::process_list::Elsewhere;
use crate::registry::{Registration, Wish};
use crate::reply;
use crate::settle::Unread;
use crate::state::State;
use crate::worker::Worker;
use splitfin_backend::{Account, BackendError, Lease};
use splitfin_protocol::packet::ErrPacket;
use splitfin_protocol::{Capabilities, Command, CommandByte};
use splitfin_router::{Class, Pins, Reason, Statement, Tables};
use splitfin_topology::{BackendId, Position};
use splitfin_transport::tls::ServerTls;
use splitfin_transport::{FrameError, Framed, Peer, Stream};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use zeroize::{Zeroize as _, Zeroizing};

/// What the endpoint that a client came in through says of it.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Certificate, where there is one.
    pub tls: Option<ServerTls>,
    /// Whether clients must use it.
    pub tls_required: bool,
    /// Whether clients may ask for compression.
    pub compression: bool,
}

/// The last statement's way, for `SHOW SPLITFIN ROUTE`.
#[derive(Debug, Clone)]
pub(crate) struct LastRoute {
    pub(crate) backend: Option<BackendId>,
    pub(crate) reason: Reason,
    pub(crate) statement: Rc<Statement>,
    pub(crate) time: Duration,
    /// What a replica had to have.
    pub(crate) needed: Position,
    /// How long it was waited for.
    pub(crate) waited: Option<Duration>,
}

/// One client that was let in.
#[derive(Debug)]
pub struct Session {
    pub(crate) id: u32,
    pub(crate) peer: Peer,
    pub(crate) worker: Rc<Worker>,
    pub(crate) account: Rc<Account>,
    pub(crate) capabilities: Capabilities,
    pub(crate) state: State,
    pub(crate) binding: Binding<Lease>,
    pub(crate) consistency: Consistency,
    pub(crate) prepared: ClientStatements,
    pub(crate) left: Left,
    /// What a list of processes has to add; see `process_list`.
    pub(crate) elsewhere: Option<Box<Elsewhere>>,
    /// The default database that others are shown.
    shown_database: Option<Rc<str>>,
    /// The server that this session has made read-only itself.
    pub(crate) made_read_only: Cell<Option<BackendId>>,
    /// With `pool.mode: session`: connections at rest that are this session's to its end, one for each backend at most.
    pub(crate) kept: Vec<Lease>,
    pub(crate) last: Option<LastRoute>,
    pub(crate) count: u64,
    /// Commands so far, those that no server saw included.
    commands: u64,
    /// The sequence id of the next packet to the client.
    pub(crate) sequence: u8,
    /// The last statement was answered with an error.
    pub(crate) failed: bool,
    pub(crate) registration: Registration,
    pub(crate) progress: Rc<Progress>,
    /// When the last command came.
    pub(crate) active: Instant,
}

/// Whether the session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Command,
    End,
}

impl Session {
    /// Serves one client from its first byte to its last. `id` is the connection id that the client sees.
    pub async fn run(
        stream: Stream,
        id: u32,
        peer: Peer,
        listener: &Listener,
        worker: &Rc<Worker>,
    ) -> Result<(), SessionError> {
        let limit = worker.settings().login_timeout;
        let open = worker.settings().logins.begin();
        // Most sessions are idle, and each keeps what its future has room for: what only a login or a command needs is boxed.
        let login = Box::pin(log_in(Framed::new(stream), id, peer, Door { listener, open: &open }, worker));
        let entered = tokio::select! {
            entered = tokio::time::timeout(limit, login) => entered,
            () = open.crowded_out() => return Err(SessionError::CrowdedOut),
        };
        let entered = match entered {
            Ok(Ok(entered)) => entered,
            Ok(Err(error)) => {
                add(&worker.metrics.failed_logins, 1);
                return Err(error);
            }
            Err(_) => return Err(SessionError::LoginTimeout(limit)),
        };
        drop(open);
        let (client, mut session) = Self::begin(id, peer, entered, worker);
        let result = session.serve(client).await;
        Box::pin(session.finish()).await;
        result
    }

    fn begin(id: u32, peer: Peer, entered: Box<Entered>, worker: &Rc<Worker>) -> (Framed, Box<Self>) {
        let Entered { client, identity, registration } = *entered;
        let settings = worker.settings();
        let consistency = Consistency::new(&identity.account.user, &settings.consistency);
        registration.entry().set_database(identity.state.database.as_deref());
        let session = Box::new(Self {
            id,
            peer,
            worker: Rc::clone(worker),
            account: identity.account,
            capabilities: identity.capabilities,
            shown_database: identity.state.database.clone(),
            state: identity.state,
            binding: Binding::of_login(identity.held),
            consistency,
            prepared: ClientStatements::new(&settings.budget),
            left: Left::default(),
            elsewhere: None,
            made_read_only: Cell::new(None),
            kept: Vec::new(),
            last: None,
            count: 0,
            commands: 0,
            sequence: 0,
            failed: false,
            registration,
            progress: Rc::default(),
            active: Instant::now(),
        });
        (client, session)
    }

    async fn serve(&mut self, mut client: Framed) -> Result<(), SessionError> {
        client.limit_writes(self.worker.settings().write_timeout);
        client.rest();
        // One timer for the session's life: it is looked at again when it fires, not moved with every command.
        let mut idle = std::pin::pin!(tokio::time::sleep(self.worker.settings().idle_timeout));
        let mut share = Share::new(&self.worker.settings().budget);
        loop {
            let (length, payload, last) = match self.next_command(&mut client, &mut share, idle.as_mut()).await {
                Ok(Some(packet)) => packet,
                Ok(None) | Err(SessionError::Client(FrameError::Closed)) => return Ok(()),
                Err(error) => {
                    Box::pin(self.say_goodbye(&mut client, &error)).await;
                    return Err(error);
                }
            };
            let sequence = last.wrapping_add(1);
            // The packet is taken out, so that the client can be read from while its command runs.
            let (mut buffer, start) = client.take_input(length);
            let packet = buffer.get(start..start + length).unwrap_or_default();
            let joined;
            let body = match packet.get(splitfin_protocol::frame::HEADER..) {
                Some(body) if body.len() == payload => body,
                _ => {
                    joined = splitfin_protocol::frame::payload(packet).into_owned();
                    &joined
                }
            };
            if body.first() == Some(&(CommandByte::ChangeUser as u8)) {
                // There may be a password in it.
                let body = Zeroizing::new(body[1..].to_vec());
                buffer.get_mut(start..start + length).unwrap_or_default().zeroize();
                client.restore(buffer, start + length);
                client = self.change_user_in_time(client, &body, sequence).await?;
                continue;
            }
            let next = self.handle(&mut client, packet, body, sequence).await?;
            client.restore(buffer, start + length);
            client.rest();
            share.try_keep(client.held());
            if next == Next::End {
                client.close().await;
                return Ok(());
            }
        }
    }

    /// A change of the user is a login, and has the time of one.
    async fn change_user_in_time(&mut self, client: Framed, body: &[u8], sequence: u8) -> Result<Framed, SessionError> {
        let limit = self.worker.settings().login_timeout;
        let entry = Arc::clone(self.registration.entry());
        tokio::select! {
            biased;
            changed = tokio::time::timeout(limit, Box::pin(self.change_user(client, body, sequence))) => {
                changed.map_err(|_| SessionError::LoginTimeout(limit))?
            }
            () = entry.ended() => Err(SessionError::Killed),
        }
    }

    /// Waits for a command; nothing, when the session must end without a word.
    async fn next_command(
        &self,
        client: &mut Framed,
        share: &mut Share,
        mut idle: Pin<&mut Sleep>,
    ) -> Result<Option<(usize, usize, u8)>, SessionError> {
        let settings = self.worker.settings();
        let longest = self.longest_command(settings.max_packet);
        let drained = async {
            // Somebody in a transaction may finish it while the rest is drained.
            match self.binding.is_free() {
                true => self.worker.drained().await,
                false => std::future::pending().await,
            }
        };
        let mut drained = std::pin::pin!(drained);
        loop {
            tokio::select! {
                biased;
                packet = receive(client, share, longest, settings.read_timeout) => return Ok(Some(packet?)),
                () = &mut drained => return Err(SessionError::Draining),
                wish = self.registration.entry().killed() => match wish {
                    Wish::EndSession => return Err(SessionError::Killed),
                    // What it holds is looked at with its next command.
                    Wish::LookAround => self.registration.entry().has_looked(),
                    Wish::EndStatement => self.registration.entry().obeyed(),
                },
                () = idle.as_mut() => {
                    let end = self.active + settings.idle_timeout;
                    if Instant::now() >= end {
                        return Err(SessionError::Idle(settings.idle_timeout));
                    }
                    idle.as_mut().reset(end.into());
                }
            }
        }
    }

    /// The longest command that is taken, in bytes: no longer than what the primary takes, which would cost the connection to it.
    fn longest_command(&self, configured: usize) -> usize {
        let snapshot = self.worker.topology.snapshot();
        let primary = snapshot.primary.and_then(|id| snapshot.backend(id)).or(snapshot.backends.first());
        let taken = primary.and_then(|view| view.offer).map_or(0, |offer| offer.max_packet as usize);
        let longest = match (configured, taken) {
            (0, 0) => LONGEST_COMMAND,
            (0, only) | (only, 0) => only,
            (configured, taken) => configured.min(taken),
        };
        longest.min(self.worker.settings().budget.most() / 2)
    }

    /// Tells the client why it is sent away, as far as it would understand. An idle client gets no word for idleness:
    /// drivers take any unexpected byte for a broken connection, and closing says the same.
    async fn say_goodbye(&self, client: &mut Framed, error: &SessionError) {
        let words = format!("Splitfin: {error}");
        let packet = match error {
            SessionError::Draining => ErrPacket::new(1053, b"08S01", "Server shutdown in progress"),
            SessionError::Client(FrameError::TooLong { .. }) => {
                ErrPacket::new(1153, b"08S01", "Got a packet bigger than 'max_allowed_packet' bytes")
            }
            SessionError::Stalled(_) => ErrPacket::new(1159, b"08S01", "Got timeout reading communication packets"),
            SessionError::NoMemory { .. } => ErrPacket::new(1041, b"HY000", &words),
            _ => return,
        };
        // It may be gone already.
        let _ = client.write_packet(1, &packet.encode()).await;
        client.close().await;
    }

    async fn finish(&mut self) {
        self.let_go().await;
        for lease in self.kept.drain(..) {
            lease.release();
        }
    }

    async fn handle(
        &mut self,
        client: &mut Framed,
        packet: &[u8],
        body: &[u8],
        sequence: u8,
    ) -> Result<Next, SessionError> {
        self.commands += 1;
        (self.sequence, self.failed) = (sequence, false);
        let entry = Arc::clone(self.registration.entry());
        let (worker, account, progress) =
            (Rc::clone(&self.worker), Rc::clone(&self.account), Rc::clone(&self.progress));
        let holds = !self.binding.is_free();
        entry.begin(self.commands);
        let dispatched = Box::pin(self.dispatch(client, packet, body, sequence));
        let ended = cancel::run(dispatched, &entry, &progress, &worker, &account, holds).await;
        if self.shown_database != self.state.database {
            self.shown_database.clone_from(&self.state.database);
            entry.set_database(self.state.database.as_deref());
        }
        entry.end(self.binding.lease().map(|lease| (lease.backend(), lease.id())));
        let result = match ended {
            Ended::Itself(result) => result,
            Ended::Interrupted => Ok(Err(Unserved::Interrupted)),
            Ended::Killed => Err(SessionError::Killed),
            Ended::Fenced => {
                let state = Deposed::Running { replied: progress.has_replied() };
                match holds || progress.has_replied() {
                    true => Err(Box::pin(self.deposed(client, self.sequence, state)).await),
                    // Nothing but the statement is lost.
                    false => {
                        self.note_cut_off();
                        Ok(Err(Unserved::UnknownOutcome("another server became the primary".to_owned())))
                    }
                }
            }
        };
        match result {
            Ok(Ok(next)) => Ok(next),
            Ok(Err(unserved)) => {
                add(&self.worker.metrics.own_errors, 1);
                tracing::warn!(session = self.id, user = %self.account.user, error = %unserved, "statement not served");
                self.note_own_error(&unserved);
                reply::error(client, self.sequence, &unserved).await?;
                Ok(Next::Command)
            }
            Err(error) => {
                cancel::abandon(&progress, &worker, &account, &error).await;
                Err(error)
            }
        }
    }

    async fn dispatch(
        &mut self,
        client: &mut Framed,
        packet: &[u8],
        body: &[u8],
        sequence: u8,
    ) -> Result<Result<Next, Unserved>, SessionError> {
        let command = match Command::parse(body, self.capabilities) {
            Ok(command) => command,
            Err(error) => return Ok(Err(error.into())),
        };
        self.active = Instant::now();
        let job = match command {
            Command::Quit => return Ok(Ok(Next::End)),
            Command::SetMultiStatements(on) => {
                self.state.multi_statements = on;
                if self.binding.is_free() {
                    reply::eof(client, sequence, self.capabilities, self.state.status).await?;
                    return Ok(Ok(Next::Command));
                }
                return self.execute(client, Job::command(CommandByte::SetOption, packet, Class::Diagnostics)).await;
            }
            Command::Query { attributes, text } => return self.serve_text(client, packet, attributes, text).await,
            Command::StmtSendLongData { statement } => {
                self.send_long_data(packet, statement).await?;
                return Ok(Ok(Next::Command));
            }
            Command::StmtClose { statement } => {
                self.close_statement(statement).await;
                return Ok(Ok(Next::Command));
            }
            other => match self.plan_command(packet, other).await {
                Ok(Some(job)) => job,
                Ok(None) => {
                    reply::ok(client, sequence, self.capabilities, self.state.status, &[]).await?;
                    return Ok(Ok(Next::Command));
                }
                Err(unserved) => match self.raised(&unserved, packet) {
                    Some(job) => job,
                    None => return Ok(Err(unserved)),
                },
            },
        };
        self.count += 1;
        self.execute(client, job).await
    }

    /// Asks the held connection for what only it knows.
    pub(crate) async fn learn_counts(&mut self) -> Result<(), BackendError> {
        self.state.learn_counts(self.binding.lease_mut()).await
    }

    /// Pins that the next statement ends, unless it asks for what they keep.
    pub(crate) async fn drop_diagnostics(&mut self, statement: &Statement) -> Result<(), SessionError> {
        if statement.class == Class::Diagnostics || !self.binding.pins().contains(Pins::DIAGNOSTICS) {
            return Ok(());
        }
        if self.may_run_with_conditions(statement) {
            return Ok(());
        }
        if !self.holds_diagnostics_only() {
            return self.end_diagnostics(statement).await;
        }
        let unread = self.unread();
        let is_silent = self.binding.lease().is_some_and(|lease| self.worker.is_silent(lease.backend()));
        let ended = match is_silent {
            true => None,
            false => tokio::time::timeout(LAST_WORD, self.end_diagnostics(statement)).await.ok(),
        };
        if !matches!(ended, Some(Ok(()))) {
            self.lose_diagnostics(unread);
        }
        Ok(())
    }

    /// Whether warnings and counts are all that is lost with the held connection.
    pub(crate) fn holds_diagnostics_only(&self) -> bool {
        let only = |held: &Held<Lease>| held.pins == Pins::DIAGNOSTICS && !held.unread.is_setting();
        !self.in_transaction() && self.binding.held().is_some_and(only)
    }

    /// The connection is lost, and with it what the statement before has left. `unread` is what only it knew.
    pub(crate) fn lose_diagnostics(&mut self, unread: Unread) {
        drop(self.binding.take());
        self.left = Left::default();
        self.state.lose_counts();
        if unread.last_insert_id {
            self.state.last_insert_id = Count::Lost;
        }
    }

    /// What only the held connection knows.
    pub(crate) fn unread(&self) -> Unread {
        self.binding.held().map(|held| held.unread).unwrap_or_default()
    }

    async fn end_diagnostics(&mut self, statement: &Statement) -> Result<(), SessionError> {
        self.learn_counts().await.map_err(|error| SessionError::HeldConnectionLost(error.to_string()))?;
        if self.state.counts_unknown() {
            // The server refused to tell: the statement runs where they are.
            return Ok(());
        }
        let rests = fate(self.in_transaction(), self.binding.pins() - Pins::DIAGNOSTICS) == Fate::Release;
        let ends = self.state.mysql || statement.tables == Tables::Used;
        let is_unread = self.binding.held().is_some_and(|held| held.unread.is_any());
        if !ends && (rests || is_unread) && !self.keep_conditions().await? {
            return Ok(());
        }
        let Some(mut held) = self.binding.take() else { return Ok(()) };
        if is_unread {
            self.read_back(&mut held).await.map_err(|error| SessionError::HeldConnectionLost(error.to_string()))?;
            held.pins.set(Pins::UNTOLD, held.unread.is_any());
        }
        held.pins -= Pins::DIAGNOSTICS;
        if fate(self.in_transaction(), held.pins) != Fate::Release {
            self.binding = Binding::to(held);
            return Ok(());
        }
        if ends {
            self.left = Left::default();
        }
        if held.lease.end_hidden_transaction().await.is_ok() {
            self.put_back(held.lease);
        }
        Ok(())
    }
}

/// Waits for a whole command. Between commands a client may be silent, inside of one it may not.
async fn receive(
    client: &mut Framed,
    share: &mut Share,
    longest: usize,
    patience: Duration,
) -> Result<(usize, usize, u8), SessionError> {
    loop {
        if let Some(packet) = client.whole_packet(longest)? {
            // The frames of a long one are joined: then it is there twice.
            let is_joined = packet.1 >= splitfin_protocol::frame::MAX_PAYLOAD;
            if is_joined && !share.keep(2 * packet.1, patience).await {
                return Err(SessionError::NoMemory { most: share.most() });
            }
            return Ok(packet);
        }
        match client.held() {
            0 => client.fill_inside().await?,
            held => {
                if share.is_overdue(patience) || !share.keep(held, patience).await {
                    return Err(SessionError::NoMemory { most: share.most() });
                }
                let filled = tokio::time::timeout(patience, client.fill_inside()).await;
                filled.map_err(|_| SessionError::Stalled(patience))??;
            }
        }
    }
}

/// Of a command, in bytes, while nothing else is known: what MySQL takes by default.
const LONGEST_COMMAND: usize = 64 << 20;
/// Time for a server to tell what a statement has left, where nothing else is lost with it.
const LAST_WORD: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_session_keeps_little() {
        // Each client has one of these for as long as it is connected, whatever it does.
        let run = size(|stream, id, peer, listener: &'static Listener, worker: &'static Rc<Worker>| {
            Session::run(stream, id, peer, listener, worker)
        });
        let all = run + size_of::<Session>();
        assert!(all <= 3328, "{run} bytes of the future, {} of the session", size_of::<Session>());
    }
}
