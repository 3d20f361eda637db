//! Replication status by column name: names differ by family and version, order differs always.

use crate::ask::{Answer, flag};
use splitfin_topology::{Channel, Identity};
use std::collections::HashMap;
use std::time::Duration;

/// One row by lower-case column name.
#[derive(Debug, Default)]
pub(crate) struct Status {
    values: HashMap<String, Option<String>>,
}

impl Status {
    pub(crate) fn new(row: &Answer) -> Self {
        let own = |(name, value): (&str, Option<&str>)| (name.to_ascii_lowercase(), value.map(str::to_owned));
        Self { values: row.cells().map(own).collect() }
    }

    #[cfg(test)]
    fn of(pairs: &[(&str, Option<&str>)]) -> Self {
        Self::new(&Answer::of("SHOW REPLICA STATUS", pairs))
    }

    /// The value of the first of these columns that the server has; empty for NULL.
    fn text(&self, names: [&str; 2]) -> &str {
        self.value(names).unwrap_or_default()
    }

    fn value(&self, names: [&str; 2]) -> Option<&str> {
        names.iter().find_map(|name| self.values.get(*name)).and_then(Option::as_deref)
    }
}

/// What a row says.
pub(crate) fn channel(status: &Status) -> Channel {
    let number = |names| status.text(names).parse::<u64>().ok();
    let errors =
        [["last_io_error", "last_io_error"], ["last_sql_error", "last_sql_error"]].map(|names| status.text(names));
    let error = errors.into_iter().find(|error| !error.is_empty()).map(str::to_owned);
    Channel {
        name: status.text(["channel_name", "connection_name"]).to_owned(),
        source: Identity {
            uuid: Some(status.text(["source_uuid", "master_uuid"])).filter(|uuid| !uuid.is_empty()).map(str::to_owned),
            server_id: number(["source_server_id", "master_server_id"])
                .and_then(|id| u32::try_from(id).ok())
                .unwrap_or(0),
        },
        // "Connecting" and "Preparing" receive nothing.
        receiving: flag(status.text(["replica_io_running", "slave_io_running"])) == Some(true),
        applying: flag(status.text(["replica_sql_running", "slave_sql_running"])) == Some(true),
        lag: number(["seconds_behind_source", "seconds_behind_master"]).map(Duration::from_secs),
        delay: Duration::from_secs(number(["sql_delay", "sql_delay"]).unwrap_or(0)),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // MySQL 9.7: SHOW REPLICA STATUS, the columns that matter.
    #[test]
    fn mysqls_columns_are_read() {
        let channel = channel(&Status::of(&[
            ("Channel_Name", Some("")),
            ("Source_UUID", Some("3e11fa47-71ca-11e1-9e33-c80aa9429562")),
            ("Source_Server_Id", Some("1")),
            ("Replica_IO_Running", Some("Yes")),
            ("Replica_SQL_Running", Some("Yes")),
            ("Seconds_Behind_Source", Some("3")),
            ("SQL_Delay", Some("0")),
        ]));
        assert!(channel.receiving && channel.applying);
        assert_eq!((channel.lag, channel.source.server_id), (Some(Duration::from_secs(3)), 1));
        assert!(channel.source.uuid.is_some());
    }

    // MariaDB 10.11: SHOW ALL SLAVES STATUS with the SQL thread stopped by an error.
    #[test]
    fn mariadbs_columns_are_read_and_null_is_unknown() {
        let channel = channel(&Status::of(&[
            ("Connection_name", Some("x")),
            ("Master_Server_Id", Some("1")),
            ("Slave_IO_Running", Some("Connecting")),
            ("Slave_SQL_Running", Some("No")),
            ("Seconds_Behind_Master", None),
            ("SQL_Delay", Some("60")),
            ("Last_IO_Error", Some("")),
            ("Last_SQL_Error", Some("Duplicate entry")),
        ]));
        assert!(!channel.receiving && !channel.applying);
        assert_eq!((channel.lag, channel.delay), (None, Duration::from_secs(60)));
        assert_eq!((channel.name.as_str(), channel.error.as_deref()), ("x", Some("Duplicate entry")));
    }
}
