//! Lists of connections speak of sessions: by the ids that clients see, wherever their statements run.
//!
//! A server knows its own connections alone. In what it tells, the id of a connection that a session uses becomes the
//! session's; a session that is at work on another server, or at rest, is added to SHOW PROCESSLIST. Connections that nobody uses
//! at the moment are shown as the server has them.

use crate::job::{Job, Kind};
use crate::registry::Listed;
use crate::serve::Session;
use splitfin_backend::Lease;
use splitfin_protocol::Capabilities;
use splitfin_protocol::thread_ids::ThreadIds;
use splitfin_router::{Because, Class, Processes, Statement, put_threads};
use splitfin_topology::{BackendId, Snapshot};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

/// A row of SHOW PROCESSLIST, as texts.
type Row = Vec<Option<String>>;

/// What a SHOW PROCESSLIST goes by: all of it seen at one moment, so that nobody is there twice or not at all.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    /// Sessions by the connections that they used on the primary.
    there: HashMap<u64, u64>,
    /// Rows of the others.
    rows: Vec<Row>,
}

/// What a server says of a connection.
#[derive(Debug)]
struct AtWork {
    time: Option<String>,
    state: Option<String>,
    info: Option<String>,
}

/// Whether a statement may show ids of connections.
pub(crate) fn lists_connections(statement: &Statement) -> bool {
    statement.class == Class::Write(Because::ServerLocal) && statement.processes.is_some()
}

impl Session {
    /// The text with ids of sessions replaced by those of the connections that they use on the primary, where such a statement
    /// runs.
    pub(crate) fn with_threads(&self, text: &[u8]) -> Option<Vec<u8>> {
        let primary = self.worker.topology.snapshot().primary?;
        let threads: HashMap<u64, u64> =
            self.worker.registry.sessions_on(primary).into_iter().map(|(thread, session)| (session, thread)).collect();
        put_threads(text, self.state.lex, |session| match session == u64::from(self.id) {
            // Which connection it will run on is not known yet.
            true => Some("CONNECTION_ID()".to_owned()),
            false => threads.get(&session).map(u64::to_string),
        })
    }

    /// What is to be done to the ids in a reply from this connection.
    pub(crate) fn thread_ids(&self, job: &Job<'_>, backend: BackendId, agreed: Capabilities) -> Option<ThreadIds> {
        lists_connections(&job.statement).then(|| {
            let mut sessions = self.worker.registry.sessions_on(backend);
            let own = u64::from(self.id);
            if let Some(elsewhere) = &self.elsewhere {
                sessions.retain(|_, session| *session == own);
                let there = elsewhere.there.iter().map(|(thread, session)| (*thread, *session));
                sessions = there.filter(|(_, session)| *session != own).chain(sessions).collect();
            }
            ThreadIds {
                sessions: Rc::new(sessions),
                more: self.elsewhere.as_ref().map(|elsewhere| elsewhere.rows.clone()),
                binary: matches!(job.kind, Kind::Execute { .. }),
                capabilities: agreed,
            }
        })
    }

    /// Finds out what SHOW PROCESSLIST has to add to what the primary says.
    pub(crate) async fn look_elsewhere(&mut self, job: &Job<'_>) {
        self.elsewhere = None;
        let is_run = !matches!(job.kind, Kind::Prepare { .. });
        let Some(Processes::List { full }) = job.statement.processes.filter(|_| is_run) else { return };
        let snapshot = self.worker.topology.snapshot();
        let mut listed = self.worker.registry.listed();
        let on_primary = |session: &Listed| session.on.filter(|(backend, _)| Some(*backend) == snapshot.primary);
        let there =
            listed.iter().filter_map(|session| Some((on_primary(session)?.1.into(), session.id.into()))).collect();
        listed.retain(|session| session.id != self.id && on_primary(session).is_none());
        if listed.iter().any(|session| session.user != self.account.user)
            && !self.has_privilege(&["ALL PRIVILEGES", "PROCESS"]).await
        {
            listed.retain(|session| session.user == self.account.user);
        }
        listed.sort_by_key(|session| session.id);
        let busy: BTreeSet<BackendId> =
            listed.iter().filter(|session| session.is_running).filter_map(|session| Some(session.on?.0)).collect();
        let mut at_work = HashMap::new();
        for backend in busy {
            at_work.extend(self.at_work_on(backend, &snapshot).await);
        }
        let name = |id| snapshot.backend(id).map_or_else(String::new, |view| view.spec.name.clone());
        let mysql = self.state.mysql;
        let rows = listed.into_iter().map(|session| {
            let at_work = session.on.filter(|_| session.is_running).and_then(|on| at_work.remove(&on));
            let on = session.on.map(|(backend, _)| name(backend));
            row(session, at_work, on.as_deref(), full, mysql)
        });
        self.elsewhere = Some(Box::new(Elsewhere { there, rows: rows.collect() }));
    }

