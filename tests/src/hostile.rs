//! Clients that are up to no good: each of them does one thing that costs others something if it is let, again and again
//! until it is told to stop.
//!
//! They are paced: what is tried is Splitfin, and a server would suffer from what gets through to it without Splitfin too.

mod greedy;
mod sessions;
mod strangers;
mod texts;

use crate::PASSWORD;
use crate::raw::{Broken, RawClient};
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_testkit::{Cluster, Family};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// One round of an attack. An error ends the round: being sent away is what it asked for.
type Attack = fn(&mut Attacker) -> Result<(), Broken>;

/// All kinds, one client each.
const ALL: &[(&str, Attack)] = &[
    ("pipelines", greedy::pipelines),
    ("unread results", greedy::unread_results),
    ("a byte a second", greedy::a_byte_a_second),
    ("announced packets", greedy::announced_packets),
    ("compressed bombs", greedy::compressed_bombs),
    ("prepared statements", greedy::prepared_statements),
    ("long data", greedy::long_data),
    ("endless procedures", greedy::endless_procedures),
    ("long statements", texts::long_statements),
    ("unions", texts::unions),
    ("deep nests", texts::deep_nests),
    ("hints", texts::hints),
    ("guesses beside the honest", strangers::guesses_from_here),
    ("guesses from elsewhere", strangers::guesses_from_elsewhere),
    ("half logins", strangers::half_logins),
    ("garbage", strangers::garbage),
    ("garbage for TLS", strangers::garbage_for_tls),
    ("names with lines", strangers::names_with_lines),
    ("change user", sessions::change_user),
    ("kills", sessions::kills),
    ("savepoints", sessions::savepoints),
    ("variables", sessions::variables),
    ("long transactions", sessions::long_transactions),
    ("resets", sessions::resets),
    ("files", sessions::files),
];

/// Accounts of the hostile. All have [`PASSWORD`], and rights on the database `hostile` alone.
pub const ACCOUNTS: [&str; 3] = ["mallory", "mallet", "trudy"];

/// What would begin a line of the log, if texts of clients could.
pub const FORGED: &str = "FORGED";

/// Hostile clients at work.
#[derive(Debug)]
pub struct Hostile {
    end: Arc<End>,
    attackers: JoinSet<Report>,
}

/// How one kind of attack went.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which.
    pub name: &'static str,
    /// How often it did what it is there for.
    pub acts: u64,
    /// How the last round ended that did not end by itself.
    pub last: String,
}

impl Hostile {
    /// Makes their accounts, tables and procedures, and waits until the replicas have them.
    pub async fn prepare(cluster: &Cluster) -> Result<(), Broken> {
        let mut statements: Vec<String> = SCHEMA.iter().map(|statement| (*statement).to_owned()).collect();
        for account in ACCOUNTS {
            statements.push(format!("CREATE USER {account} IDENTIFIED BY '{PASSWORD}'"));
            statements.push(format!("GRANT ALL ON hostile.* TO {account}"));
        }
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        cluster.primary.run(&statements).await?;
        Ok(cluster.caught_up().await?)
    }

    /// Starts one client of each kind; with SPLITFIN_HOSTILE_ONLY=kind,kind only those, to see what each of them does.
    pub fn start(port: u16, family: Family) -> Self {
        let only = std::env::var("SPLITFIN_HOSTILE_ONLY").ok();
        let wanted = |name: &str| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == name));
        let (end, mut attackers) = (Arc::<End>::default(), JoinSet::new());
        for (name, attack) in ALL.iter().filter(|(name, _)| wanted(name)) {
            let (end, runtime) = (Arc::clone(&end), Handle::current());
            let attacker =
                Attacker { name, port, family, end, runtime, round: 0, acts: 0, last: "each by itself".to_owned() };
            attackers.spawn_blocking(move || attacker.run(*attack));
        }
        Self { end, attackers }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.attackers.len()
    }

    /// Ends it, and says how it went.
    pub async fn end(mut self) -> Result<Vec<Report>, Broken> {
        self.end.come();
        let mut reports = Vec::new();
        while let Some(report) = self.attackers.join_next().await {
            reports.push(report?);
        }
        reports.sort_by_key(|report| ALL.iter().position(|(name, _)| *name == report.name));
        Ok(reports)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        // Also where the story has failed: nothing else ends their threads.
        self.end.come();
    }
}

/// The moment at which all of them stop.
#[derive(Debug, Default)]
struct End {
    over: Mutex<bool>,
    told: Condvar,
}

