//! Waiting for conditions, with a deadline.

use crate::error::Error;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::TcpListener;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

/// Asks until the answer is something; the last error tells why it was not.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, Error> {
    let started = Instant::now();
    loop {
        let why = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(why) => why,
        };
        if started.elapsed() > limit {
            return Err(Error::Deadline(limit, format!("{what}: {why}")));
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// A port of 127.0.0.1 that nobody uses at the moment. It is below those that the system gives to outgoing connections,
/// one of which could take it before a server does. Nobody else who asks gets it for a while, in this process or another.
pub fn free_port() -> Result<u16, Error> {
    let mut last = None;
    for _ in 0..100 {
        let chance = RandomState::new().build_hasher().finish();
        let port = PORTS.start + (chance % u64::from(PORTS.end - PORTS.start)) as u16;
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) if reserve(port) => return Ok(port),
            Ok(_) => {}
            Err(error) => last = Some(error),
        }
    }
    let taken = || std::io::Error::from(std::io::ErrorKind::AddrInUse);
    Err(Error::io("a free port")(last.unwrap_or_else(taken)))
}

/// Takes a port for [`RESERVED`]: a server binds it only some time after it was found free. False, if somebody else has it.
fn reserve(port: u16) -> bool {
    let folder = std::env::temp_dir().join("splitfin-ports");
    let file = folder.join(port.to_string());
    let age = |file: &Path| file.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
    if age(&file).is_some_and(|age| age > RESERVED) {
        // Whoever removes it first may try; the other one finds it there again.
        let _ = std::fs::remove_file(&file);
    }
    let made = std::fs::create_dir_all(&folder).and_then(|()| File::create_new(&file));
    // Where nothing can be written, chance has to do.
    made.map_or_else(|error| error.kind() != std::io::ErrorKind::AlreadyExists, |_| true)
}

/// Time for a server to bind its port.
const RESERVED: Duration = Duration::from_secs(60);

/// Linux gives 32768 and above to outgoing connections.
const PORTS: Range<u16> = 12_000..32_000;

const ASK_AGAIN: Duration = Duration::from_millis(20);
