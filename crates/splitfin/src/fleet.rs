//! Which servers there are: those of the configuration, and those that names and other servers lead to. Every change goes
//! through here, so that workers know a server before the monitor lets them use it.

use crate::config::Backend;
use crate::relay::Relays;
use crate::wiring;
use anyhow::{Result, bail};
use splitfin_backend::Backends;
use splitfin_health::promotion::{Candidate, Means};
use splitfin_health::{Order, Target};
use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How all servers are probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probing {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) timeout: Duration,
    /// The table of heartbeats.
    pub(crate) heartbeat: Option<Arc<str>>,
}

impl Probing {
    fn target(&self, backend: &Backend, relays: &Relays) -> Target {
        let relay = relays.path(backend).unwrap_or_else(|error| {
            tracing::error!(backend = backend.spec.name, error = format!("{error:#}"), "cannot be probed");
            // Better no probe than one that says the password to anybody.
            Some("/nowhere".into())
        });
        let is_required = backend.tls.wish == splitfin_protocol::handshake::connect::TlsWish::Required;
        Target {
            address: match &relay {
                Some(path) => format!("unix:{}", path.display()),
                None => backend.spec.address.clone(),
            },
            user: self.user.clone(),
            password: self.password.clone(),
            tls: is_required && relay.is_none(),
            timeout: self.timeout,
            heartbeat: self.heartbeat.clone(),
        }
    }
}

/// One place in the table of servers. Who it is stays; the weight may change.
#[derive(Debug)]
struct Place {
    backend: Backend,
    is_ours: bool,
    is_drained: bool,
}

impl Place {
    /// Whether connections to `backend` are connections to this.
    fn is(&self, backend: &Backend) -> bool {
        let (ours, theirs) = (&self.backend, backend);
        (&ours.spec.name, &ours.spec.address, &ours.tls, ours.compression, ours.introduce)
            == (&theirs.spec.name, &theirs.spec.address, &theirs.tls, theirs.compression, theirs.introduce)
    }
}

/// What a change has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
    pub(crate) weighed: Vec<String>,
}

/// All servers that there are, and those that there were.
#[derive(Debug)]
pub(crate) struct Fleet {
    places: Vec<Place>,
    table: Arc<Backends>,
    orders: UnboundedSender<Order>,
    probing: Probing,
    /// How those are probed whose certificate is verified.
    relays: Relays,
    /// Who may make another server the primary.
    means: Option<Means>,
    /// Who is wanted, by who says so.
    wanted: BTreeMap<String, Vec<Backend>>,
}

/// Who says that a server is wanted: the configuration, which comes first.
pub(crate) const CONFIGURATION: &str = "";

impl Fleet {
    pub(crate) fn new(table: Arc<Backends>, orders: UnboundedSender<Order>, probing: Probing) -> Self {
        let relays = Relays::default();
        Self { places: Vec::new(), table, orders, probing, relays, means: None, wanted: BTreeMap::new() }
    }

    /// Takes in which servers `origin` wants from now on. A server that several want is there once, as the first of them
    /// has it. Servers that stay keep their connections; on an error, nothing has changed.
    pub(crate) fn set(&mut self, origin: &str, servers: Vec<Backend>) -> Result<Changes> {
        if self.wanted.get(origin) == Some(&servers) {
            return Ok(Changes::default());
        }
        let mut wanted = self.wanted.clone();
        wanted.insert(origin.to_owned(), servers);
        let mut all: Vec<Backend> = Vec::new();
        for backend in wanted.values().flatten() {
            let spec = &backend.spec;
            if !all.iter().any(|other| other.spec.address == spec.address || other.spec.name == spec.name) {
                all.push(backend.clone());
            }
        }
        let changes = self.become_these(&all)?;
        self.relays.keep(all.iter());
        self.wanted = wanted;
        Ok(changes)
    }

