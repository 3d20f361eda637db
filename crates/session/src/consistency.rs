//! Reading one's own writes: what a session has to see, and how it comes to see it on replicas.
//!
//! The rules are in [`splitfin_router::consistency`]; here they meet connections. Positions come with the replies of
//! writes, so that nothing is asked for on the way of a write. A read on a replica that is not known to have them gets
//! a wait before it, in the same write.

use crate::job::Job;
use crate::marks::{Marks, SharedMark};
use crate::metrics::{Metrics, add};
use crate::serve::Session;
use crate::worker::Worker;
use splitfin_backend::question::{neutral, select, select_from_tables};
use splitfin_protocol::session_track::{Change, Changes};
use splitfin_protocol::{Outcome, Status};
use splitfin_router::consistency::{Choice, Fresh, Learned, Mark, Needed, Reads, choose, fresh, is_synced};
use splitfin_router::{Access, Asks, Class, Decision, Reason, Refusal, Scope, Tables, Verb};
use splitfin_topology::{BackendId, BackendView, Family, Means, Position, Role, Snapshot};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the configuration says of consistency.
#[derive(Debug, Clone)]
pub struct ConsistencySettings {
    /// How long a read may wait for a replica.
    pub wait: Duration,
    /// How long reads stay on the primary after a write without a position.
    pub sticky: Duration,
    /// Reads that may wait for one replica at a time, on each worker.
    pub most_waiting: u32,
    /// What sessions have written together.
    pub marks: Arc<Marks>,
}

/// What one worker knows of one replica.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    learned: RefCell<Learned>,
    waiting: Cell<u32>,
}

/// What a session has to see.
#[derive(Debug, Default)]
pub(crate) struct Consistency {
    own: Mark,
    user: Option<SharedMark>,
    all: Option<SharedMark>,
    reads: Reads,
    /// The open transaction has changed something, and no position of it has come.
    wrote: bool,
}

impl Consistency {
    pub(crate) fn new(user: &str, settings: &ConsistencySettings) -> Self {
        Self { user: settings.marks.of_user(user), all: settings.marks.of_all(), ..Self::default() }
    }

    /// The session belongs to another account now. What it has seen, it has seen.
    pub(crate) fn change_user(&mut self, user: &str, settings: &ConsistencySettings) {
        self.user = settings.marks.of_user(user);
    }

    /// Whether no other session has to see what this one writes.
    const fn is_alone(&self) -> bool {
        self.user.is_none() && self.all.is_none()
    }

    /// Changes the marks that this session shares with others.
    fn change_shared(&self, change: impl Fn(&mut Mark)) {
        for shared in self.user.iter().chain(&self.all) {
            shared.rcu(|mark| {
                let mut mark = Mark::clone(mark);
                change(&mut mark);
                mark
            });
        }
    }

    /// Looks at the mark of `scope`, learning from the snapshot what can be learned.
    fn with<R>(&mut self, scope: Scope, snapshot: &Snapshot, metrics: &Metrics, look: impl FnOnce(&Mark) -> R) -> R {
        let shared = match scope {
            Scope::User => self.user.as_ref(),
            Scope::Global => self.all.as_ref(),
            Scope::Session | Scope::Off => None,
        };
        let Some(shared) = shared else {
            if !self.own.is_settled(snapshot) {
                say_lost(self.own.settle(snapshot), metrics);
            }
            return look(&self.own);
        };
        if !shared.load().is_settled(snapshot) {
            let mut lost = None;
            shared.rcu(|mark| {
                let mut mark = Mark::clone(mark);
                lost = mark.settle(snapshot);
                mark
            });
            say_lost(lost, metrics);
        }
        look(&shared.load())
    }

    /// What the session has written in `scope` and seen, for somebody else to continue from; nothing while a position is
    /// not known.
    pub(crate) fn token(&mut self, scope: Scope, snapshot: &Snapshot, metrics: &Metrics) -> Option<Position> {
        let mut needed = Needed::default();
        let unknown = self.with(scope, snapshot, metrics, |mark| {
            mark.add_to(&mut needed);
            mark.is_unknown(Instant::now())
        });
        self.reads.add_to(&mut needed);
        (!unknown && !is_synced(snapshot)).then_some(needed.position)
    }
}

