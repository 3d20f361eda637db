//! Ending what a session runs, because somebody said KILL or because its client is gone.
//!
//! A server's connections are shared, so that a late kill could hit somebody else's statement. Therefore the session whose
//! statement must end does it itself, while it holds the connection: nothing of its own goes on meanwhile.

use crate::error::SessionError;
use crate::registry::{Entry, Wish};
use crate::worker::Worker;
use splitfin_backend::{Account, Lease};
use splitfin_topology::BackendId;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// No server has seen it.
    #[default]
    Waiting,
    /// It is on its way on this connection, or on its way back.
    On {
        /// Where.
        backend: BackendId,
        /// The server's id of the connection.
        thread: u32,
        /// Whether it was the primary, and could write.
        for_writes: bool,
    },
    /// The client has its reply.
    Answered,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// It ended by itself, or because the server was told.
    Itself(T),
    /// It was given up before a server saw it.
    Interrupted,
    /// The session must end.
    Killed,
    /// Its server is not the primary any more, and another one is.
    Fenced,
}

/// How far the current command of a session is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    phase: Cell<Phase>,
    /// A server was told to end it, and may not have noticed before it was over.
    told: Cell<bool>,
    /// The client has got some of the reply.
    replies: Cell<bool>,
    /// The server does not answer: what may run elsewhere should.
    elsewhere: Cell<bool>,
}

impl Progress {
    pub(crate) fn set(&self, phase: Phase) {
        self.phase.set(phase);
    }

    /// `moves` says that it is a read that may be answered by any server, also by one that was the primary when it began.
    pub(crate) fn is_on(&self, lease: &Lease, moves: bool) {
        self.elsewhere.set(false);
        let for_writes = lease.is_for_writes() && !lease.is_guarded() && !moves;
        self.phase.set(Phase::On { backend: lease.backend(), thread: lease.id(), for_writes });
    }

    /// Comes to an end when the statement should run elsewhere, and its client has got nothing of the reply. [`run`] has it looked at whenever that may be so, and
    /// nobody else wakes it.
    pub(crate) async fn should_be_elsewhere(&self) {
        std::future::poll_fn(|_| match self.elsewhere.get() && !self.replies.get() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// The client gets some of the reply.
    pub(crate) fn replies(&self) {
        self.replies.set(true);
    }

    /// Whether it has.
    pub(crate) fn has_replied(&self) -> bool {
        self.replies.get()
    }

    /// Whether the connection may still have to notice that its last statement was to end.
    pub(crate) fn take_told(&self) -> bool {
        self.told.take()
    }
}

/// Runs a command, and ends it if somebody wants that. `holds` says whether the session holds a connection.
pub(crate) async fn run<T>(
    command: impl Future<Output = T>,
    entry: &Entry,
    progress: &Progress,
    worker: &Rc<Worker>,
    account: &Rc<Account>,
    holds: bool,
) -> Ended<T> {
    progress.set(Phase::Waiting);
    progress.told.set(false);
    progress.replies.set(false);
    let mut command = pin!(command);
    let is_deposed = || match progress.phase.get() {
        Phase::On { backend, for_writes: true, .. } => worker.is_deposed(backend).then_some(backend),
        _ => None,
    };
    // When a server that is not the primary any more has to have answered.
    let mut last_word = None;
    loop {
        let wish = tokio::select! {
            biased;
            result = &mut command => return Ended::Itself(result),
            wish = entry.killed() => wish,
            () = until(last_word) => match is_deposed() {
                Some(_) => return Ended::Fenced,
                // It runs elsewhere by now.
                None => {
                    last_word = None;
                    continue;
                }
            },
        };
        let deposed = is_deposed();
        match (wish, progress.phase.get()) {
            (Wish::EndSession, Phase::On { backend, thread, .. }) => {
                tell(worker, account, backend, thread, Wish::EndSession).await;
                return Ended::Killed;
            }
            (Wish::EndSession, _) => return Ended::Killed,
            (Wish::EndStatement, Phase::On { backend, thread, .. }) => {
                // The command is not looked at meanwhile: its connection stays its own.
                tell(worker, account, backend, thread, Wish::EndStatement).await;
                progress.told.set(true);
            }
            (Wish::EndStatement, Phase::Waiting) if !holds => return Ended::Interrupted,
            (Wish::LookAround, _) if deposed.is_some_and(|backend| !worker.refuses_writes(backend)) => {
                return Ended::Fenced;
            }
            (Wish::LookAround, _) if deposed.is_some() => {
                // A planned switchover: that server has refused the statement, or done it before it was read-only.
                last_word = last_word.or_else(|| Some(Instant::now() + LAST_WORD));
                entry.has_looked();
                continue;
            }
            (Wish::LookAround, Phase::On { backend, .. }) if worker.is_silent(backend) => {
                // Looked at again, it may go elsewhere.
                progress.elsewhere.set(true);
                entry.has_looked();
                continue;
            }
            (Wish::LookAround, _) => {
                entry.has_looked();
                continue;
            }
            (Wish::EndStatement, _) => {}
        }
        entry.obeyed();
    }
}

/// The client is gone: what the server still does for it is of no use to anybody.
pub(crate) async fn abandon(progress: &Progress, worker: &Rc<Worker>, account: &Rc<Account>, error: &SessionError) {
    if let (SessionError::ClientGone, Phase::On { backend, thread, .. }) = (error, progress.phase.get()) {
        // Its connection is closed, and no other one gets its number.
        tell(worker, account, backend, thread, Wish::EndSession).await;
    }
}

/// Comes to an end at that moment, if there is one.
pub(crate) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn tell(worker: &Rc<Worker>, account: &Rc<Account>, backend: BackendId, thread: u32, wish: Wish) {
    let telling = Box::pin(worker.pools.kill(backend, account, thread, wish == Wish::EndStatement));
    match tokio::time::timeout(LIMIT, telling).await {
        Ok(Ok(())) => tracing::debug!(%backend, thread, ?wish, "told the server"),
        Ok(Err(error)) => tracing::warn!(%backend, thread, %error, "cannot tell the server to end a statement"),
        Err(_) => tracing::warn!(%backend, thread, "the server did not listen when it was to end a statement"),
    }
}

/// How long what was under way may take to come back from a server that is read-only now.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Time to tell a server.
const LIMIT: Duration = Duration::from_secs(5);