    fn become_these(&mut self, wanted: &[Backend]) -> Result<Changes> {
        let is_known = |backend: &&Backend| self.places.iter().any(|place| place.is(backend));
        let new = wanted.iter().filter(|backend| !is_known(backend)).count();
        if self.places.len() + new > MOST_BACKENDS {
            bail!(
                "more than {MOST_BACKENDS} different backends since the start: restart to forget those that are gone"
            );
        }
        // What can go wrong goes wrong before the first change.
        let tls: Vec<_> = wanted.iter().map(|backend| wiring::backend_tls(&backend.tls)).collect::<Result<_>>()?;
        let mut changes = Changes::default();
        for (index, place) in self.places.iter_mut().enumerate() {
            if place.is_ours && !wanted.iter().any(|backend| place.is(backend)) {
                place.is_ours = false;
                changes.removed.push(place.backend.spec.name.clone());
                tell(&self.orders, Order::Remove(BackendId(index as u16)));
            }
        }
        for (backend, tls) in wanted.iter().zip(tls) {
            match self.places.iter().position(|place| place.is(backend)) {
                Some(at) => self.keep(at, backend, &mut changes),
                None => self.add(backend, tls, &mut changes),
            }
        }
        Ok(changes)
    }

    fn keep(&mut self, at: usize, backend: &Backend, changes: &mut Changes) {
        let (id, place) = (BackendId(at as u16), &mut self.places[at]);
        if !place.is_ours {
            *place = Place { backend: backend.clone(), is_ours: true, is_drained: false };
            changes.added.push(backend.spec.name.clone());
            let target = self.probing.target(backend, &self.relays);
            tell(&self.orders, Order::Put { id, spec: backend.spec.clone(), target });
        } else if place.backend.spec.weight != backend.spec.weight {
            place.backend.spec.weight = backend.spec.weight;
            changes.weighed.push(backend.spec.name.clone());
            tell(&self.orders, Order::Weight(id, backend.spec.weight));
        }
    }

    fn add(&mut self, backend: &Backend, tls: splitfin_backend::BackendTls, changes: &mut Changes) {
        let id = BackendId(self.places.len() as u16);
        self.table.put(splitfin_backend::Backend {
            id,
            address: backend.spec.address.clone(),
            tls,
            compression: backend.compression,
            introduce: backend.introduce,
        });
        self.places.push(Place { backend: backend.clone(), is_ours: true, is_drained: false });
        changes.added.push(backend.spec.name.clone());
        tell(
            &self.orders,
            Order::Put { id, spec: backend.spec.clone(), target: self.probing.target(backend, &self.relays) },
        );
    }

    /// The servers that there are, and how each is probed.
    pub(crate) fn servers(&self) -> Vec<(Backend, Target)> {
        let ours = self.places.iter().filter(|place| place.is_ours);
        ours.map(|place| (place.backend.clone(), self.probing.target(&place.backend, &self.relays))).collect()
    }

    /// How this server is probed.
    pub(crate) fn target(&self, backend: &Backend) -> Target {
        self.probing.target(backend, &self.relays)
    }

    /// Probes all servers in another way.
    pub(crate) fn probe_as(&mut self, probing: Probing) {
        if probing == self.probing {
            return;
        }
        self.probing = probing;
        for (index, place) in self.places.iter().enumerate().filter(|(_, place)| place.is_ours) {
            tell(
                &self.orders,
                Order::Retarget(BackendId(index as u16), self.probing.target(&place.backend, &self.relays)),
            );
        }
    }

    /// Gives a server nothing new any more, or again. False, if there is none of this name.
    pub(crate) fn drain(&mut self, name: &str, on: bool) -> bool {
        let found =
            self.places.iter_mut().enumerate().find(|(_, place)| place.is_ours && place.backend.spec.name == name);
        let Some((index, place)) = found else { return false };
        if std::mem::replace(&mut place.is_drained, on) != on {
            tell(&self.orders, Order::Drain(BackendId(index as u16), on));
        }
        true
    }

    /// Who may make another server the primary, if anybody may.
    pub(crate) fn means(&self) -> Option<Means> {
        self.means.clone()
    }

    pub(crate) fn set_means(&mut self, means: Option<Means>) {
        self.means = means;
    }

    /// A server as one that plays a part when another one becomes the primary.
    pub(crate) fn candidate(&self, id: BackendId) -> Option<Candidate> {
        let place = self.places.get(id.index()).filter(|place| place.is_ours)?;
        Some(Candidate {
            name: place.backend.spec.name.clone(),
            target: self.probing.target(&place.backend, &self.relays),
        })
    }

    /// Gives the monitor an order about all servers.
    pub(crate) fn order(&self, order: Order) {
        tell(&self.orders, order);
    }
}