    /// What runs on another server, by its connections. Nothing, if it does not say.
    async fn at_work_on(&mut self, backend: BackendId, snapshot: &Snapshot) -> HashMap<(BackendId, u32), AtWork> {
        let wanted = self.state.wanted(true);
        let asking = async {
            let mut lease: Lease = self.check_out(&[backend], &wanted, snapshot).await.ok()?;
            lease.apply(&wanted).await.ok()?;
            let rows = lease.rows(&["ID", "TIME", "STATE", "INFO"], "information_schema.PROCESSLIST").await.ok()?;
            self.put_back(lease);
            Some(rows)
        };
        let rows = tokio::time::timeout(PATIENCE, asking).await.ok().flatten().unwrap_or_default();
        let of_row = |row: Row| match <[Option<String>; 4]>::try_from(row) {
            Ok([Some(id), time, state, info]) => {
                Some(((backend, id.parse::<u32>().ok()?), AtWork { time, state, info }))
            }
            _ => None,
        };
        rows.into_iter().filter_map(of_row).collect()
    }
}

/// `Id, User, Host, db, Command, Time, State, Info`, and MariaDB's `Progress`.
fn row(session: Listed, at_work: Option<AtWork>, on: Option<&str>, full: bool, mysql: bool) -> Row {
    let running = session.is_running;
    let seconds = session.since.as_secs().to_string();
    let (time, state, info) = match at_work {
        Some(AtWork { time, state, info }) => (time.unwrap_or(seconds), state.unwrap_or_default(), info),
        None => (seconds, String::new(), None),
    };
    let state = match on {
        Some(on) if state.is_empty() => format!("on {on}"),
        Some(on) => format!("on {on}: {state}"),
        // It waits for a server, or for its turn on one.
        None if running => "waiting for a server".to_owned(),
        None => String::new(),
    };
    let info = info.map(|text| if full { text } else { text.chars().take(SHOWN).collect() });
    let mut row = vec![
        Some(session.id.to_string()),
        Some(session.user),
        Some(session.host),
        session.database,
        Some(if running { "Query" } else { "Sleep" }.to_owned()),
        Some(time),
        Some(state),
        info,
    ];
    if !mysql {
        row.push(Some("0.000".to_owned()));
    }
    row
}

/// Characters of a statement that servers show without FULL.
const SHOWN: usize = 100;
/// Time for a server to say what runs there.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(is_running: bool, on: Option<(BackendId, u32)>) -> Listed {
        Listed {
            id: 1_000_000_009,
            user: "app".into(),
            host: "10.0.0.1:4".into(),
            database: Some("shop".into()),
            on,
            is_running,
            since: Duration::from_millis(2900),
        }
    }

    fn texts(row: Row) -> Vec<String> {
        row.into_iter().map(|value| value.unwrap_or_else(|| "NULL".into())).collect()
    }

    #[test]
    fn sessions_are_shown_as_a_server_would() {
        let idle = texts(row(listed(false, None), None, None, false, true));
        assert_eq!(idle, ["1000000009", "app", "10.0.0.1:4", "shop", "Sleep", "2", "", "NULL"]);
        let long = AtWork { time: Some("7".into()), state: Some("Sending data".into()), info: Some("x".repeat(200)) };
        let busy = texts(row(listed(true, Some((BackendId(1), 5))), Some(long), Some("slave-1"), false, false));
        assert_eq!(busy[4..7], ["Query", "7", "on slave-1: Sending data"]);
        assert_eq!((busy[7].len(), busy.len()), (100, 9));
        let waits = texts(row(listed(true, None), None, None, true, true));
        assert_eq!(waits[4..8], ["Query", "2", "waiting for a server", "NULL"]);
    }
}