fn say_lost(lost: Option<Position>, metrics: &Metrics) {
    if let Some(lost) = lost {
        add(&metrics.marks_dropped, 1);
        tracing::warn!(target: "splitfin::consistency", %lost,
            "the primary does not have these transactions (any more): reads no longer wait for them");
    }
}

/// What a statement has written.
#[derive(Debug)]
enum Written {
    /// Nothing, or it was rolled back.
    Nothing,
    /// Something that its transaction has not committed yet.
    Open,
    /// It was committed here.
    At(Position),
    /// It was committed, in a cluster that has no positions in common.
    Somewhere,
    /// It was committed without a position; replicas have it after this time, as far as anybody can tell.
    Unlogged(Duration),
}

impl Written {
    /// What that means for a mark.
    fn note(&self, primary: BackendId, snapshot: &Snapshot) -> Option<impl Fn(&mut Mark)> {
        let now = Instant::now();
        let known = matches!(self, Self::At(_) | Self::Somewhere | Self::Unlogged(_));
        known.then_some(move |mark: &mut Mark| match self {
            Self::At(position) => mark.wrote(position, primary, snapshot, now),
            Self::Somewhere => mark.committed(now),
            Self::Unlogged(sticky) => mark.unlogged(now + *sticky),
            Self::Nothing | Self::Open => {}
        })
    }
}

/// Where a statement ran, and what came of it.
#[derive(Debug)]
pub(crate) struct Looked<'a> {
    pub(crate) backend: BackendId,
    pub(crate) guarded: bool,
    pub(crate) reason: &'a Reason,
    pub(crate) outcome: &'a Outcome,
}

/// A decision, and what the replica has to have that serves it.
#[derive(Debug)]
pub(crate) struct Routed {
    pub(crate) decision: Decision,
    pub(crate) needed: Needed,
    /// A wait that was in vain before.
    pub(crate) waited: Option<Duration>,
}

impl Routed {
    /// What is left when replicas did not work out: the primary has whatever is needed.
    pub(crate) fn on_primary(self, snapshot: &Snapshot, reason: Reason) -> Result<Self, Refusal> {
        let scope = self.decision.scope;
        match Decision::on_primary(snapshot, reason.clone()) {
            Some(primary) => Ok(Self { decision: Decision { scope, ..primary }, ..self }),
            None => Err(Refusal::NoPrimary(format!("{reason}; and there is no primary to ask instead"))),
        }
    }

    /// The same for a read: without a primary, the read-only server that was it has whatever is needed, too.
    pub(crate) fn read_on_primary(self, snapshot: &Snapshot, reason: Reason) -> Result<Self, Refusal> {
        match (snapshot.writer(), snapshot.resort) {
            (None, Some(resort)) if !self.decision.eligible.contains(&resort) => {
                let mut decision = Decision { access: Access::ReadOnly, reason, ..self.decision };
                decision.eligible.clear();
                decision.eligible.push(resort);
                Ok(Self { decision, needed: Needed::default(), waited: self.waited })
            }
            _ => self.on_primary(snapshot, reason),
        }
    }
}