impl End {
    fn come(&self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }

    /// Waits so long, or until the end: whether that has come.
    fn within(&self, time: Duration) -> bool {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        *self.told.wait_timeout_while(over, time, |over| !*over).unwrap_or_else(PoisonError::into_inner).0
    }
}

struct Attacker {
    name: &'static str,
    port: u16,
    family: Family,
    end: Arc<End>,
    runtime: Handle,
    round: usize,
    acts: u64,
    last: String,
}

impl Attacker {
    fn run(mut self, attack: Attack) -> Report {
        while !self.is_over() {
            if let Err(error) = attack(&mut self) {
                self.last = error.to_string();
            }
            self.round += 1;
            self.pause(PACE);
        }
        Report { name: self.name, acts: self.acts, last: self.last }
    }

    fn is_over(&self) -> bool {
        self.end.within(Duration::ZERO)
    }

    /// Waits so long, and no longer than to the end of it all.
    fn pause(&self, time: Duration) {
        self.end.within(time);
    }

    /// Once more, it has done what it is there for.
    const fn acted(&mut self) {
        self.acts += 1;
    }

    /// Logs in as the first of the accounts.
    fn log_in(&self, shape: Capabilities) -> Result<RawClient, Broken> {
        self.log_in_as(ACCOUNTS[0], shape)
    }

    fn log_in_as(&self, user: &str, shape: Capabilities) -> Result<RawClient, Broken> {
        let socket = self.socket(Ipv4Addr::LOCALHOST, false)?;
        let (client, _) = RawClient::log_in_over(socket, user, PASSWORD, Some("hostile"), shape)?;
        client.socket().set_write_timeout(Some(STALLED))?;
        Ok(client)
    }

    /// Connects from an address of its own. With `abruptly`, whatever ends it is a reset.
    fn socket(&self, from: Ipv4Addr, abruptly: bool) -> Result<TcpStream, Broken> {
        let socket = self.runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            if abruptly {
                socket.set_zero_linger()?;
            }
            socket.bind(SocketAddr::from((from, 0)))?;
            socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))).await
        })?;
        let socket = socket.into_std()?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(SILENT))?;
        socket.set_write_timeout(Some(STALLED))?;
        Ok(socket)
    }
}

/// A command with its header.
fn command(byte: CommandByte, argument: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_packet(&mut out, 0, &[&[byte as u8], argument].concat());
    out
}

/// Sends a statement and reads the reply.
fn query(client: &mut RawClient, sql: &str) -> Result<(), Broken> {
    // As bytes: the client would keep what it sends as packets.
    client.send_bytes(&command(CommandByte::Query, sql.as_bytes()))?;
    let more_frames = (sql.len() + 1) / ((1 << 24) - 1);
    assert_eq!(more_frames, 0, "replies would begin with another sequence id");
    let (outcome, _) = client.reply(CommandByte::Query)?;
    outcome.error.map_or(Ok(()), |error| Err(format!("{} {}", error.code, error.message).into()))
}

/// What they work with. The procedures end by themselves at some time, should nothing else end them.
const SCHEMA: [&str; 7] = [
    "CREATE DATABASE hostile",
    "CREATE TABLE hostile.own (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200))",
    "INSERT INTO hostile.own (text) VALUES ('one'), ('two'), ('three')",
    "CREATE TABLE hostile.held LIKE hostile.own",
    "INSERT INTO hostile.held SELECT * FROM hostile.own",
    "CREATE PROCEDURE hostile.endless() BEGIN DECLARE i INT DEFAULT 0; \
        WHILE i < 1000000 DO SELECT REPEAT('x', 10000); SET i = i + 1; END WHILE; END",
    "CREATE PROCEDURE hostile.tracks() BEGIN DECLARE i INT DEFAULT 0; \
        WHILE i < 5000 DO SET @@session.lock_wait_timeout = 1 + i; SET @@session.time_zone = '+01:00'; \
        SET i = i + 1; END WHILE; END",
];

/// The usual shape.
const MODERN: Capabilities = Capabilities::DEPRECATE_EOF;
/// From one round to the next.
const PACE: Duration = Duration::from_millis(200);
/// Who can send nothing for so long has been stopped.
const STALLED: Duration = Duration::from_secs(2);
/// Who hears nothing for so long gives up.
const SILENT: Duration = Duration::from_secs(20);
/// How long they sit on what they have got: longer than the story's `limits.write_timeout`.
const SITTING: Duration = Duration::from_secs(7);
