//! Opening a connection: dial, log in, and make the server report what changes.

use crate::catalogue::Catalogue;
use crate::connection::{CURRENT_ROLE, Connection, Family, role_of};
use crate::error::BackendError;
use crate::query::{query, query_all};
use crate::question::select;
use crate::renewal;
use crate::state::{COLLATION, RESULTS, State, Values};
use crate::tracking;
use splitfin_protocol::Capabilities;
use splitfin_protocol::auth::Secret;
use splitfin_protocol::exchange::ServerError;
use splitfin_protocol::handshake::connect::{Credentials, Step};
use splitfin_protocol::handshake::{Connect, connect::TlsWish};
use splitfin_topology::BackendId;
use splitfin_transport::tls::ClientTls;
use splitfin_transport::{Framed, Role, dial, encrypt_for};
use std::io;
use std::net::IpAddr;
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
    /// Compression towards it: one of [`Capabilities::COMPRESSION`], used if the server has it.
    pub compression: Capabilities,
    /// Whether it is told who the client is, with a PROXY header.
    pub introduce: bool,
}

/// TLS towards a backend.
#[derive(Debug, Clone)]
pub struct BackendTls {
    /// Whether.
    pub wish: TlsWish,
    /// How.
    pub client: ClientTls,
    /// How, with one of the certificates that servers are shown, by its SHA-256.
    pub certified: Vec<([u8; 32], ClientTls)>,
}

impl BackendTls {
    /// With this certificate. One that is not there any more is not shown: the server decides what that means.
    fn showing(&self, certificate: Option<[u8; 32]>) -> &ClientTls {
        let known = |wanted| self.certified.iter().find(|(fingerprint, _)| *fingerprint == wanted);
        certificate.and_then(known).map_or(&self.client, |(_, client)| client)
    }
}

/// Who a connection belongs to, with everything that can only be said at login. Connections are shared between
/// sessions of equal accounts only.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Account name.
    pub user: String,
    /// Password.
    pub password: Secret,
    /// Flags of [`Capabilities::SEMANTIC`] that the client has.
    pub capabilities: Capabilities,
    /// Collation of the client's login.
    pub collation: u8,
    /// Connection attributes: what the client says of itself, but for what differs between connections of one program.
    pub attributes: Vec<(String, String)>,
    /// Where the client is, if servers are told.
    pub client: Option<IpAddr>,
    /// Which certificate servers are shown: SHA-256 of one in [`BackendTls::certified`].
    pub certificate: Option<[u8; 32]>,
}

impl std::hash::Hash for Account {
    /// Over what usually differs; equality looks at everything.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.user.hash(state);
        state.write_u64(self.capabilities.bits() ^ u64::from(self.collation));
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user", &self.user).field("collation", &self.collation).finish_non_exhaustive()
    }
}

/// Opens a connection and makes it ready for its first statement. `known` is what others have learned of the server.
pub(crate) async fn open(
    backend: &Backend,
    account: &Account,
    database: Option<Rc<str>>,
    tracked: &[&str],
    known: Option<Rc<Catalogue>>,
    limit: Duration,
) -> Result<Connection, BackendError> {
    let work = async {
        let client = account.client.filter(|_| backend.introduce);
        let framed = Framed::new(dial(&backend.address, client, limit).await?);
        let (framed, capabilities, greeting) = log_in(framed, backend, account, database.as_deref()).await?;
        prepare(framed, capabilities, &greeting, database, tracked, known).await
    };
    tokio::time::timeout(limit, work).await.map_err(|_| BackendError::LoginTimeout(limit))?
}

async fn log_in(
    mut framed: Framed,
    backend: &Backend,
    account: &Account,
    database: Option<&str>,
) -> Result<(Framed, Capabilities, Greeted), BackendError> {
    let credentials = Credentials {
        user: account.user.clone(),
        password: account.password.clone(),
        database: database.map(str::to_owned),
        collation: account.collation,
        capabilities: account.capabilities | backend.compression,
        attributes: account.attributes.clone(),
        random: random()?,
    };
    let mut connect = Connect::new(credentials, backend.tls.wish, framed.stream().is_secure());
    loop {
        let (payload, mut sequence) = framed.read_packet(LONGEST_LOGIN_PACKET).await?;
        let mut step = connect.handle(&payload)?;
        if let Step::StartTls(request) = &step {
            sequence = framed.write_packet(sequence, request).await?;
            let host = backend.address.rsplit_once(':').map_or(backend.address.as_str(), |(host, _)| host);
            framed =
                framed.connect_tls(backend.tls.showing(account.certificate), host.trim_matches(['[', ']'])).await?;
            step = connect.secured();
        }
        match step {
            Step::Send(payload) => {
                let payload = Zeroizing::new(payload);
                framed.write_packet(sequence, &payload).await?;
            }
            Step::Encrypt { pem, masked } => {
                let ciphertext = encrypt_for(&pem, &masked)?;
                framed.write_packet(sequence, &ciphertext).await?;
            }
            Step::Read | Step::StartTls(_) => {}
            Step::Accepted(_) => {
                if let Some(algorithm) = connect.compression() {
                    framed.compress(algorithm, Role::Client);
                }
                let greeting = connect.greeting();
                let server = greeting.map_or(Capabilities::empty(), |greeting| greeting.capabilities);
                let agreed = (Capabilities::TOWARDS_BACKENDS | account.capabilities) & server;
                let greeted = Greeted {
                    id: greeting.map_or(0, |greeting| greeting.connection_id),
                    // MySQL has roles from 8.0 on; MariaDB 10 says that it is a 5.5.5, and has had them for longer.
                    has_roles: greeting.is_some_and(|greeting| {
                        !greeting.version.starts_with("5.") || greeting.version.contains("MariaDB")
                    }),
                    version: greeting.map(|greeting| greeting.version.clone()).unwrap_or_default(),
                };
                return Ok((framed, agreed, greeted));
            }
        }
    }
}

