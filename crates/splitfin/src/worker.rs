//! One thread with its own runtime: it serves the sockets that the acceptor hands it, and shares nothing on the way of
//! a query.

use crate::admission::Admitted;
use crate::config::Log;
use crate::strangers::{Kind, Strangers};
use crate::supervision::{keep_local, watched};
use crate::wiring::Shared;
use splitfin_backend::Pools;
use splitfin_health::Restarts;
use splitfin_session::{Cause, Listener, Metrics, RouteLog, Session, SessionError, Worker};
use splitfin_transport::{Accepted, Peer};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, LocalSet};

/// A socket on its way to a worker.
pub(crate) struct Arrival {
    pub(crate) socket: Accepted,
    pub(crate) peer: Peer,
    pub(crate) id: u32,
    pub(crate) listener: Arc<Listener>,
    /// Its place among those of its address.
    pub(crate) admitted: Option<Admitted>,
}

/// What is said to a worker.
pub(crate) enum Message {
    /// Serve this.
    Arrival(Box<Arrival>),
    /// Go on with other settings.
    Configure(Box<Settings>),
    /// End sessions as they come to rest; end all at the deadline.
    Drain(Instant),
}

/// What one worker goes by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) session: splitfin_session::Settings,
    pub(crate) pools: splitfin_backend::Settings,
    pub(crate) log: Log,
}

impl Settings {
    fn route_log(&self) -> RouteLog {
        RouteLog::new(self.log.routes, self.log.routes_per_second)
    }
}

/// A worker as its acceptor sees it.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    sender: UnboundedSender<Message>,
    sessions: Arc<AtomicUsize>,
}

impl Handle {
    /// Sessions that it serves.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Says something to it. A worker that is gone has no sessions left to tell.
    pub(crate) fn say(&self, message: Message) {
        let arrives = usize::from(matches!(message, Message::Arrival(_)));
        self.sessions.fetch_add(arrives, Ordering::Relaxed);
        if self.sender.send(message).is_err() {
            self.sessions.fetch_sub(arrives, Ordering::Relaxed);
        }
    }
}

