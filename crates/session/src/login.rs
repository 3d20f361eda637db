//! From the first byte of a client to an account that is let in.

use crate::accounts::Proof;
use crate::brake::{Entry, Place, Turn};
use crate::encryption::Encryption;
use crate::error::{ACCESS_DENIED, SessionError, Unserved};
use crate::logins::OpenLogin;
use crate::metrics::add;
use crate::registry::Registration;
use crate::reply;
use crate::serve::Listener;
use crate::state::State;
use crate::worker::Worker;
use aws_lc_rs::rand;
use splitfin_backend::{Account, Age, AtLogin, BackendError, Certainty, Checkout, Lease, Seen};
use splitfin_protocol::auth::Secret;
use splitfin_protocol::auth::printable_nonce;
use splitfin_protocol::handshake::accept::{Accept, LoginError, Plugin, Step};
use splitfin_protocol::packet::{ErrPacket, Greeting};
use splitfin_protocol::{Capabilities, Status};
use splitfin_router::{Access, Facts, Statement, route};
use splitfin_topology::{Family, Offer, Snapshot};
use splitfin_transport::{CertificateNames, FrameError, Framed, Peer, Role, Stream};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A client that was let in.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) account: Rc<Account>,
    pub(crate) capabilities: Capabilities,
    pub(crate) state: State,
    /// A connection that serves this session and nobody else.
    pub(crate) held: Option<Lease>,
}

/// A client that has come in, and is told so.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) client: Framed,
    pub(crate) identity: Identity,
    pub(crate) registration: Registration,
}

/// How a new client came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'a> {
    pub(crate) listener: &'a Listener,
    /// Its place among the logins that are not finished.
    pub(crate) open: &'a OpenLogin,
}

/// Logs a client in. What it gets to see is what a server would show it.
pub(crate) async fn log_in(
    mut client: Framed,
    id: u32,
    peer: Peer,
    door: Door<'_>,
    worker: &Worker,
) -> Result<Box<Entered>, SessionError> {
    let listener = door.listener;
    let (greeting, plugin) = greet(id, listener, &client, &worker.topology.snapshot());
    client.write_packet(0, &greeting.encode()).await?;
    let mut accept = Accept::new(&greeting, plugin, client.stream().is_secure(), listener.tls_required);
    let mut sequence = 1;
    let step = read(&mut client, &mut accept, &mut sequence).await?;
    // Whoever connects and says nothing costs little: the rest is in a box, and that is there from now on.
    Box::pin(enter(client, accept, (step, sequence), id, peer, door, worker)).await
}

/// Goes on after a client's first packet.
async fn enter(
    client: Framed,
    accept: Accept,
    begun: (Step, u8),
    id: u32,
    peer: Peer,
    door: Door<'_>,
    worker: &Worker,
) -> Result<Box<Entered>, SessionError> {
    let listener = door.listener;
    let (mut client, accept, sequence, proof) = authenticate(client, accept, begun, peer, Some(door), worker).await?;
    let signature = sign(&accept, &proof.secret, listener, &client);
    let identity = match admit_noted(&accept, worker, proof, peer, client.stream()).await {
        Ok(identity) => identity,
        Err(unserved) => {
            reply::error(&mut client, sequence, &unserved).await?;
            return Err(refused(&unserved));
        }
    };
    let most = worker.settings().clients_per_user;
    let host = peer.ip().map_or_else(|| "localhost".to_owned(), |_| peer.to_string());
    let Some(registration) = worker.registry.enter(id, &identity.account.user, host, most) else {
        let unserved = Unserved::TooManyOfUser { user: identity.account.user.clone(), most };
        reply::error(&mut client, sequence, &unserved).await?;
        return Err(refused(&unserved));
    };
    reply::ok(&mut client, sequence, identity.capabilities, identity.state.status, &signature).await?;
    if let Some(algorithm) = accept.login().and_then(|login| login.compression(identity.capabilities)) {
        client.compress(algorithm, Role::Server);
    }
    Ok(Box::new(Entered { client, identity, registration }))
}

