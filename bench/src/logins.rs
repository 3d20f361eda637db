//! How many connections a server takes while it is measured.

use anyhow::{Context as _, Result};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use splitfin_testkit::Server;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Counts over a connection of its own, until it is asked.
#[derive(Debug)]
pub(crate) struct Watch {
    end: oneshot::Sender<()>,
    counts: JoinHandle<mysql_async::Result<Vec<(Instant, u64)>>>,
}

impl Watch {
    pub(crate) async fn start(server: &Server) -> Result<Self> {
        let mut conn = server.root().await?;
        let (end, mut ended) = oneshot::channel();
        let counts = tokio::spawn(async move {
            let mut counts = Vec::new();
            loop {
                counts.push((Instant::now(), count(&mut conn).await?));
                if tokio::time::timeout(EVERY, &mut ended).await.is_ok() {
                    counts.push((Instant::now(), count(&mut conn).await?));
                    return Ok(counts);
                }
            }
        });
        Ok(Self { end, counts })
    }

    /// New connections in a second, over the last `time` of it.
    pub(crate) async fn rate(self, time: Duration) -> Result<f64> {
        let _ = self.end.send(());
        let counts = self.counts.await??;
        let (end, last) = *counts.last().context("nothing was counted")?;
        let first = counts.iter().find(|(at, _)| end - *at <= time).context("it was too short")?;
        Ok((last - first.1) as f64 / (end - first.0).as_secs_f64().max(0.001))
    }
}

async fn count(conn: &mut Conn) -> mysql_async::Result<u64> {
    let row: Option<(String, u64)> = conn.query_first("SHOW GLOBAL STATUS LIKE 'Connections'").await?;
    Ok(row.map_or(0, |(_, count)| count))
}

const EVERY: Duration = Duration::from_millis(200);