impl Session {
    /// Keeps those of the eligible replicas that the session may read from.
    pub(crate) async fn narrow(
        &mut self,
        job: &Job<'_>,
        mut decision: Decision,
        snapshot: &Snapshot,
    ) -> Result<Routed, Refusal> {
        if decision.access == Access::ReadOnly {
            self.have_rights(&mut decision.eligible, snapshot);
            if decision.eligible.is_empty() {
                let routed = Routed { decision, needed: Needed::default(), waited: None };
                return routed.on_primary(snapshot, Reason::Behind);
            }
        }
        let looks = matches!(job.statement.class, Class::Read | Class::Begin { .. });
        let after = job.hint.as_ref().map(|hint| hint.after.clone()).unwrap_or_default();
        let has_all = snapshot.resort.is_some_and(|resort| decision.eligible.as_slice() == [resort]);
        let anywhere = (decision.scope == Scope::Off && after.is_empty()) || has_all;
        if decision.access == Access::ReadWrite || anywhere || !looks {
            return Ok(Routed { decision, needed: Needed::default(), waited: None });
        }
        loop {
            // A position tells such a cluster nothing, but it was there before this statement came.
            let since = (!after.is_empty() && is_synced(snapshot)).then_some(self.active);
            let mut needed = Needed { position: after.clone(), since };
            let choice = self.choose(&decision, &mut needed, snapshot);
            match choice {
                Choice::Replicas(eligible) => {
                    decision.eligible = eligible;
                    return Ok(Routed { decision, needed, waited: None });
                }
                Choice::Ask(backend) if self.ask(backend, snapshot).await => {}
                Choice::Ask(_) => {
                    let routed = Routed { decision, needed, waited: None };
                    return routed.read_on_primary(snapshot, Reason::ReadOnPrimary);
                }
                Choice::Primary(reason) => {
                    return Routed { decision, needed, waited: None }.read_on_primary(snapshot, reason);
                }
            }
        }
    }

    fn choose(&mut self, decision: &Decision, needed: &mut Needed, snapshot: &Snapshot) -> Choice {
        let now = Instant::now();
        let mut none = Consistency::default();
        let consistency = if decision.scope == Scope::Off { &mut none } else { &mut self.consistency };
        let unknown = consistency.with(decision.scope, snapshot, &self.worker.metrics, |mark| {
            mark.add_to(needed);
            mark.is_unknown(now) && !is_synced(snapshot)
        });
        if unknown {
            return Choice::Primary(Reason::PositionUnknown);
        }
        consistency.reads.settle(snapshot);
        consistency.reads.add_to(needed);
        let worker = &self.worker;
        let most = worker.settings().consistency.most_waiting;
        let is = |view: &BackendView, needed: &Needed| match worker.fresh(view, needed, now) {
            Fresh::Soon if worker.replica(view.id).is_none_or(|replica| replica.waiting.get() >= most) => Fresh::Late,
            other => other,
        };
        choose(&decision.eligible, &consistency.reads, needed, snapshot, now, is)
    }

    /// Asks a server where it is, so that the session may leave it. Whether it answered.
    async fn ask(&mut self, backend: BackendId, snapshot: &Snapshot) -> bool {
        let Some(view) = snapshot.backend(backend) else { return false };
        let (family, position) = match snapshot.family {
            Some(Family::Mysql) => (Family::Mysql, "@@global.gtid_executed"),
            Some(Family::Mariadb) => (Family::Mariadb, "@@gtid_current_pos"),
            None => return false,
        };
        let wanted = self.state.wanted(snapshot.primary != Some(backend));
        let limit = SLACK + self.worker.settings().consistency.wait;
        let asking = async {
            let mut lease = self.check_out(&[backend], &wanted, snapshot).await.ok()?;
            lease.apply(&wanted).await.ok()?;
            let [value] = lease.ask([position]).await.ok()??;
            self.put_back(lease);
            Position::parse(family, &value?).ok()
        };
        let Ok(Some(position)) = tokio::time::timeout(limit, asking).await else { return false };
        add(&self.worker.metrics.asked, 1);
        if let Some(replica) = self.worker.replica(backend) {
            replica.learned.borrow_mut().reached(view.progress.generation, &position, None);
        }
        self.consistency.reads.is_in(&position);
        true
    }

