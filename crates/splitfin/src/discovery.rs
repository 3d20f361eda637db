//! Finds servers that are not listed: the addresses of names, and whom known servers know.
//!
//! Nothing is forgotten because a search failed: a name that cannot be looked up keeps the addresses that it had, and a
//! server that nobody mentions any more stays for as long as it answers.

use crate::config::{Backend, Config, Discovery, Name};
use crate::names::{self, next_look};
use crate::wiring::Shared;
use splitfin_health::{Neighbours, keep, neighbours};
use splitfin_topology::{Identity, Snapshot, Unfit};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Who wants the servers that others know.
const REPLICATION: &str = "replication";

/// Searches that run. Dropped, they end, and what they found stays.
#[derive(Debug, Default)]
pub(crate) struct Searches {
    tasks: JoinSet<()>,
    origins: BTreeSet<String>,
}

impl Searches {
    /// Looks everything up once, and goes on doing so.
    pub(crate) async fn start(config: &Config, shared: &Shared) -> Self {
        let Discovery { names, replicas, interval, resolver } = &config.discovery;
        let mut searches = Self::default();
        for name in names {
            // The first client is to find what is there; a resolver that does not answer keeps nobody waiting.
            let _ = tokio::time::timeout(FIRST_LOOK, look_up(name, resolver, shared)).await;
            searches.origins.insert(name.like.spec.name.clone());
            searches.follow_name(name, resolver, shared, *interval);
        }
        if *replicas {
            searches.origins.insert(REPLICATION.to_owned());
            searches.follow_replication(shared, *interval);
        }
        searches
    }

    /// Searches otherwise from now on. Servers stay that are still searched for.
    pub(crate) fn restart(&mut self, config: &Config, shared: &Shared) {
        let Discovery { names, replicas, interval, resolver } = &config.discovery;
        self.tasks.abort_all();
        let mut origins: BTreeSet<String> = names.iter().map(|name| name.like.spec.name.clone()).collect();
        if *replicas {
            origins.insert(REPLICATION.to_owned());
            self.follow_replication(shared, *interval);
        }
        for name in names {
            self.follow_name(name, resolver, shared, *interval);
        }
        for gone in self.origins.difference(&origins) {
            change(shared, gone, Vec::new());
        }
        self.origins = origins;
    }

    fn follow_name(&mut self, name: &Name, resolver: &[SocketAddr], shared: &Shared, interval: Duration) {
        let (of, restarts) = (name.dns.clone(), Arc::clone(&shared.restarts));
        let (name, resolver, shared) = (name.clone(), resolver.to_vec(), shared.clone());
        let follow = move || {
            let run = follow_name(name.clone(), resolver.clone(), shared.clone(), interval);
            async move { match run.await {} }
        };
        self.tasks.spawn(keep(DISCOVERY, of, restarts, follow));
    }

    fn follow_replication(&mut self, shared: &Shared, interval: Duration) {
        let (restarts, shared) = (Arc::clone(&shared.restarts), shared.clone());
        let follow = move || {
            let run = follow_replication(shared.clone(), interval);
            async move { match run.await {} }
        };
        self.tasks.spawn(keep(DISCOVERY, REPLICATION.to_owned(), restarts, follow));
    }
}

fn change(shared: &Shared, origin: &str, servers: Vec<Backend>) {
    match shared.fleet().set(origin, servers) {
        Ok(changes) => {
            for (names, what) in [(changes.added, "found a server"), (changes.removed, "a server is gone")] {
                names
                    .iter()
                    .for_each(|backend| tracing::info!(target: "splitfin::discovery", origin, backend, "{what}"));
            }
        }
        Err(error) => tracing::error!(target: "splitfin::discovery", origin, %error, "servers not taken over"),
    }
}

