//! Accepts clients and hands them to the worker with the fewest sessions.

use crate::admission::{Admission, Networks};
use crate::descriptors::ForClients;
use crate::strangers::{Kind, Strangers};
use crate::worker::{Arrival, Handle, Message};
use arc_swap::ArcSwap;
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::packet::ErrPacket;
use splitfin_session::SessionIds;
use splitfin_transport::{Accepted, Listener, Peer, introduced};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What one endpoint goes by. It may change while clients come in.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) settings: ArcSwap<splitfin_session::Listener>,
    /// From where.
    pub(crate) networks: ArcSwap<Networks>,
    /// Balancers, which say for whom they speak.
    pub(crate) proxies: ArcSwap<Networks>,
    /// How long they may take to say it.
    pub(crate) patience: ArcSwap<Duration>,
    /// Clients at a time, over all endpoints.
    pub(crate) most: AtomicUsize,
    /// From one address.
    pub(crate) admission: Arc<Admission>,
    /// Descriptors that they may have.
    pub(crate) descriptors: ForClients,
    /// What is said of those that are sent away.
    pub(crate) strangers: Arc<Strangers>,
}

/// Accepts until it is told to stop. A failed accept is logged and tried again: running out of file descriptors
/// must not end the service.
pub(crate) async fn accept_forever(
    listener: Listener,
    gate: Arc<Gate>,
    workers: Vec<Handle>,
    ids: Arc<SessionIds>,
    mut stop: watch::Receiver<bool>,
) {
    let mut pause = FIRST_PAUSE;
    let door = Arc::new(Door { gate, workers, ids });
    let mut introductions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // So that those that have ended are not kept.
            Some(_) = introductions.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                pause = FIRST_PAUSE;
                door.receive(socket, peer, &mut introductions);
            }
            Err(error) => {
                tracing::warn!(%error, retry_in = ?pause, "cannot accept clients");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    // Who has connected already is not to be turned away by the closing of the socket.
    while let Ok(Ok((socket, peer))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await {
        door.receive(socket, peer, &mut introductions);
    }
    // Nobody is to wait at a socket that nobody accepts from.
    drop(listener);
    // Balancers have their time to say for whom they speak.
    while introductions.join_next().await.is_some() {}
}

/// What a client passes on its way to a worker.
#[derive(Debug)]
struct Door {
    gate: Arc<Gate>,
    workers: Vec<Handle>,
    ids: Arc<SessionIds>,
}

impl Door {
    fn receive(self: &Arc<Self>, socket: Accepted, peer: Peer, introductions: &mut JoinSet<()>) {
        if self.gate.descriptors.exclude(&socket) {
            let rule = "the file descriptors that are left are for servers and operators (see LimitNOFILE=, ulimit -n)";
            return self.send_away(socket, peer, &too_many(), rule);
        }
        let is_proxy = peer.ip().is_some_and(|address| self.gate.proxies.load().name(address));
        if !is_proxy {
            return self.hand_over(socket, peer);
        }
        if introductions.len() >= self.gate.most.load(Ordering::Relaxed) {
            return self.send_away(
                socket,
                peer,
                &too_many(),
                "limits.clients is reached by balancers that say nothing",
            );
        }
        introductions.spawn(Arc::clone(self).introduce(socket, peer));
    }

    /// Lets a balancer say for whom it speaks.
    async fn introduce(self: Arc<Self>, socket: Accepted, proxy: Peer) {
        let patience = **self.gate.patience.load();
        match tokio::time::timeout(patience, introduced(socket, proxy)).await {
            Ok(Ok((socket, peer))) => self.hand_over(socket, peer),
            Ok(Err(error)) if self.may_say(proxy) => {
                tracing::warn!(%proxy, %error, "no PROXY header from an address of listen.proxy_protocol");
            }
            Err(_) if self.may_say(proxy) => {
                tracing::warn!(%proxy, limit = ?patience, "no PROXY header in time from an address of listen.proxy_protocol");
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Whether there is a line for one more that is sent away.
    fn may_say(&self, peer: Peer) -> bool {
        self.gate.strangers.admit(peer.ip(), Kind::SentAway, Instant::now())
    }

    fn send_away(&self, socket: Accepted, peer: Peer, why: &ErrPacket<'_>, rule: &str) {
        if self.may_say(peer) {
            tracing::warn!(%peer, "client sent away: {rule}");
        }
        answer(socket, why);
    }

    fn hand_over(&self, socket: Accepted, peer: Peer) {
        let Self { gate, workers, ids } = self;
        let most = gate.most.load(Ordering::Relaxed);
        let sessions: usize = workers.iter().map(Handle::sessions).sum();
        if sessions >= most {
            return self.send_away(socket, peer, &too_many(), "limits.clients is reached");
        }
        let mut admitted = None;
        if let Some(address) = peer.ip() {
            if !gate.networks.load().admit(address) {
                let text = format!("Host '{address}' is not allowed to connect to this server");
                let why = ErrPacket::new(1130, b"HY000", &text);
                return self.send_away(socket, peer, &why, "listen.allow and listen.deny do not admit its address");
            }
            admitted = gate.admission.enter(address);
            if admitted.is_none() {
                let why = ErrPacket::new(1040, b"08004", "Too many connections from this address");
                return self.send_away(socket, peer, &why, "limits.clients_per_address is reached");
            }
        }
        let id = ids.next();
        if let Some(worker) = workers.iter().min_by_key(|worker| worker.sessions()) {
            let arrival = Arrival { socket, peer, id, listener: gate.settings.load_full(), admitted };
            worker.say(Message::Arrival(Box::new(arrival)));
        }
    }
}

fn too_many() -> ErrPacket<'static> {
    ErrPacket::new(1040, b"08004", "Too many connections")
}

/// Says why, as a server does in place of a greeting. The socket does not block, and a client that does not read its
/// first packet gets none.
fn answer(socket: Accepted, why: &ErrPacket<'_>) {
    let mut packet = Vec::new();
    write_packet(&mut packet, 0, &why.encode());
    let _ = match socket {
        Accepted::Tcp(mut tcp) => tcp.write(&packet),
        Accepted::Unix(mut unix) => unix.write(&packet),
    };
}

/// How long to wait after the first failed accept.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// And after many.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
