//! What members of clusters say of their place.

use crate::ask::{self, Answer, AskError, Misunderstood, flag};
use crate::probe::pairs;
use mysql_async::Conn;
use splitfin_topology::{ClusterKind, Membership};
use std::collections::HashMap;
use std::time::Duration;

/// Galera: `SHOW STATUS LIKE 'wsrep%'`. A full member is in the primary component, synced, and ready.
pub(crate) async fn galera_member(conn: &mut Conn) -> Result<Membership, AskError> {
    let sql = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_state_uuid','wsrep_cluster_status',\
        'wsrep_local_state','wsrep_local_state_comment','wsrep_ready','wsrep_local_recv_queue')";
    let rows = pairs(conn, sql).await?;
    Ok(galera(&rows.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()))
}

fn galera(status: &HashMap<String, String>) -> Membership {
    let value = |name: &str| status.get(&format!("wsrep_{name}")).map_or("", String::as_str);
    let is_ready = flag(value("ready")) == Some(true);
    let ready = match (value("cluster_status"), value("local_state"), is_ready) {
        ("Primary", SYNCED, true) => Ok(()),
        ("Primary", SYNCED, _) => Err("not ready".to_owned()),
        ("Primary", ..) => Err(value("local_state_comment").to_owned()),
        (component, ..) => Err(format!("component {component}")),
    };
    Membership {
        kind: ClusterKind::Galera,
        cluster: value("cluster_state_uuid").to_owned(),
        ready,
        leads: None,
        // What is queued has no age; flow control keeps it short.
        lag: (value("local_recv_queue") == "0").then_some(Duration::ZERO),
    }
}

/// `wsrep_local_state` of a member that takes part in everything.
const SYNCED: &str = "4";

/// Group Replication: its own row of `performance_schema.replication_group_members`, and how far it is with what it has
/// to apply. Without the right to read these, it counts as no member.
pub(crate) async fn group_member(conn: &mut Conn, group: &str) -> Result<Membership, AskError> {
    let sql = "SELECT m.MEMBER_STATE, m.MEMBER_ROLE, \
        COALESCE((SELECT s.COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE FROM performance_schema.replication_group_member_stats s \
                  WHERE s.MEMBER_ID = m.MEMBER_ID), 0), \
        (SELECT MAX(IF(w.APPLYING_TRANSACTION <> '', TIMESTAMPDIFF(MICROSECOND, w.APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, NOW(6)), 0)) \
         FROM performance_schema.replication_applier_status_by_worker w WHERE w.CHANNEL_NAME = 'group_replication_applier') \
        FROM performance_schema.replication_group_members m WHERE m.MEMBER_ID = @@server_uuid";
    match ask::first(conn, sql).await {
        Ok(Some(row)) => Ok(member(group, &row)?),
        Ok(None) => Ok(membership(group, Err("not started".to_owned()), None, None)),
        Err(error @ AskError::Refused(_)) => Ok(membership(group, Err(error.to_string()), None, None)),
        Err(error) => Err(error),
    }
}

fn member(group: &str, row: &Answer) -> Result<Membership, Misunderstood> {
    let (state, role, queued) = (row.text(0)?, row.text(1)?, row.number::<u64>(2)?);
    let ready = if state == "ONLINE" { Ok(()) } else { Err(state.to_owned()) };
    let applying = row.maybe_number::<i64>(3)?.and_then(|micros| u64::try_from(micros).ok()).unwrap_or(0);
    // Something queued and nothing applied: nobody knows for how long.
    let lag = (queued == 0 || applying > 0).then_some(Duration::from_micros(applying));
    Ok(membership(group, ready, Some(role == "PRIMARY"), lag))
}

fn membership(group: &str, ready: Result<(), String>, leads: Option<bool>, lag: Option<Duration>) -> Membership {
    Membership { kind: ClusterKind::GroupReplication, cluster: group.to_owned(), ready, leads, lag }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(cluster: &str, state: &str, comment: &str, ready: &str) -> Result<(), String> {
        let pairs = [
            ("wsrep_cluster_status", cluster),
            ("wsrep_local_state", state),
            ("wsrep_local_state_comment", comment),
            ("wsrep_ready", ready),
        ];
        galera(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).ready
    }

    #[test]
    fn only_a_synced_member_of_the_primary_component_is_a_full_one() {
        assert_eq!(ready("Primary", "4", "Synced", "ON"), Ok(()));
        assert_eq!(ready("Primary", "2", "Donor/Desynced", "ON"), Err("Donor/Desynced".into()));
        assert_eq!(ready("Primary", "4", "Synced", "OFF"), Err("not ready".into()));
        assert_eq!(ready("non-Primary", "4", "Synced", "ON"), Err("component non-Primary".into()));
        assert!(ready("", "", "", "").is_err());
    }

    #[test]
    fn an_odd_row_of_a_member_is_an_error() {
        let row = |state, queued, micros| {
            member("g", &Answer::of("SELECT", &[("s", state), ("r", Some("PRIMARY")), ("q", queued), ("m", micros)]))
        };
        assert!(row(Some("ONLINE"), Some("0"), None).is_ok_and(|member| member.ready.is_ok()));
        assert!(row(None, Some("0"), None).is_err());
        assert!(row(Some("ONLINE"), None, None).is_err());
        assert!(row(Some("ONLINE"), Some("0"), Some("ten")).is_err());
    }
}