/// What proves to MariaDB's clients that the certificate is of who knows the password.
fn sign(accept: &Accept, secret: &Secret, listener: &Listener, client: &Framed) -> Vec<u8> {
    let tls = listener.tls.as_ref().filter(|_| client.stream().is_tls());
    tls.and_then(|tls| accept.signature(secret, tls.fingerprint())).unwrap_or_default()
}

pub(crate) fn refused(unserved: &Unserved) -> SessionError {
    let code = match unserved {
        Unserved::Backend(BackendError::Refused { code, .. }) => *code,
        Unserved::Backend(error) => error.refusal().map_or(0, |(code, ..)| code),
        Unserved::Denied(_) | Unserved::EncryptionUnknown => ACCESS_DENIED,
        _ => 0,
    };
    SessionError::RefusedByBackend { code, message: unserved.to_string() }
}

/// The greeting: version and default plugin are those of the backends, as the client will talk to them.
fn greet(id: u32, listener: &Listener, client: &Framed, snapshot: &Snapshot) -> (Greeting, Plugin) {
    let seen = snapshot.primary.and_then(|id| snapshot.backend(id)).and_then(|view| view.version.clone());
    let seen = seen.or_else(|| snapshot.ours().find_map(|view| view.version.clone()));
    let version = seen.unwrap_or_else(|| UNSEEN_VERSION.to_owned());
    let (plugin, collation, version) = match snapshot.family {
        // MariaDB 10 puts this in front for old replication clients, and drivers expect it.
        Some(Family::Mariadb) if version.starts_with("10.") => (Plugin::Native, 45, format!("5.5.5-{version}")),
        Some(Family::Mariadb) => (Plugin::Native, 45, version),
        Some(Family::Mysql) | None => (Plugin::CachingSha2, 255, version),
    };
    let offer = snapshot.offer();
    let mut capabilities = Capabilities::OFFERED | offered(offer, snapshot.family);
    // To MariaDB's clients the flag means "MySQL".
    capabilities.set(Capabilities::LONG_PASSWORD, snapshot.family != Some(Family::Mariadb));
    capabilities.set(Capabilities::SSL, listener.tls.is_some() && !client.stream().is_secure());
    capabilities.set(Capabilities::COMPRESS, listener.compression);
    // MariaDB has none of it.
    capabilities.set(Capabilities::ZSTD_COMPRESSION, listener.compression && snapshot.family == Some(Family::Mysql));
    let greeting = Greeting {
        version,
        connection_id: id,
        nonce: nonce(),
        capabilities,
        collation: offer.map_or(collation, |offer| offer.collation.to_le_bytes()[0]),
        status: if offer.is_none_or(|offer| offer.autocommit) { Status::AUTOCOMMIT } else { Status::empty() },
        plugin: plugin.name().to_owned(),
    };
    (greeting, plugin)
}

/// The flags that depend on what every backend has.
fn offered(offer: Option<Offer>, family: Option<Family>) -> Capabilities {
    let Some(offer) = offer else { return Capabilities::LOCAL_FILES };
    let mut capabilities = Capabilities::empty();
    capabilities.set(Capabilities::LOCAL_FILES, offer.local_files);
    capabilities.set(Capabilities::QUERY_ATTRIBUTES, offer.query_attributes);
    capabilities.set(Capabilities::STMT_BULK_OPERATIONS, family == Some(Family::Mariadb));
    capabilities.set(Capabilities::EXTENDED_METADATA, offer.extended_metadata);
    capabilities
}

