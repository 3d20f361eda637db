//! Asks a server which others there are: whom it replicates from, and who replicates from it.

use crate::probe::{Target, failure, is_mariadb};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row};
use splitfin_topology::{Identity, ProbeFailure};
use std::collections::BTreeSet;

/// A server, and whom it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbours {
    /// Who was asked.
    pub identity: Identity,
    /// `host:port` of its sources and of its replicas, as the servers themselves say.
    pub addresses: BTreeSet<String>,
}

/// Asks over a connection of its own, as this happens rarely. What the monitor has no right to see is left out.
pub async fn neighbours(target: &Target) -> Result<Neighbours, ProbeFailure> {
    let limit = target.timeout;
    match tokio::time::timeout(limit, ask(target)).await {
        Ok(result) => result,
        Err(_) => Err(ProbeFailure::Timeout(limit)),
    }
}

async fn ask(target: &Target) -> Result<Neighbours, ProbeFailure> {
    let mut conn = Conn::new(target.options()).await.map_err(failure)?;
    let row: Option<(String, u32)> = conn.query_first("SELECT @@version, @@server_id").await.map_err(failure)?;
    let (version, server_id) = row.ok_or_else(|| ProbeFailure::Unreachable("an empty answer".into()))?;
    let mut addresses = BTreeSet::new();
    let (uuid, asked) = if is_mariadb(&version) {
        (None, [["SHOW ALL SLAVES STATUS", ""], ["SHOW SLAVE HOSTS", ""]])
    } else {
        let uuid: Option<String> = conn.query_first("SELECT @@server_uuid").await.map_err(failure)?;
        (uuid, [["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"], ["SHOW REPLICAS", "SHOW SLAVE HOSTS"]])
    };
    for forms in asked {
        addresses.extend(rows_of(&mut conn, forms).await?.iter().filter_map(address));
    }
    Ok(Neighbours { identity: Identity { uuid, server_id }, addresses })
}

/// The rows of the first form that the server knows; none, where it refuses all.
async fn rows_of(conn: &mut Conn, forms: [&str; 2]) -> Result<Vec<Row>, ProbeFailure> {
    for sql in forms.into_iter().filter(|sql| !sql.is_empty()) {
        match conn.query(sql).await {
            Ok(rows) => return Ok(rows),
            Err(mysql_async::Error::Server(error)) => tracing::debug!(sql, code = error.code, "not to be had"),
            Err(error) => return Err(failure(error)),
        }
    }
    Ok(Vec::new())
}

/// Of a source, or of a replica; servers that do not say their host leave it empty.
fn address(row: &Row) -> Option<String> {
    let text = |names: [&str; 3]| {
        let at = row.columns_ref().iter().position(|column| names.iter().any(|name| column.name_str() == *name))?;
        row.get::<String, _>(at)
    };
    let host = text(["Source_Host", "Master_Host", "Host"]).filter(|host| !host.is_empty())?;
    let port = text(["Source_Port", "Master_Port", "Port"])?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    (port != "0").then(|| format!("{host}:{port}"))
}
