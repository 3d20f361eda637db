//! Asks a server which others there are: whom it replicates from, and who replicates from it.

use crate::ask::{self, Answer, AskError};
use crate::probe::{Target, is_mariadb};
use mysql_async::Conn;
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
    match tokio::time::timeout(limit, ask_all(target)).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(ProbeFailure::Timeout(limit)),
    }
}

async fn ask_all(target: &Target) -> Result<Neighbours, AskError> {
    let mut conn = Conn::new(target.options()).await?;
    let row = ask::row(&mut conn, "SELECT @@version, @@server_id").await?;
    let server_id = row.number(1)?;
    let mut addresses = BTreeSet::new();
    let (uuid, asked) = if is_mariadb(row.text(0)?) {
        (None, [["SHOW ALL SLAVES STATUS", ""], ["SHOW SLAVE HOSTS", ""]])
    } else {
        let row = ask::row(&mut conn, "SELECT @@server_uuid").await?;
        (
            row.maybe_text(0)?.map(str::to_owned),
            [["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"], ["SHOW REPLICAS", "SHOW SLAVE HOSTS"]],
        )
    };
    for forms in asked {
        addresses.extend(rows_of(&mut conn, forms).await?.iter().filter_map(address));
    }
    Ok(Neighbours { identity: Identity { uuid, server_id }, addresses })
}

/// The rows of the first form that the server knows; none, where it refuses all.
async fn rows_of(conn: &mut Conn, forms: [&str; 2]) -> Result<Vec<Answer>, AskError> {
    for sql in forms.into_iter().filter(|sql| !sql.is_empty()) {
        match ask::rows(conn, sql).await {
            Ok(rows) => return Ok(rows),
            Err(AskError::Refused(error)) => tracing::debug!(sql, code = error.code, "not to be had"),
            Err(error) => return Err(error),
        }
    }
    Ok(Vec::new())
}

/// Of a source, or of a replica; servers that do not say their host leave it empty.
fn address(row: &Answer) -> Option<String> {
    let host = row.named(&["Source_Host", "Master_Host", "Host"]).filter(|host| !host.is_empty())?;
    let port: u16 = row.named(&["Source_Port", "Master_Port", "Port"])?.parse().ok().filter(|port| *port != 0)?;
    Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_row_leads_nowhere() {
        let of = |host, port| address(&Answer::of("SHOW REPLICAS", &[("Host", host), ("Port", port)]));
        assert_eq!(of(Some("db1"), Some("3306")), Some("db1:3306".to_owned()));
        assert_eq!(of(Some("::1"), Some("3306")), Some("[::1]:3306".to_owned()));
        for (host, port) in [(None, Some("3306")), (Some("db1"), None), (Some("db1"), Some("x")), (Some(""), Some("1"))]
        {
            assert_eq!(of(host, port), None);
        }
        assert_eq!(address(&Answer::of("SHOW REPLICAS", &[])), None);
    }
}