    /// The wait to put before a read on `backend`; nothing if it is known to have what is needed. An error if as many
    /// reads as may wait for it already: they came while this one got its connection.
    pub(crate) fn wait(
        &self,
        backend: BackendId,
        needed: &Needed,
        snapshot: &Snapshot,
    ) -> Result<Option<Wait>, Crowded> {
        let Some(view) = snapshot.backend(backend) else { return Ok(None) };
        let means = view.progress.means;
        let needed = match means {
            Means::Sync => self.consistency.reads.needed_on(backend, needed),
            Means::Position => needed.clone(),
        };
        if needed.is_nothing() || self.worker.fresh(view, &needed, Instant::now()) == Fresh::Has {
            return Ok(None);
        }
        let limit = self.worker.settings().consistency.wait;
        let sql = match means {
            Means::Sync => SYNC.to_owned(),
            Means::Position => wait_sql(&needed.position, limit, view.version.as_deref().unwrap_or_default()),
        };
        let replica = self.worker.replica(backend).ok_or(Crowded)?;
        if replica.waiting.get() >= self.worker.settings().consistency.most_waiting {
            return Err(Crowded);
        }
        replica.waiting.set(replica.waiting.get() + 1);
        let (generation, worker) = (view.progress.generation, Rc::clone(&self.worker));
        Ok(Some(Wait { sql, backend, generation, asked: Instant::now(), needed, worker }))
    }

    /// Lets the other sessions of the scope know what a statement has written, before its client does: the next
    /// statement may come over another connection.
    pub(crate) fn publish(&self, backend: BackendId, outcome: &Outcome, job: &Job<'_>, done: bool) {
        if self.consistency.is_alone() || job.statement.class == Class::Read {
            return;
        }
        let snapshot = self.worker.topology.snapshot();
        let in_transaction = !done || outcome.status.is_some_and(|status| status.contains(Status::IN_TRANS));
        let Some(view) = snapshot.backend(backend) else { return };
        if let Some(note) = self.written(view, outcome, job, in_transaction).note(view.id, &snapshot) {
            self.consistency.change_shared(note);
        }
    }

    /// Whether a reply tells of a commit that is on a server of the past alone: another one became the primary, and does not
    /// have it. Where positions do not tell, no commit is believed.
    pub(crate) fn is_void(&self, backend: BackendId, outcome: &Outcome, job: &Job<'_>) -> bool {
        if job.statement.class == Class::Read || outcome.error.is_some() || !self.worker.is_deposed(backend) {
            return false;
        }
        let snapshot = self.worker.topology.snapshot();
        let primary = snapshot.primary.and_then(|id| snapshot.backend(id));
        let (Some(old), Some(new)) = (snapshot.backend(backend), primary) else { return false };
        let commits = matches!(job.statement.class, Class::Write(_)) || job.statement.verb == Verb::Commit;
        match committed(outcome) {
            _ if old.progress.means == Means::Sync => false,
            Position::Nothing => commits && !old.progress.gtids,
            // What it has now, it may have written itself: numbers do not tell who wrote.
            position => !new.progress.led_from.contains(&position),
        }
    }

    /// Takes in what a statement has written and read.
    pub(crate) fn note_consistency(&mut self, looked: &Looked<'_>, job: &Job<'_>) {
        if !self.worker.settings().routing.is_consistent() {
            return;
        }
        let snapshot = self.worker.topology.snapshot();
        let Some(view) = snapshot.backend(looked.backend) else { return };
        let Looked { outcome, reason, guarded, .. } = *looked;
        let written = self.written(view, outcome, job, self.in_transaction());
        if let Some(note) = written.note(view.id, &snapshot) {
            note(&mut self.consistency.own);
        }
        self.consistency.wrote = matches!(written, Written::Open);
        let reads = &mut self.consistency.reads;
        match written {
            // Whoever has this has all that was committed before it, and nothing else could be read.
            Written::At(ref position) if is_ordered(position, &snapshot) => reads.forget(),
            Written::Somewhere => reads.forget(),
            Written::At(_) => reads.read(view, Instant::now(), true),
            _ if matches!(job.statement.class, Class::Read | Class::Write(_)) && !asks_own_id(job) => {
                let forced = view.role == Role::Primary && reason.misses().is_none();
                reads.read(view, Instant::now(), forced);
                if let (Some(hint), true) = (&job.hint, guarded) {
                    reads.saw(&hint.after);
                }
            }
            _ => {}
        }
    }