fn random() -> Result<[u8; 32], BackendError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(bytes)
}

/// What a greeting says that is needed later.
struct Greeted {
    id: u32,
    has_roles: bool,
    version: String,
}

/// Asks for the values of the tracked variables, and has their changes reported.
async fn prepare(
    mut framed: Framed,
    capabilities: Capabilities,
    greeted: &Greeted,
    database: Option<Rc<str>>,
    tracked: &[&str],
    known: Option<Rc<Catalogue>>,
) -> Result<Connection, BackendError> {
    let id = greeted.id;
    let asked = async {
        let catalogue = match known.filter(|known| known.is_of(&greeted.version)) {
            Some(known) => known,
            None => Rc::new(Catalogue::learn(&mut framed, capabilities, &greeted.version, tracked).await?),
        };
        let ask_role = select([if greeted.has_roles { CURRENT_ROLE } else { "NULL" }]);
        let ask_global = CHARSET.map(|name| format!("@@global.{name}"));
        let ask_global = select(ask_global.iter().map(String::as_str));
        let ask_login = select(renewal::asked(catalogue.is_mariadb).iter().copied());
        let asked = [&*catalogue.ask_values(), &ask_global, &ask_role, &ask_login];
        Ok((catalogue, query_all(&mut framed, capabilities, asked).await?))
    };
    let (catalogue, [own, global, role, of_login]) = match asked.await {
        Ok(answers) => answers,
        Err(BackendError::Refused { code: MUST_CHANGE_PASSWORD, state, message, .. }) => {
            let why = ServerError { code: MUST_CHANGE_PASSWORD, state, message };
            return Ok(Connection::sandboxed(framed, capabilities, id, State::unknown(database), why));
        }
        Err(error) => return Err(error),
    };
    let collation = own.collation;
    let mut own = catalogue.values(own).ok_or_else(|| io::Error::other("the server does not tell its variables"))?;
    let of_login = of_login.rows.into_iter().next().unwrap_or_default();
    let resets_as_login = renewal::resets_as_login(own.get("wait_timeout").map(|value| &**value), &of_login);
    // A login chooses one collation for all.
    let login_collation = (collation, own.get(COLLATION).cloned());
    if let (Some(results), Some(name)) = (own.get_mut(RESULTS), &login_collation.1) {
        results.clone_from(name);
    }
    let own = Rc::new(own);
    let list: Rc<str> = catalogue.tracked().into();
    query(&mut framed, capabilities, &tracking::ours(&list, "", &own, true)).await?;
    let is_mariadb = catalogue.is_mariadb;
    let role = greeted.has_roles.then(|| role_of(role.first_value(), !is_mariadb));
    let state = State {
        role: role.clone(),
        own_role: role,
        // `init_connect` may have inserted something.
        last_insert_id: None,
        fresh: Rc::clone(&own),
        own,
        values: Values::default(),
        user_variables: Values::default(),
        database,
        multi_statements: capabilities.contains(Capabilities::MULTI_STATEMENTS),
        guard: false,
        tracked: list,
    };
    // MariaDB goes back to the character set of the login, MySQL to the global one.
    let global = global.rows.into_iter().next().unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let after_reset = match is_mariadb {
        true => Values::default(),
        false => Rc::new(CHARSET.into_iter().map(Into::into).zip(global.map(Into::into)).collect()),
    };
    let family = Family { after_reset, reports_all: !is_mariadb, login_collation, catalogue, resets_as_login };
    Ok(Connection::new(framed, capabilities, id, state, family))
}

/// `ER_MUST_CHANGE_PASSWORD`
const MUST_CHANGE_PASSWORD: u16 = 1820;

/// Of a session's character set.
pub(crate) const CHARSET: [&str; 4] =
    ["character_set_client", "character_set_connection", "character_set_results", "collation_connection"];

/// A login's packets are a few hundred bytes; RSA keys and error texts included.
const LONGEST_LOGIN_PACKET: usize = 64 * 1024;