/// At the end nobody listens any more.
fn tell(orders: &UnboundedSender<Order>, order: Order) {
    let _ = orders.send(order);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BackendTls;
    use splitfin_topology::BackendSpec;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    fn backend(name: &str, port: u16, weight: u32) -> Backend {
        Backend {
            spec: BackendSpec { name: name.into(), address: format!("127.0.0.1:{port}"), weight },
            tls: BackendTls {
                wish: splitfin_protocol::handshake::connect::TlsWish::Preferred,
                ca: None,
                fingerprint: None,
                minimum: Default::default(),
                certificates: [].into(),
            },
            compression: splitfin_protocol::Capabilities::empty(),
            introduce: false,
        }
    }

    fn fleet() -> (Fleet, UnboundedReceiver<Order>) {
        let (orders, received) = unbounded_channel();
        let probing = Probing {
            user: "monitor".into(),
            password: "secret".into(),
            timeout: Duration::from_secs(1),
            heartbeat: None,
        };
        (Fleet::new(Arc::default(), orders, probing), received)
    }

    #[test]
    fn who_stays_keeps_its_number_and_who_comes_back_gets_it_again() {
        let (mut fleet, mut orders) = fleet();
        let (a, b) = (backend("a", 1, 1), backend("b", 2, 1));
        assert_eq!(fleet.set(CONFIGURATION, vec![a.clone(), b.clone()]).unwrap().added, ["a", "b"]);
        let heavier = backend("a", 1, 5);
        let changes = fleet.set(CONFIGURATION, vec![heavier.clone()]).unwrap();
        assert_eq!((changes.removed, changes.weighed), (vec!["b".to_owned()], vec!["a".to_owned()]));
        // Another address is another server, whatever its name.
        assert_eq!(fleet.set(CONFIGURATION, vec![heavier, backend("b", 3, 1)]).unwrap().added, ["b"]);
        assert_eq!(fleet.set(CONFIGURATION, vec![a, b]).unwrap().added, ["b"]);
        let mut given = Vec::new();
        while let Ok(order) = orders.try_recv() {
            given.push(match order {
                Order::Put { id, .. } => format!("put {id}"),
                Order::Remove(id) => format!("remove {id}"),
                Order::Weight(id, weight) => format!("weight {id} {weight}"),
                other => format!("{other:?}"),
            });
        }
        let expected = ["put 0", "put 1", "remove 1", "weight 0 5", "put 2", "remove 2", "weight 0 1", "put 1"];
        assert_eq!(given, expected);
    }

    #[test]
    fn several_may_want_the_same_server() {
        let (mut fleet, mut orders) = fleet();
        fleet.set(CONFIGURATION, vec![backend("a", 1, 1)]).unwrap();
        let found = vec![backend("found-a", 1, 1), backend("found-b", 2, 1)];
        assert_eq!(fleet.set("dns", found.clone()).unwrap().added, ["found-b"]);
        assert_eq!(fleet.set(CONFIGURATION, vec![]).unwrap().added, ["found-a"], "under the other name");
        assert_eq!(fleet.set("seed", found).unwrap(), Changes::default());
        assert_eq!(fleet.set("dns", vec![]).unwrap(), Changes::default());
        assert_eq!(fleet.set("seed", vec![]).unwrap().removed.len(), 2);
        assert!(orders.try_recv().is_ok());
    }

    #[test]
    fn what_cannot_be_had_changes_nothing() {
        let (mut fleet, mut orders) = fleet();
        let many: Vec<_> = (0..=MOST_BACKENDS).map(|at| backend(&at.to_string(), at as u16, 1)).collect();
        assert!(fleet.set(CONFIGURATION, many).unwrap_err().to_string().contains("restart"));
        let mut bad = backend("a", 1, 1);
        bad.tls.ca = Some("/nowhere/ca.pem".into());
        assert!(
            fleet
                .set(CONFIGURATION, vec![backend("b", 2, 1), bad])
                .unwrap_err()
                .to_string()
                .contains("/nowhere/ca.pem")
        );
        assert!(orders.try_recv().is_err());
    }

    #[test]
    fn only_what_is_there_can_be_drained() {
        let (mut fleet, mut orders) = fleet();
        fleet.set(CONFIGURATION, vec![backend("a", 1, 1)]).unwrap();
        let _ = orders.try_recv();
        assert!(fleet.drain("a", true) && fleet.drain("a", true) && !fleet.drain("b", true));
        assert!(matches!(orders.try_recv(), Ok(Order::Drain(BackendId(0), true))) && orders.try_recv().is_err());
    }
}