/// Starts a worker. Its thread ends after [`Message::Drain`], when its last session has ended; `failures` hears of any other
/// end.
pub(crate) fn start(
    index: usize,
    shared: &Shared,
    settings: &Settings,
    failures: &UnboundedSender<String>,
) -> std::io::Result<(Handle, std::thread::JoinHandle<()>)> {
    let (sender, messages) = unbounded_channel();
    let sessions = Arc::new(AtomicUsize::new(0));
    let handle = Handle { sender, sessions: Arc::clone(&sessions) };
    let shared = shared.clone();
    let settings = settings.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (name, failures) = (format!("worker-{index}"), failures.clone());
    let thread = std::thread::Builder::new().name(name.clone()).stack_size(STACK);
    let thread = thread.spawn(move || {
        watched(&name, &failures, move || {
            let metrics = Arc::clone(&shared.metrics[index]);
            LocalSet::new().block_on(&runtime, async move {
                let seed = seed();
                let pools = Pools::new(shared.pools, settings.pools, Arc::clone(&shared.usage[index]), seed);
                let route_log = settings.route_log();
                let worker = Worker::new(
                    pools,
                    shared.topology,
                    settings.session,
                    metrics,
                    route_log,
                    shared.registry,
                    shared.learned,
                );
                serve(worker, messages, sessions, shared.strangers, shared.restarts).await;
            });
        });
    })?;
    Ok((handle, thread))
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    // Choosing among replicas works with any seed.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

async fn serve(
    worker: Rc<Worker>,
    mut messages: UnboundedReceiver<Message>,
    sessions: Arc<AtomicUsize>,
    strangers: Arc<Strangers>,
    restarts: Arc<Restarts>,
) {
    let kept = keep(&worker, &strangers, &restarts);
    let deadline = loop {
        match messages.recv().await {
            Some(Message::Arrival(arrival)) => {
                let ends = Ends::new(arrival.id, &sessions, &worker.metrics);
                tokio::task::spawn_local(serve_one(*arrival, Rc::clone(&worker), ends, Arc::clone(&strangers)));
            }
            Some(Message::Configure(settings)) => {
                worker.pools.configure(settings.pools);
                worker.route_log.replace(settings.route_log());
                worker.configure(settings.session);
            }
            Some(Message::Drain(deadline)) => break deadline,
            None => return,
        }
    };
    worker.drain();
    while sessions.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(kept);
    // What still runs ends with the runtime: sockets close, servers roll back.
}

/// Starts what is done besides sessions, until it is dropped.
fn keep(worker: &Rc<Worker>, strangers: &Arc<Strangers>, restarts: &Arc<Restarts>) -> JoinSet<()> {
    let mut kept = JoinSet::new();
    let sharing = Rc::clone(worker);
    kept.spawn_local(keep_local("sharing", Arc::clone(restarts), move || {
        let worker = Rc::clone(&sharing);
        async move { worker.pools.share().await }
    }));
    let (worker, strangers) = (Rc::clone(worker), Arc::clone(strangers));
    kept.spawn_local(keep_local("upkeep", Arc::clone(restarts), move || {
        look_after(Rc::clone(&worker), Arc::clone(&strangers))
    }));
    kept
}

async fn look_after(worker: Rc<Worker>, strangers: Arc<Strangers>) {
    let mut upkeep = tokio::time::interval(UPKEEP);
    let mut aging = tokio::time::interval(AGING);
    loop {
        tokio::select! {
            _ = aging.tick() => worker.statements.borrow_mut().age(),
            _ = upkeep.tick() => {
                worker.pools.upkeep(Instant::now(), &worker.topology.snapshot());
                worker.route_log.borrow_mut().say_left_out();
                strangers.say_left_out(Instant::now());
            }
        }
    }
}

/// Counts a session out, however it ends.
struct Ends {
    session: u32,
    sessions: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Ends {
    fn new(session: u32, sessions: &Arc<AtomicUsize>, metrics: &Arc<Metrics>) -> Self {
        metrics.clients.fetch_add(1, Ordering::Relaxed);
        Self { session, sessions: Arc::clone(sessions), metrics: Arc::clone(metrics) }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        self.metrics.clients.fetch_sub(1, Ordering::Relaxed);
        if std::thread::panicking() {
            // It ends alone: the runtime catches what a task throws.
            self.metrics.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(session = self.session, "session ended by a panic, which is a defect of Splitfin");
        }
    }
}

async fn serve_one(arrival: Arrival, worker: Rc<Worker>, ends: Ends, strangers: Arc<Strangers>) {
    let Arrival { socket, peer, id, listener, admitted } = arrival;
    let result = match socket.into_stream() {
        Ok(stream) => Session::run(stream, id, peer, &listener, &worker).await,
        Err(error) => Err(error.into()),
    };
    drop((ends, admitted));
    match result {
        Ok(()) => tracing::debug!(session = id, %peer, "client left"),
        Err(error) => say_end(&error, id, peer, &strangers),
    }
}

fn say_end(error: &SessionError, id: u32, peer: Peer, strangers: &Strangers) {
    let admit = |kind| strangers.admit(peer.ip(), kind, Instant::now());
    match error.cause() {
        Cause::Servers => tracing::warn!(session = id, %peer, %error, "session ended"),
        Cause::Rule => tracing::info!(session = id, %peer, %error, "session ended"),
        Cause::Client if admit(Kind::Failed) => tracing::warn!(session = id, %peer, %error, "session ended"),
        // Port scanners and load balancers connect and leave: worth a line, not a warning.
        Cause::Left if admit(Kind::Left) => tracing::info!(session = id, %peer, %error, "client left"),
        Cause::Client | Cause::Left => tracing::debug!(session = id, %peer, %error, "session ended"),
    }
}

/// How often what was learned of statements gets older.
const AGING: Duration = Duration::from_secs(60);
/// How often idle connections are looked after.
const UPKEEP: Duration = Duration::from_secs(1);
/// Of a worker, in bytes: four times what the deepest statement that is parsed may take. It is only reserved.
const STACK: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_that_panics_ends_alone_and_is_counted() {
        let (sessions, metrics) = (Arc::new(AtomicUsize::new(2)), Arc::<Metrics>::default());
        let begin = |id, panics: bool| {
            let ends = Ends::new(id, &sessions, &metrics);
            async move {
                let _ends = ends;
                tokio::task::yield_now().await;
                assert!(!panics, "as tested");
            }
        };
        let both = async {
            let [panics, ends] =
                [(1, true), (2, false)].map(|(id, panics)| tokio::task::spawn_local(begin(id, panics)));
            (panics.await.is_err_and(|error| error.is_panic()), ends.await.is_ok())
        };
        assert_eq!(LocalSet::new().run_until(both).await, (true, true));
        let count = |cell: &std::sync::atomic::AtomicU64| cell.load(Ordering::Relaxed);
        assert_eq!((sessions.load(Ordering::Relaxed), count(&metrics.clients), count(&metrics.panics)), (0, 0, 1));
    }
}