pub(crate) fn nonce() -> [u8; 20] {
    printable_nonce(random())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// Does what the state machine says until the password is right. Gives the sequence id of the OK that is to follow.
pub(crate) async fn authenticate(
    mut client: Framed,
    mut accept: Accept,
    (mut step, mut sequence): (Step, u8),
    peer: Peer,
    door: Option<Door<'_>>,
    worker: &Worker,
) -> Result<(Framed, Accept, u8, Proof), SessionError> {
    let mut heard = Instant::now();
    let mut place = None;
    loop {
        step = match step {
            Step::StartTls => {
                let tls = door.and_then(|door| door.listener.tls.as_ref()).ok_or(LoginError::TlsNotOffered)?;
                client = client.accept_tls(tls).await?;
                let step = read(&mut client, &mut accept, &mut sequence).await?;
                heard = Instant::now();
                step
            }
            Step::LookUp => {
                if let Some(door) = door {
                    door.open.spoke();
                }
                let login = accept.login();
                let user = login.map(|login| login.user.as_str()).unwrap_or_default();
                place = take_place(&mut client, sequence, user, peer, worker).await?;
                let plugin = login.and_then(|login| login.plugin.as_deref());
                let known = worker.settings().accounts.known(user, plugin, worker).await;
                accept.with_known(known, random())
            }
            Step::Send(payload) => {
                client.write_packet(sequence, &payload).await?;
                let step = read(&mut client, &mut accept, &mut sequence).await?;
                heard = Instant::now();
                step
            }
            Step::SendPublicKey => {
                let payload = [&[1], worker.settings().rsa.public_pem()].concat();
                client.write_packet(sequence, &payload).await?;
                let step = read(&mut client, &mut accept, &mut sequence).await?;
                heard = Instant::now();
                step
            }
            Step::Decrypt(ciphertext) => accept.decrypted(worker.settings().rsa.decrypt(&ciphertext)),
            Step::Accepted(secret, before) => {
                // The password is the right one, as far as anybody knows.
                match place.take_if(|place: &mut Place| place.is_at_home(Instant::now())) {
                    Some(place) => place.give_up(),
                    None => wait_for_turn(&mut client, sequence, place, peer).await?,
                }
                if let Some(payload) = before {
                    sequence = client.write_packet(sequence, &payload).await?;
                }
                let proof = proof(&accept, worker, secret);
                return Ok((client, accept, sequence, proof));
            }
            Step::Prove(secret) => {
                wait_for_turn(&mut client, sequence, place, peer).await?;
                let proof = proof(&accept, worker, secret);
                return Ok((client, accept, sequence, proof));
            }
            Step::Refused => {
                wait_for_turn(&mut client, sequence, place, peer).await?;
                let user = accept.login().map(|login| login.user.clone()).unwrap_or_default();
                note_failure(peer, &user, worker);
                even_out(heard).await;
                client.write_packet(sequence, &access_denied(&user, peer, &accept)).await?;
                return Err(SessionError::AccessDenied { user });
            }
        };
    }
}

/// After many failures from one address, the last word on a password waits there, whatever it is.
async fn take_place(
    client: &mut Framed,
    sequence: u8,
    user: &str,
    peer: Peer,
    worker: &Worker,
) -> Result<Option<Place>, SessionError> {
    let Some(address) = peer.ip() else { return Ok(None) };
    let settings = worker.settings();
    // What is left of the time for a login is for the login.
    match settings.brake.enter(address, user, settings.login_timeout / 2, Instant::now()) {
        Entry::Free => Ok(None),
        Entry::Held(place) => {
            add(&worker.metrics.braked_logins, 1);
            Ok(Some(place))
        }
        Entry::Full => {
            add(&worker.metrics.braked_logins, 1);
            Err(turn_away(client, sequence, address).await?)
        }
    }
}

/// Waits for the turn of a login that has to.
async fn wait_for_turn(
    client: &mut Framed,
    sequence: u8,
    place: Option<Place>,
    peer: Peer,
) -> Result<(), SessionError> {
    let (Some(place), Some(address)) = (place, peer.ip()) else { return Ok(()) };
    loop {
        match place.turn(Instant::now()) {
            Turn::Now => return Ok(()),
            Turn::After(wait) => tokio::time::sleep(wait).await,
            Turn::Never => return Err(turn_away(client, sequence, address).await?),
        }
    }
}

async fn turn_away(client: &mut Framed, sequence: u8, address: IpAddr) -> Result<SessionError, SessionError> {
    let text = format!("Too many failed logins from '{address}': try again later");
    client.write_packet(sequence, &ErrPacket::new(HOST_IS_BLOCKED, b"HY000", &text).encode()).await?;
    Ok(SessionError::Braked { address })
}

fn note_failure(peer: Peer, user: &str, worker: &Worker) {
    let Some(address) = peer.ip() else { return };
    if worker.settings().brake.failed(address, user, Instant::now()) {
        tracing::warn!(%address, user, "many failed logins: logins from there wait for each other now");
    }
}

/// Servers take longer to refuse an account that there is than one that there is not. Refusals come in steps, so that
/// the time says nothing of it.
async fn even_out(since: Instant) {
    let steps = since.elapsed().as_micros() / REFUSAL.as_micros() + 1;
    tokio::time::sleep_until((since + REFUSAL * u32::try_from(steps).unwrap_or(u32::MAX)).into()).await;
}

/// Lets an account in, or not, and remembers it for the brake.
pub(crate) async fn admit_noted(
    accept: &Accept,
    worker: &Worker,
    proof: Proof,
    peer: Peer,
    stream: &Stream,
) -> Result<Identity, Unserved> {
    let begun = Instant::now();
    let user = accept.login().map_or("", |login| &login.user);
    // Whether the password was right is not said then: no server is asked.
    let encryption = match stream.is_tls() {
        true => Encryption::Optional,
        false => worker.settings().accounts.encryption(user, worker).await,
    };
    let admitted = match encryption {
        Encryption::Required => Err(Unserved::Denied(denial(user, peer, accept))),
        Encryption::Optional | Encryption::Unknown => {
            admit(accept, worker, proof, peer, stream.certificate_of_peer(), encryption).await
        }
    };
    match &admitted {
        Ok(_) => {
            if let Some(address) = peer.ip() {
                worker.settings().brake.succeeded(address, user, begun);
            }
        }
        Err(unserved) if unserved.is_denial() => {
            note_failure(peer, user, worker);
            even_out(begun).await;
        }
        Err(_) => {}
    }
    admitted
}

fn proof(accept: &Accept, worker: &Worker, secret: Secret) -> Proof {
    let user = accept.login().map(|login| login.user.as_str()).unwrap_or_default();
    worker.settings().accounts.proof(user, secret)
}

async fn read(client: &mut Framed, accept: &mut Accept, sequence: &mut u8) -> Result<Step, SessionError> {
    let (payload, next) = match client.read_packet(LONGEST_LOGIN_PACKET).await {
        Ok(read) => read,
        Err(error @ FrameError::TooLong { .. }) => {
            let packet = ErrPacket::new(1043, b"08S01", "Bad handshake");
            client.write_packet(1, &packet.encode()).await?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    *sequence = next;
    match accept.handle(&payload) {
        Ok(step) => Ok(step),
        Err(error) => {
            let (code, text) = match error {
                LoginError::TlsRequired => {
                    (3159, "Connections using insecure transport are prohibited while require_secure_transport=ON.")
                }
                _ => (1043, "Bad handshake"),
            };
            let state = if code == 3159 { b"HY000" } else { b"08S01" };
            client.write_packet(next, &ErrPacket::new(code, state, text).encode()).await?;
            Err(error.into())
        }
    }
}

fn access_denied(user: &str, peer: Peer, accept: &Accept) -> Vec<u8> {
    ErrPacket::new(ACCESS_DENIED, b"28000", &denial(user, peer, accept)).encode()
}

/// A server's words for it.
fn denial(user: &str, peer: Peer, accept: &Accept) -> String {
    let host = peer.ip().map_or_else(|| "localhost".to_owned(), |ip| ip.to_string());
    let with = if accept.login().is_some_and(|login| matches!(login.auth[..], [] | [0])) { "NO" } else { "YES" };
    format!("Access denied for user '{user}'@'{host}' (using password: {with})")
}

/// The account is who it says; now a backend has to agree, and to have the database. A login without any backend is
/// refused: nothing could be said to it.
async fn admit(
    accept: &Accept,
    worker: &Worker,
    proof: Proof,
    peer: Peer,
    certificate: Option<CertificateNames>,
    encryption: Encryption,
) -> Result<Identity, Unserved> {
    let Some(login) = accept.login() else { return Err(Unserved::UnknownCommand) };
    let capabilities = accept.agreed();
    let account = worker.pools.share_account(Account {
        user: login.user.clone(),
        password: proof.secret.clone(),
        capabilities: capabilities & Capabilities::SEMANTIC,
        collation: login.collation,
        attributes: attributes_of(&login.attributes),
        client: peer.ip().filter(|_| worker.settings().introduces),
        certificate: worker.settings().certificates.for_client(certificate.as_ref()),
    });
    let database = login.database.as_deref().map(Rc::from);
    let mut state = State::new(database, capabilities.contains(Capabilities::MULTI_STATEMENTS));
    let snapshot = worker.topology.snapshot();
    let facts = Facts::fresh(&login.user);
    let session = Statement::of_command("login", splitfin_router::Class::Session);
    let decision = route(&facts, &session, None, &snapshot, &Default::default())?;
    let wanted = state.wanted(decision.access == Access::ReadOnly);
    let mut eligible = decision.eligible;
    let accounts = worker.settings().accounts.clone();
    let certain = worker.ask_rights().await == Certainty::Certain;
    state.at_login = AtLogin::new(worker.pools.rights_now(), &worker.topology.snapshot());
    state.rights = state.at_login.generation();
    let rights = Seen::Now(state.rights);
    loop {
        let age = if proof.ask_server || !certain { Age::New } else { Age::Current };
        let (account, wanted, snapshot) = (&account, &wanted, &snapshot);
        let checkout =
            Checkout { eligible: &eligible, account, wanted, snapshot, age, rights, patience: Duration::MAX };
        // An idle connection may turn out to be broken only now.
        let settled = match worker.pools.checkout(&checkout).await {
            Ok(lease) => encryption.settle(lease, wanted).await,
            Err(failed) => Err(failed),
        };
        match settled {
            Ok((lease, mut encryption)) => {
                if encryption == Encryption::Unknown {
                    encryption = accounts.encryption_after_all(&login.user, worker).await;
                }
                encryption.admit(|| denial(&login.user, peer, accept))?;
                accounts.note_right(&login.user, &proof);
                let mut held = Some(lease);
                if let Some(lease) = held.take_if(|lease| lease.sandbox().is_none()) {
                    state.learn_fresh(&lease);
                    lease.release();
                }
                return Ok(Identity { account: Rc::clone(account), capabilities, state, held });
            }
            Err((failed, error)) => {
                if error.refusal().is_some_and(|(code, ..)| code == ACCESS_DENIED) {
                    accounts.note_wrong(&login.user, &proof.secret);
                }
                eligible.retain(|id| *id != failed);
                // The primary may have died a moment ago; any replica can vouch for the account too.
                if decision.access == Access::ReadWrite && error.is_servers_fault() && eligible.is_empty() {
                    eligible.extend(snapshot.fit_replicas().map(|view| view.id).filter(|id| *id != failed));
                    if snapshot.primary != Some(failed) {
                        eligible.clear();
                    }
                }
                if eligible.is_empty() || !error.is_servers_fault() {
                    return Err(error.into());
                }
            }
        }
    }
}

/// From the last packet of a login to its refusal, once or several times.
const REFUSAL: Duration = Duration::from_millis(50);
/// `ER_HOST_IS_BLOCKED`
const HOST_IS_BLOCKED: u16 = 1129;

/// What a client says of itself goes to the servers, so that they show which program it is; a client that says nothing
/// is named after this one. Connections are shared between clients that say the same, so what differs from connection to
/// connection is left out.
fn attributes_of(said: &[(String, String)]) -> Vec<(String, String)> {
    let own = |name: &str| matches!(name, "_pid" | "_thread");
    let mut attributes: Vec<_> = said.iter().filter(|(name, _)| !own(name)).cloned().collect();
    if attributes.is_empty() {
        attributes.push(("_client_name".to_owned(), "splitfin".to_owned()));
        attributes.push(("_client_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    }
    attributes
}

/// Names, password proofs and attributes are a few hundred bytes; nobody gets to send more before the login.
const LONGEST_LOGIN_PACKET: usize = 64 * 1024;
/// Shown while no backend was seen yet.
const UNSEEN_VERSION: &str = "8.0.0-splitfin";