    /// What a statement on `view` has written, before it included what its transaction wrote.
    fn written(&self, view: &BackendView, outcome: &Outcome, job: &Job<'_>, in_transaction: bool) -> Written {
        let is_write = matches!(job.statement.class, Class::Write(_)) && view.role == Role::Primary;
        let rolled_back = outcome.error.is_some() || matches!(job.statement.verb, Verb::Rollback | Verb::RollbackTo);
        if view.progress.means == Means::Sync {
            return match (self.consistency.wrote || is_write, in_transaction) {
                (true, true) => Written::Open,
                (true, false) if !rolled_back => Written::Somewhere,
                _ => Written::Nothing,
            };
        }
        let position = committed(outcome);
        if !position.is_empty() {
            return Written::At(position);
        }
        let changed = is_write && (outcome.affected_rows > 0 || !view.progress.gtids);
        match (self.consistency.wrote || changed, in_transaction) {
            (true, true) => Written::Open,
            (true, false) if !rolled_back => Written::Unlogged(self.worker.settings().consistency.sticky),
            _ => Written::Nothing,
        }
    }

    /// A statement was cut off that may have written: as [`Session::note_lost`].
    pub(crate) fn note_cut_off(&mut self) {
        if self.worker.settings().routing.is_consistent() {
            let now = Instant::now();
            self.consistency.own.lost(now);
            self.consistency.change_shared(|mark| mark.lost(now));
        }
    }

    /// A statement went out and no reply came: what it wrote may be committed, at an unknown position.
    pub(crate) fn note_lost(&mut self, job: &Job<'_>) {
        if job.statement.class != Class::Read {
            self.note_cut_off();
        }
    }
}

impl Worker {
    fn replica(&self, backend: BackendId) -> Option<&Replica> {
        self.replicas.get(backend.index())
    }

    fn fresh(&self, view: &BackendView, needed: &Needed, now: Instant) -> Fresh {
        if needed.is_nothing() {
            return Fresh::Has;
        }
        let Some(replica) = self.replica(view.id) else { return Fresh::Late };
        fresh(view, &replica.learned.borrow(), needed, self.settings().consistency.wait, now)
    }
}

/// As many reads wait for a replica as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowded;

/// A read that waits for a replica; counted as such until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) sql: String,
    backend: BackendId,
    generation: u32,
    /// What was there by then, the replica has when the wait is over.
    asked: Instant,
    needed: Needed,
    worker: Rc<Worker>,
}

impl Wait {
    /// The server ends the wait in time; a server that hangs does not, and is not waited for much longer.
    pub(crate) fn deadline(&self) -> Duration {
        self.worker.settings().consistency.wait + SLACK
    }

    /// The replica has it.
    pub(crate) fn reached(&self, waited: Duration) {
        if let Some(replica) = self.worker.replica(self.backend) {
            let mut learned = replica.learned.borrow_mut();
            learned.reached(self.generation, &self.needed.position, Some(self.asked));
            drop(learned);
        }
        self.worker.metrics.count_wait(self.backend, true, waited);
    }

    /// The replica did not get it in time.
    pub(crate) fn missed(&self, waited: Duration) {
        if let Some(replica) = self.worker.replica(self.backend) {
            let wait = self.worker.settings().consistency.wait;
            replica.learned.borrow_mut().missed(self.generation, wait, Instant::now());
        }
        self.worker.metrics.count_wait(self.backend, false, waited);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(replica) = self.worker.replica(self.backend) {
            replica.waiting.set(replica.waiting.get().saturating_sub(1));
        }
    }
}

/// A statement that gives 0 as soon as the server has `needed`, and something else at the limit.
fn wait_sql(needed: &Position, limit: Duration, version: &str) -> String {
    let seconds = limit.as_secs_f64();
    // In the character set of the session a literal may be anything.
    let needed_text = format!("_ascii'{needed}'");
    let reached = match needed {
        Position::Mariadb(_) => format!("MASTER_GTID_WAIT({needed_text},{seconds:.3})"),
        // Before 8.0 it waits for whole seconds: look, and do not wait.
        _ if version.starts_with("5.") => format!("NOT GTID_SUBSET({needed_text},@@global.gtid_executed)"),
        _ => {
            let reached = neutral(&format!("WAIT_FOR_EXECUTED_GTID_SET({needed_text},{seconds:.3})"));
            return select_from_tables(&format!("{reached} LIMIT 1"), true);
        }
    };
    select([&*reached])
}

