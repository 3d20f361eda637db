//! Exclusive use of a connection.

use crate::connection::Connection;
use crate::era::Began;
use crate::login::Account;
use crate::pools::Pools;
use splitfin_topology::{BackendId, Snapshot};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::Duration;

/// Exclusive use of a connection. It ends by [`Lease::release`]; dropped, it closes the socket, so that no error path
/// and no cancelled future can leave a connection of unknown state behind.
#[derive(Debug)]
pub struct Lease {
    /// There until the lease ends.
    connection: Option<Box<Connection>>,
    backend: BackendId,
    account: Rc<Account>,
    pools: Rc<Pools>,
    for_writes: bool,
}

impl Lease {
    pub(crate) const fn new(
        connection: Box<Connection>,
        backend: BackendId,
        account: Rc<Account>,
        pools: Rc<Pools>,
    ) -> Self {
        Self { connection: Some(connection), backend, account, pools, for_writes: false }
    }

    /// The backend that it is a connection to.
    pub const fn backend(&self) -> BackendId {
        self.backend
    }

    /// Where and when a session begins that begins on this.
    pub fn began(&self) -> Began {
        Began { backend: self.backend, era: self.era() }
    }

    /// Whether the server was the primary when this was checked out.
    pub const fn is_for_writes(&self) -> bool {
        self.for_writes
    }

    /// Says whether the server is the primary.
    pub const fn set_for_writes(&mut self, for_writes: bool) {
        self.for_writes = for_writes;
    }

    /// Tells those who watch the server that they should look.
    pub fn suspect(&self) {
        self.pools.suspect(self.backend);
    }

    /// Its server refused a write as one that takes none.
    pub fn note_refusal(&self) {
        self.pools.suspect_roles(self.backend);
    }

    /// Gives the connection back. It must be at rest: no reply outstanding, no transaction, nothing that the next user
    /// could notice and that is not known by value.
    pub fn release(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pools.give_back(connection, self.backend, &self.account);
        }
    }

    /// Ends the connection in order. The server undoes whatever its session has left.
    pub fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            connection.quit();
            self.pools.lost(self.backend);
        }
    }

    /// Whether a reset makes of it what a new connection would be: where the server gives sessions other defaults by now, it
    /// makes something else.
    pub fn resets_as_new(&self, snapshot: &Snapshot) -> bool {
        self.is_resettable() && self.pools.is_current(self.began(), snapshot)
    }

    /// A statement took this long.
    pub fn note_latency(&self, time: Duration) {
        self.pools.note_latency(self.backend, time);
    }

    /// The connection failed: others are preferred for a while.
    pub fn note_failure(&self) {
        self.pools.note_failure(self.backend);
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_deref().expect("a lease holds its connection until it ends")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_deref_mut().expect("a lease holds its connection until it ends")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.connection.take().is_some() {
            self.pools.lost(self.backend);
        }
    }
}
