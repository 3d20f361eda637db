//! One thread with its own runtime: it serves the sockets that the acceptor hands it, and shares nothing on the way of
//! a query.

use crate::admission::Admitted;
use crate::config::Log;
use crate::strangers::{Kind, Strangers};
use crate::wiring::Shared;
use splitfin_backend::Pools;
use splitfin_session::{Cause, Listener, Metrics, RouteLog, Session, SessionError, Worker};
use splitfin_transport::{Accepted, Peer};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

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
        if matches!(message, Message::Arrival(_)) {
            self.sessions.fetch_add(1, Ordering::Relaxed);
        }
        let _ = self.sender.send(message);
    }
}

/// Starts a worker. Its thread ends after [`Message::Drain`], when its last session has ended.
pub(crate) fn start(
    index: usize,
    shared: &Shared,
    settings: &Settings,
) -> std::io::Result<(Handle, std::thread::JoinHandle<()>)> {
    let (sender, messages) = unbounded_channel();
    let sessions = Arc::new(AtomicUsize::new(0));
    let handle = Handle { sender, sessions: Arc::clone(&sessions) };
    let shared = shared.clone();
    let settings = settings.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name(format!("worker-{index}")).stack_size(STACK).spawn(move || {
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
            serve(worker, messages, sessions, shared.strangers).await;
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
) {
    let sharing = Rc::clone(&worker);
    let sharing = tokio::task::spawn_local(async move { sharing.pools.share().await });
    let mut upkeep = tokio::time::interval(UPKEEP);
    let mut aging = tokio::time::interval(AGING);
    let deadline = loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(Message::Arrival(arrival)) => {
                    let ends = Ends::new(&sessions, &worker.metrics);
                    tokio::task::spawn_local(serve_one(*arrival, Rc::clone(&worker), ends, Arc::clone(&strangers)));
                }
                Some(Message::Configure(settings)) => {
                    worker.pools.configure(settings.pools);
                    worker.route_log.replace(settings.route_log());
                    worker.configure(settings.session);
                }
                Some(Message::Drain(deadline)) => break deadline,
                None => return,
            },
            _ = aging.tick() => worker.statements.borrow_mut().age(),
            _ = upkeep.tick() => {
                worker.pools.upkeep(Instant::now(), &worker.topology.snapshot());
                worker.route_log.borrow_mut().say_left_out();
                strangers.say_left_out(Instant::now());
            }
        }
    };
    worker.drain();
    while sessions.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sharing.abort();
    // What still runs ends with the runtime: sockets close, servers roll back.
}

/// Counts a session out, however it ends.
struct Ends {
    sessions: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Ends {
    fn new(sessions: &Arc<AtomicUsize>, metrics: &Arc<Metrics>) -> Self {
        metrics.clients.fetch_add(1, Ordering::Relaxed);
        Self { sessions: Arc::clone(sessions), metrics: Arc::clone(metrics) }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        self.metrics.clients.fetch_sub(1, Ordering::Relaxed);
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
