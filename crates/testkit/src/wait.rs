//! Waiting for conditions, with a deadline.

use crate::error::Error;
use std::net::TcpListener;
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

/// A port of 127.0.0.1 that nobody uses at the moment.
pub fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::io("a free port"))?;
    Ok(listener.local_addr().map_err(Error::io("a free port"))?.port())
}

const ASK_AGAIN: Duration = Duration::from_millis(20);