/// The positions of what a statement committed, from all of its OK packets.
pub(crate) fn committed(outcome: &Outcome) -> Position {
    let mut position = Position::Nothing;
    if outcome.changes.is_empty() {
        return position;
    }
    for change in Changes::new(&outcome.changes).map_while(Result::ok) {
        let (family, text) = match change {
            Change::Gtids(text) => (Family::Mysql, text),
            Change::Variable { name: b"last_gtid", value } => (Family::Mariadb, value),
            _ => continue,
        };
        match Position::parse(family, &String::from_utf8_lossy(text)) {
            Ok(new) => position.add(&new),
            Err(error) => tracing::warn!(target: "splitfin::consistency", %error, "a server reported this"),
        }
    }
    position
}

/// Galera: gives 0 when the member has applied what its cluster had committed when it was asked. The member's own limit
/// is much longer; see [`Wait::deadline`].
const SYNC: &str = "SET STATEMENT wsrep_sync_wait=1 FOR SELECT CAST('0' AS BINARY) LIMIT 1";

/// Whether a replica that has what was committed at `position` has all that was committed before it.
fn is_ordered(position: &Position, snapshot: &Snapshot) -> bool {
    let Some(primary) = snapshot.primary.and_then(|id| snapshot.backend(id)) else { return false };
    let mut all = primary.progress.position.clone();
    all.add(position);
    let seen = snapshot.ours().filter(|view| view.role == Role::Replica && view.progress.seen.is_some());
    all.is_one_stream() && seen.into_iter().all(|view| view.progress.in_order)
}

/// `SELECT LAST_INSERT_ID()` looks at no table.
fn asks_own_id(job: &Job<'_>) -> bool {
    job.asks().contains(Asks::LAST_INSERT_ID) && job.statement.tables == Tables::Unused
}

/// What a wait may take longer than it says, on a machine that is busy.
const SLACK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_protocol::wire::WriteExt as _;

    fn entry(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut block = vec![kind];
        block.put_lenenc_bytes(data);
        block
    }

    #[test]
    fn positions_come_from_all_ok_packets_of_a_reply() {
        let gtid = |number: u8| {
            let mut data = vec![0];
            data.put_lenenc_bytes(format!("3e11fa47-71ca-11e1-9e33-c80aa9429562:{number}").as_bytes());
            entry(3, &data)
        };
        let changes = [gtid(7), entry(2, b"1"), gtid(8)].concat();
        let outcome = Outcome { changes, ..Outcome::default() };
        assert_eq!(committed(&outcome).to_string(), "3e11fa47-71ca-11e1-9e33-c80aa9429562:7-8");

        let mut data = Vec::new();
        data.put_lenenc_bytes(b"last_gtid");
        data.put_lenenc_bytes(b"0-1-4315");
        let outcome = Outcome { changes: entry(0, &data), ..Outcome::default() };
        assert_eq!(committed(&outcome).to_string(), "0-1-4315");
        assert!(committed(&Outcome::default()).is_empty());
    }

    #[test]
    fn waits_are_what_each_server_understands() {
        let limit = Duration::from_millis(50);
        let mariadb = Position::parse(Family::Mariadb, "0-1-5").unwrap();
        let expected = select(["MASTER_GTID_WAIT(_ascii'0-1-5',0.050)"]);
        assert_eq!(wait_sql(&mariadb, limit, "10.11.19-MariaDB"), expected);
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let mysql = Position::parse(Family::Mysql, &format!("{uuid}:5")).unwrap();
        let expected = format!("WAIT_FOR_EXECUTED_GTID_SET(_ascii'{uuid}:5',0.050)");
        assert!(wait_sql(&mysql, limit, "9.7.4").contains(&expected));
        assert!(wait_sql(&mysql, limit, "5.7.44-log").contains("GTID_SUBSET"));
    }
}
