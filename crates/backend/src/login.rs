//! Opening a connection: dial, log in, and make the server report what changes.

use crate::connection::Connection;
use crate::error::BackendError;
use crate::query::query;
use crate::state::{State, Values};
use splitfin_protocol::Capabilities;
use splitfin_protocol::exchange::Outcome;
use splitfin_protocol::handshake::connect::{Credentials, Step};
use splitfin_protocol::handshake::{Connect, connect::TlsWish};
use splitfin_topology::BackendId;
use splitfin_transport::tls::ClientTls;
use splitfin_transport::{Framed, dial, encrypt_for};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where a backend is and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Its number.
    pub id: BackendId,
    /// `host:port` or `unix:PATH`.
    pub address: String,
    /// TLS towards it.
    pub tls: BackendTls,
}

/// TLS towards a backend.
#[derive(Debug, Clone)]
pub struct BackendTls {
    /// Whether.
    pub wish: TlsWish,
    /// How.
    pub client: ClientTls,
}

/// Who a connection belongs to, with everything that can only be said at login. Connections are shared between
/// sessions of equal accounts only.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Account name.
    pub user: String,
    /// Password.
    pub password: Zeroizing<Vec<u8>>,
    /// Flags of [`Capabilities::SEMANTIC`] that the client has.
    pub capabilities: Capabilities,
    /// Collation of the client's login.
    pub collation: u8,
}

impl std::hash::Hash for Account {
    /// Over what usually differs; equality looks at everything.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.user.hash(state);
        state.write_u32(self.capabilities.bits() ^ u32::from(self.collation));
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user", &self.user).field("collation", &self.collation).finish_non_exhaustive()
    }
}

/// Opens a connection and makes it ready for its first statement.
pub(crate) async fn open(
    backend: &Backend,
    account: &Account,
    database: Option<Rc<str>>,
    tracked: &[&str],
    limit: Duration,
) -> Result<Connection, BackendError> {
    let work = async {
        let framed = Framed::new(dial(&backend.address, limit).await?);
        let (framed, capabilities, id) = log_in(framed, backend, account, database.as_deref()).await?;
        prepare(framed, capabilities, id, database, tracked).await
    };
    tokio::time::timeout(limit, work).await.map_err(|_| BackendError::LoginTimeout(limit))?
}

async fn log_in(
    mut framed: Framed,
    backend: &Backend,
    account: &Account,
    database: Option<&str>,
) -> Result<(Framed, Capabilities, u32), BackendError> {
    let credentials = Credentials {
        user: account.user.clone(),
        password: account.password.clone(),
        database: database.map(str::to_owned),
        collation: account.collation,
        capabilities: account.capabilities,
        attributes: vec![
            ("_client_name".to_owned(), "splitfin".to_owned()),
            ("_client_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ],
    };
    let mut connect = Connect::new(credentials, backend.tls.wish, framed.stream().is_secure());
    loop {
        let (payload, mut sequence) = framed.read_packet(LONGEST_LOGIN_PACKET).await?;
        let mut step = connect.handle(&payload)?;
        if let Step::StartTls(request) = &step {
            sequence = framed.write_packet(sequence, request).await?;
            let host = backend.address.rsplit_once(':').map_or(backend.address.as_str(), |(host, _)| host);
            framed = framed.connect_tls(&backend.tls.client, host.trim_matches(['[', ']'])).await?;
            step = connect.secured();
        }
        match step {
            Step::Send(payload) => {
                framed.write_packet(sequence, &payload).await?;
            }
            Step::Encrypt { pem, masked } => {
                let ciphertext = encrypt_for(&pem, &masked)?;
                framed.write_packet(sequence, &ciphertext).await?;
            }
            Step::Read | Step::StartTls(_) => {}
            Step::Accepted(_) => {
                let greeting = connect.greeting();
                let server = greeting.map_or(Capabilities::empty(), |greeting| greeting.capabilities);
                let agreed =
                    (Capabilities::TOWARDS_BACKENDS | account.capabilities) & (server | Capabilities::LONG_PASSWORD);
                return Ok((framed, agreed, greeting.map_or(0, |greeting| greeting.connection_id)));
            }
        }
    }
}

/// Asks which of the tracked variables this server has, remembers their values, and has their changes reported.
async fn prepare(
    mut framed: Framed,
    capabilities: Capabilities,
    id: u32,
    database: Option<Rc<str>>,
    tracked: &[&str],
) -> Result<Connection, BackendError> {
    let asked = [tracked, &[TRANSACTION_TRACKING, LAST_GTID, TRACK_GTIDS]].concat();
    let names = asked.join("','");
    let ask = format!("SHOW SESSION VARIABLES WHERE Variable_name IN ('{names}')");
    let (_, rows) = query(&mut framed, capabilities, &ask).await?;
    let mut fresh = BTreeMap::new();
    for row in rows {
        if let [Some(name), value] = row.as_slice() {
            fresh
                .insert(name.to_ascii_lowercase().into_boxed_str(), value.clone().unwrap_or_default().into_boxed_str());
        }
    }
    let own_gtid = fresh.remove(TRACK_GTIDS).map(|_| format!(",@@session.{TRACK_GTIDS}=OWN_GTID")).unwrap_or_default();
    let list: Vec<&str> = fresh.keys().map(|name| &**name).filter(|name| *name != TRANSACTION_TRACKING).collect();
    let track = format!(
        "SET @@session.session_track_system_variables='{}',@@session.session_track_schema=ON,\
         @@session.session_track_state_change=ON,@@session.session_track_transaction_info='CHARACTERISTICS'{own_gtid}",
        list.join(",")
    );
    // It is reported like a variable, but nobody can set it.
    fresh.remove(LAST_GTID);
    let (_outcome, _): (Outcome, _) = query(&mut framed, capabilities, &track).await?;
    let state = State {
        fresh: Rc::new(fresh),
        values: Values::default(),
        database,
        multi_statements: capabilities.contains(Capabilities::MULTI_STATEMENTS),
        guard: false,
    };
    Ok(Connection::new(framed, capabilities, id, state, track))
}

/// Asked for, to know what clients of this server are used to; not tracked.
const TRANSACTION_TRACKING: &str = "session_track_transaction_info";
/// MariaDB: the position of the session's last commit, reported as a variable.
const LAST_GTID: &str = "last_gtid";
/// MySQL: whether it reports the positions of the session's commits.
const TRACK_GTIDS: &str = "session_track_gtids";
/// A login's packets are a few hundred bytes; RSA keys and error texts included.
const LONGEST_LOGIN_PACKET: usize = 64 * 1024;