async fn follow_name(name: Name, resolver: Vec<SocketAddr>, shared: Shared, interval: Duration) -> Infallible {
    let mut failing = false;
    loop {
        let lifetime = match look_up(&name, &resolver, &shared).await {
            Ok(lifetime) => {
                failing = false;
                lifetime
            }
            Err(error) => {
                // Once is enough, until it worked again.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(target: "splitfin::discovery", name = %name.dns, %error,
                        "the name cannot be looked up: the servers that it had stay");
                }
                None
            }
        };
        tokio::time::sleep(next_look(lifetime, interval)).await;
    }
}

/// Takes over the addresses of a name, and says for how long they are certain.
async fn look_up(name: &Name, resolver: &[SocketAddr], shared: &Shared) -> std::io::Result<Option<Duration>> {
    let found = names::look_up(&name.dns, resolver).await?;
    let like = &name.like;
    let server = |address: &SocketAddr| {
        let mut server = like.clone();
        server.spec.name = format!("{}-{}", like.spec.name, address.ip());
        server.spec.address = address.to_string();
        server
    };
    change(shared, &like.spec.name, found.addresses.iter().map(server).collect());
    Ok(found.lifetime)
}

async fn follow_replication(shared: Shared, interval: Duration) -> Infallible {
    let mut found = Found::default();
    loop {
        tokio::time::sleep(interval).await;
        found.search(&shared).await;
    }
}

/// What was found by asking servers.
#[derive(Debug, Default)]
struct Found {
    servers: BTreeMap<String, Backend>,
    /// Addresses that lead to servers that are known under others.
    aliases: BTreeMap<String, Identity>,
}

impl Found {
    async fn search(&mut self, shared: &Shared) {
        let known = shared.fleet().servers();
        let mut mentioned: BTreeMap<String, Backend> = BTreeMap::new();
        for (backend, target) in &known {
            match neighbours(target).await {
                // Whoever is found is spoken to as the one who knew it.
                Ok(Neighbours { addresses, .. }) => {
                    mentioned.extend(addresses.into_iter().map(|address| (address, like(backend))));
                }
                Err(error) => {
                    tracing::debug!(target: "splitfin::discovery", backend = backend.spec.name, %error, "not asked");
                }
            }
        }
        let snapshot = shared.topology.snapshot();
        self.servers.retain(|address, _| mentioned.contains_key(address) || answers(&snapshot, address));
        for (address, mut server) in mentioned {
            if known.iter().any(|(backend, _)| backend.spec.address == address) || self.is_alias(&snapshot, &address) {
                continue;
            }
            server.spec.address.clone_from(&address);
            server.spec.name.clone_from(&address);
            let target = shared.fleet().target(&server);
            match neighbours(&target).await {
                Ok(Neighbours { identity, .. }) if is_known(&snapshot, &identity) => {
                    self.aliases.insert(address, identity);
                }
                Ok(_) => drop(self.servers.insert(address, server)),
                Err(error) => {
                    tracing::debug!(target: "splitfin::discovery", %address, %error, "mentioned, and not reachable");
                }
            }
        }
        change(shared, REPLICATION, self.servers.values().cloned().collect());
    }

    /// Whether an address leads to a server that is known under another one.
    fn is_alias(&self, snapshot: &Snapshot, address: &str) -> bool {
        self.aliases.get(address).is_some_and(|identity| is_known(snapshot, identity))
    }
}

/// A server of which only the address is not known yet.
fn like(backend: &Backend) -> Backend {
    let mut server = backend.clone();
    server.spec.weight = 1;
    server
}

fn is_known(snapshot: &Snapshot, identity: &Identity) -> bool {
    snapshot.ours().any(|view| view.identity.as_ref().is_some_and(|known| known.is(identity)))
}

fn answers(snapshot: &Snapshot, address: &str) -> bool {
    snapshot
        .ours()
        .any(|view| view.spec.address == address && !matches!(view.fit, Err(Unfit::Probe(_) | Unfit::NotProbed)))
}

/// In the count of restarts.
const DISCOVERY: &str = "discovery";
/// Time for the first look-up of a name.
const FIRST_LOOK: Duration = Duration::from_secs(2);
