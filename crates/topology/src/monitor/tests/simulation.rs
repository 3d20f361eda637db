//! Servers that live, die, are promoted and follow each other, seen through probes that come at any time.

use super::{OFFER, thresholds};
use crate::backend::{BackendId, BackendSpec};
use crate::condition::Unfit;
use crate::gtid::{History, Position};
use crate::monitor::{Monitor, PrimaryChoice};
use crate::observation::Observation;
use crate::observation::{Channel, Family, Identity, ProbeFailure};
use crate::snapshot::Role;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const SERVERS: usize = 3;

/// One transaction: who wrote it, and its number.
type Transaction = (u32, u64);

#[derive(Debug, Clone, Default)]
struct Server {
    alive: bool,
    writable: bool,
    source: Option<usize>,
    log: BTreeSet<Transaction>,
    last: u64,
}

/// What may happen.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// It dies, or hangs.
    Kill(usize),
    /// It comes back as it was: a primary of the past is writable.
    Start(usize),
    /// It stops replicating and accepts writes.
    Promote(usize),
    /// It refuses writes.
    Demote(usize),
    /// It becomes a replica.
    Follow(usize, usize),
    /// It applies what its source has.
    Replicate(usize),
    /// It is looked at.
    Probe(usize),
    /// A client writes.
    Write,
}

fn act() -> impl Strategy<Value = Act> {
    let server = 0..SERVERS;
    prop_oneof![
        1 => server.clone().prop_map(Act::Kill),
        2 => server.clone().prop_map(Act::Start),
        1 => server.clone().prop_map(Act::Promote),
        1 => server.clone().prop_map(Act::Demote),
        1 => (server.clone(), server.clone()).prop_map(|(replica, source)| Act::Follow(replica, source)),
        4 => server.clone().prop_map(Act::Replicate),
        8 => server.prop_map(Act::Probe),
        4 => Just(Act::Write),
    ]
}

struct World {
    servers: Vec<Server>,
    monitor: Monitor,
    /// Servers that were the primary until another one took over, and have not followed since.
    passed_over: BTreeSet<usize>,
    last_primary: Option<usize>,
    /// Which were seen to follow somebody, when they were seen last.
    following: [bool; SERVERS],
    clock: Instant,
}

impl World {
    fn new() -> Self {
        let spec = |name: &str| BackendSpec { name: name.into(), address: format!("{name}:3306"), weight: 1 };
        let mut servers = vec![Server { alive: true, source: Some(0), ..Server::default() }; SERVERS];
        servers[0] = Server { writable: true, source: None, ..servers[0].clone() };
        Self {
            servers,
            monitor: Monitor::new(["a", "b", "c"].map(spec).to_vec(), thresholds(), PrimaryChoice::Auto),
            passed_over: BTreeSet::new(),
            last_primary: None,
            following: [false; SERVERS],
            clock: Instant::now(),
        }
    }

    fn observation(&self, at: usize) -> Result<Observation, ProbeFailure> {
        let server = &self.servers[at];
        if !server.alive {
            return Err(ProbeFailure::Timeout(Duration::from_millis(500)));
        }
        let text: Vec<String> = server.log.iter().map(|(writer, number)| format!("0-{writer}-{number}")).collect();
        let text = text.join(",");
        let channel = |source: usize| Channel {
            source: Identity { uuid: None, server_id: source as u32 + 1 },
            receiving: self.servers[source].alive,
            applying: true,
            lag: self.servers[source].alive.then_some(Duration::ZERO),
            ..Channel::default()
        };
        Ok(Observation {
            family: Family::Mariadb,
            version: "10.11.19-MariaDB".into(),
            offer: OFFER,
            identity: Identity { uuid: None, server_id: at as u32 + 1 },
            read_only: !server.writable,
            channels: server.source.map(channel).into_iter().collect(),
            clock: 0,
            heartbeat: None,
            membership: None,
            begun: self.clock,
            position: Position::parse(Family::Mariadb, &text).unwrap(),
            history: History::parse(Family::Mariadb, &text).unwrap(),
            gtids: true,
            in_order: true,
        })
    }

    fn act(&mut self, act: Act) -> Result<(), TestCaseError> {
        match act {
            Act::Kill(at) => self.servers[at].alive = false,
            Act::Start(at) => self.servers[at].alive = true,
            Act::Promote(at) => (self.servers[at].writable, self.servers[at].source) = (true, None),
            Act::Demote(at) => self.servers[at].writable = false,
            Act::Follow(at, source) if at != source => {
                (self.servers[at].writable, self.servers[at].source) = (false, Some(source));
            }
            Act::Follow(..) => {}
            Act::Replicate(at) => self.replicate(at),
            Act::Probe(at) => self.probe(at)?,
            Act::Write => self.write()?,
        }
        Ok(())
    }

    fn replicate(&mut self, at: usize) {
        let Some(source) = self.servers[at].source else { return };
        let from = self.servers[source].clone();
        let to = &mut self.servers[at];
        // A replica that has something of its own cannot go on.
        if from.alive && to.alive && to.log.is_subset(&from.log) {
            (to.log, to.last) = (from.log, from.last);
        }
    }

    fn probe(&mut self, at: usize) -> Result<(), TestCaseError> {
        self.clock += Duration::from_millis(100);
        let observation = self.observation(at);
        let follows = observation.as_ref().is_ok_and(|seen| !seen.channels.is_empty());
        let before = self.monitor.snapshot();
        self.monitor.observe(BackendId(at as u16), observation);
        let snapshot = self.monitor.snapshot();
        if self.servers[at].alive {
            self.following[at] = follows;
        }
        if follows {
            self.passed_over.remove(&at);
        }
        prop_assert!(snapshot.backends.iter().filter(|view| view.role == Role::Primary).count() <= 1);
        for (view, before) in snapshot.backends.iter().zip(&before.backends) {
            prop_assert!(view.id.index() == at || view.fit == before.fit || snapshot.primary == Some(view.id));
            let unseen = matches!(before.fit, Err(Unfit::NotProbed));
            let returning = matches!(before.fit, Err(Unfit::Returning { seen: 1, .. }));
            let came_back = before.fit.is_err() && view.fit.is_ok() && snapshot.primary != Some(view.id);
            prop_assert!(!came_back || unseen || returning, "{:?} in one step", before.fit);
        }
        if let Some(primary) = snapshot.primary.map(BackendId::index)
            && let Some(last) = self.last_primary.replace(primary)
            && last != primary
        {
            // What its predecessor never had was lost before.
            let has_all = self.servers[last].log.is_subset(&self.servers[primary].log);
            prop_assert!(has_all || !self.passed_over.contains(&primary), "{primary} was passed over");
            self.passed_over.remove(&primary);
            if !self.following[last] {
                self.passed_over.insert(last);
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), TestCaseError> {
        let snapshot = self.monitor.snapshot();
        if let (None, Some(writer)) = (snapshot.primary, snapshot.writer()) {
            // An account that may write to a read-only server does so there, and it is no primary of the past.
            prop_assert!(!self.passed_over.contains(&writer.index()));
            prop_assert!(snapshot.backends[writer.index()].read_only);
        }
        let Some(primary) = snapshot.primary.map(BackendId::index) else { return Ok(()) };
        let server = &mut self.servers[primary];
        if !server.alive || !server.writable {
            return Ok(());
        }
        prop_assert!(!self.passed_over.contains(&primary));
        server.last += 1;
        server.log.insert((primary as u32 + 1, server.last));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nobody_writes_to_a_primary_of_the_past(acts in proptest::collection::vec(act(), 1..120)) {
        let mut world = World::new();
        for act in acts {
            world.act(act)?;
        }
    }
}
