use super::*;
use splitfin_topology::{BackendSpec, Family, Progress, Role, Unfit};

const MASTER: BackendId = BackendId(0);
const SLAVE_1: BackendId = BackendId(1);
const SLAVE_2: BackendId = BackendId(2);
const WAIT: Duration = Duration::from_millis(50);

fn at(number: u64) -> Position {
    Position::parse(Family::Mariadb, &format!("0-1-{number}")).unwrap()
}

/// All servers have 100 transactions, seen at `seen`.
fn snapshot(seen: Instant) -> Snapshot {
    let view = |id: u16, role| BackendView {
        id: BackendId(id),
        spec: BackendSpec { name: id.to_string(), address: String::new(), weight: 1 },
        role,
        fit: Ok(()),
        read_only: false,
        share: 100,
        after: None,
        clock: None,
        identity: None,
        lag: Some(Duration::ZERO),
        version: None,
        offer: None,
        progress: Progress { position: at(100), seen: Some(seen), gtids: true, in_order: true, ..Progress::default() },
    };
    let backends = vec![view(0, Role::Primary), view(1, Role::Replica), view(2, Role::Replica)];
    Snapshot {
        epoch: 1,
        backends,
        primary: Some(MASTER),
        last_primary: None,
        resort: None,
        replaceable: true,
        family: Some(Family::Mariadb),
    }
}

fn view(snapshot: &mut Snapshot, id: BackendId) -> &mut BackendView {
    &mut snapshot.backends[id.index()]
}

fn needed(mark: &Mark) -> Position {
    let mut needed = Needed::default();
    mark.add_to(&mut needed);
    needed.position
}

fn floor(reads: &Reads) -> Position {
    let mut needed = Needed::default();
    reads.add_to(&mut needed);
    needed.position
}

fn need(position: &Position) -> Needed {
    Needed { position: position.clone(), since: None }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn chosen(reads: &Reads, snapshot: &Snapshot, now: Instant, needed: &Position) -> Choice {
    let is = |view: &BackendView, needed: &Needed| fresh(view, &Learned::default(), needed, WAIT, now);
    choose(&[SLAVE_1, SLAVE_2], reads, &need(needed), snapshot, now, is)
}

fn replicas(ids: &[BackendId]) -> Choice {
    Choice::Replicas(ids.iter().copied().collect())
}

#[test]
fn a_replica_has_what_was_seen_or_learned() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let slave = view(&mut snapshot, SLAVE_1);
    let mut learned = Learned::default();
    let is = |slave: &BackendView, learned: &Learned, number| fresh(slave, learned, &need(&at(number)), WAIT, now);
    assert_eq!(is(slave, &learned, 100), Fresh::Has);
    assert_eq!(is(slave, &learned, 101), Fresh::Soon);
    learned.reached(0, &at(120), None);
    assert_eq!(is(slave, &learned, 120), Fresh::Has);
    slave.progress.generation = 1;
    assert_ne!(is(slave, &learned, 120), Fresh::Has, "what was learned of another life does not count");
    assert_eq!(fresh(slave, &learned, &Needed::default(), WAIT, now), Fresh::Has);
}

#[test]
fn a_late_replica_is_waited_for_only_if_it_will_be_there_in_time() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let slave = view(&mut snapshot, SLAVE_1);
    let mut learned = Learned::default();
    let is = |slave: &BackendView, learned: &Learned, number| fresh(slave, learned, &need(&at(number)), WAIT, now);
    slave.lag = Some(seconds(1));
    assert_eq!(is(slave, &learned, 101), Fresh::Late);
    slave.progress.rate = 1000;
    assert_eq!(is(slave, &learned, 140), Fresh::Soon, "40 ms at this rate");
    assert_eq!(is(slave, &learned, 200), Fresh::Late, "100 ms at this rate");
    assert_eq!(
        fresh(slave, &learned, &need(&at(200)), WAIT, now + Duration::from_millis(60)),
        Fresh::Soon,
        "60 of them are over"
    );
    slave.lag = None;
    assert_eq!(is(slave, &learned, 101), Fresh::Late, "nothing is known");
    slave.lag = Some(Duration::ZERO);
    let later =
        |learned: &Learned, millis| fresh(slave, learned, &need(&at(101)), WAIT, now + Duration::from_millis(millis));
    learned.missed(0, WAIT, now);
    assert_eq!((later(&learned, 49), later(&learned, 50)), (Fresh::Late, Fresh::Soon), "left alone for a moment");
    learned.missed(0, WAIT, now);
    learned.missed(0, WAIT, now);
    assert_eq!((later(&learned, 199), later(&learned, 200)), (Fresh::Late, Fresh::Soon), "and longer each time");
    for _ in 0..40 {
        learned.missed(0, WAIT, now);
    }
    assert_eq!((later(&learned, 1999), later(&learned, 2000)), (Fresh::Late, Fresh::Soon), "but not for ever");
    learned.reached(0, &at(100), None);
    assert_eq!(later(&learned, 0), Fresh::Soon, "until it was there in time");
    assert_eq!(fresh(slave, &learned, &need(&at(101)), Duration::ZERO, now), Fresh::Late, "no time to wait");
    let foreign = Position::parse(Family::Mysql, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1").unwrap();
    assert_eq!(fresh(slave, &learned, &need(&foreign), WAIT, now), Fresh::Late);
}

#[test]
fn a_session_that_reads_on_stays_where_it_was() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let mut reads = Reads::default();
    assert_eq!(chosen(&reads, &snapshot, now, &Position::Nothing), replicas(&[SLAVE_1, SLAVE_2]));
    reads.read(view(&mut snapshot, SLAVE_1), now, false);
    reads.settle(&snapshot);
    assert_eq!(chosen(&reads, &snapshot, now, &Position::Nothing), replicas(&[SLAVE_1]));
    assert_eq!(
        chosen(&reads, &snapshot, now + seconds(1), &Position::Nothing),
        Choice::Ask(SLAVE_1),
        "to be free again"
    );
    reads.is_in(&at(105));
    assert_eq!(floor(&reads), at(105));
    assert_eq!(
        chosen(&reads, &snapshot, now, &floor(&reads)),
        replicas(&[SLAVE_1, SLAVE_2]),
        "both will be there soon"
    );
}

#[test]
fn a_probe_that_began_after_the_last_read_sets_free() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let mut reads = Reads::default();
    reads.read(view(&mut snapshot, SLAVE_1), now + seconds(1), false);
    view(&mut snapshot, SLAVE_1).progress.seen = Some(now + seconds(1));
    reads.settle(&snapshot);
    assert!(reads.place().is_some(), "it began no later than the read was over");
    view(&mut snapshot, SLAVE_1).progress =
        Progress { seen: Some(now + seconds(2)), position: at(107), ..Default::default() };
    reads.settle(&snapshot);
    assert!(reads.place().is_none());
    assert_eq!(floor(&reads), at(107));
}

#[test]
fn a_session_whose_replica_is_gone_reads_on_the_primary() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let mut reads = Reads::default();
    reads.read(view(&mut snapshot, SLAVE_1), now, false);
    let gone = |snapshot: &Snapshot| choose(&[SLAVE_2], &reads, &Needed::default(), snapshot, now, |_, _| Fresh::Has);
    assert_eq!(gone(&snapshot), Choice::Ask(SLAVE_1), "it is well, but a hint or a rule leads elsewhere");
    view(&mut snapshot, SLAVE_1).fit = Err(Unfit::LagUnknown);
    assert_eq!(gone(&snapshot), Choice::Primary(Reason::ReadOnPrimary));
    view(&mut snapshot, SLAVE_1).fit = Ok(());
    view(&mut snapshot, SLAVE_1).progress.generation = 1;
    assert_eq!(
        chosen(&reads, &snapshot, now, &Position::Nothing),
        Choice::Primary(Reason::ReadOnPrimary),
        "it came back, but as what?"
    );
    snapshot.primary = None;
    assert_eq!(chosen(&reads, &snapshot, now, &Position::Nothing), replicas(&[SLAVE_1, SLAVE_2]), "reads go on");
}

#[test]
fn who_has_read_on_the_primary_leaves_it_by_asking() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let mut forced = Reads::default();
    forced.read(view(&mut snapshot, MASTER), now, true);
    assert_eq!(chosen(&forced, &snapshot, now, &Position::Nothing), Choice::Ask(MASTER));
    let mut fell_back = Reads::default();
    fell_back.read(view(&mut snapshot, MASTER), now, false);
    assert_eq!(chosen(&fell_back, &snapshot, now, &Position::Nothing), Choice::Primary(Reason::ReadOnPrimary));
    assert_eq!(chosen(&fell_back, &snapshot, now + seconds(1), &Position::Nothing), Choice::Ask(MASTER));
}

#[test]
fn nobody_in_time_means_the_primary() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    for id in [SLAVE_1, SLAVE_2] {
        view(&mut snapshot, id).lag = Some(seconds(3));
    }
    assert_eq!(chosen(&Reads::default(), &snapshot, now, &at(101)), Choice::Primary(Reason::Behind));
    let mut reads = Reads::default();
    reads.read(view(&mut snapshot, SLAVE_1), now, false);
    assert_eq!(chosen(&reads, &snapshot, now, &at(101)), Choice::Primary(Reason::Behind));
}

#[test]
fn a_mark_collects_what_was_written() {
    let now = Instant::now();
    let snapshot = snapshot(now);
    let mut mark = Mark::default();
    mark.wrote(&at(101), MASTER, &snapshot, now);
    mark.wrote(&at(103), MASTER, &snapshot, now);
    assert_eq!(needed(&mark), at(103));
    assert!(mark.is_settled(&snapshot) && !mark.is_unknown(now));
}

#[test]
fn a_write_that_was_not_heard_is_known_when_the_primary_was_seen() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let mut mark = Mark::default();
    mark.lost(now);
    assert!(mark.is_unknown(now) && mark.is_settled(&snapshot), "the probe began no later");
    view(&mut snapshot, MASTER).progress.seen = Some(now + seconds(1));
    view(&mut snapshot, MASTER).progress.position = at(110);
    assert!(!mark.is_settled(&snapshot));
    assert_eq!(mark.settle(&snapshot), None);
    assert!(!mark.is_unknown(now) && mark.is_settled(&snapshot));
    assert_eq!(needed(&mark), at(110));
}

#[test]
fn writes_without_positions_are_unknown_for_a_while() {
    let now = Instant::now();
    let mut mark = Mark::default();
    mark.unlogged(now + seconds(5));
    mark.unlogged(now + seconds(3));
    assert!(mark.is_unknown(now + seconds(4)));
    assert!(!mark.is_unknown(now + seconds(5)));
}

#[test]
fn what_a_new_primary_lacks_is_dropped_once() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let mut mark = Mark::default();
    mark.wrote(&at(120), MASTER, &snapshot, now);
    snapshot.primary = None;
    assert!(mark.is_settled(&snapshot), "nobody to learn it from");
    snapshot.primary = Some(SLAVE_1);
    assert!(mark.is_settled(&snapshot), "its probe began before the write was over");
    view(&mut snapshot, SLAVE_1).progress.seen = Some(now + seconds(1));
    assert_eq!(mark.settle(&snapshot), Some(at(120)));
    assert_eq!(needed(&mark), at(100), "what survived is still needed");
    assert!(mark.is_settled(&snapshot));
    assert_eq!(mark.settle(&snapshot), None);
}

#[test]
fn what_a_new_primary_has_stays() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    let mut mark = Mark::default();
    mark.wrote(&at(99), MASTER, &snapshot, now);
    // The next write is answered by the new primary before its probe could tell anything of the first.
    snapshot.primary = Some(SLAVE_1);
    mark.wrote(&at(101), SLAVE_1, &snapshot, now + seconds(1));
    assert_eq!(needed(&mark), at(101));
    view(&mut snapshot, SLAVE_1).progress.seen = Some(now + seconds(2));
    assert!(!mark.is_settled(&snapshot));
    assert_eq!(mark.settle(&snapshot), None, "it has 99, and 101 is its own");
    assert_eq!(needed(&mark), at(101));
    assert!(mark.is_settled(&snapshot));
}

#[test]
fn a_cluster_without_common_positions_is_asked_to_catch_up() {
    let now = Instant::now();
    let mut snapshot = snapshot(now);
    for view in &mut snapshot.backends {
        view.progress = Progress { means: Means::Sync, seen: Some(now), ..Progress::default() };
    }
    let mut learned = vec![Learned::default(); 3];
    let mut mark = Mark::default();
    let mut reads = Reads::default();
    let choice = |mark: &Mark, reads: &Reads, learned: &[Learned]| {
        let mut needed = Needed::default();
        mark.add_to(&mut needed);
        let is = |view: &BackendView, needed: &Needed| fresh(view, &learned[view.id.index()], needed, WAIT, now);
        choose(&[SLAVE_1, SLAVE_2], reads, &needed, &snapshot, now, is)
    };
    assert_eq!(choice(&mark, &reads, &learned), replicas(&[SLAVE_1, SLAVE_2]), "nothing was written, nothing was read");
    mark.committed(now);
    assert_eq!(choice(&mark, &reads, &learned), replicas(&[SLAVE_1, SLAVE_2]), "either of them will catch up");
    learned[1].reached(0, &Position::Nothing, Some(now));
    assert_eq!(
        choice(&mark, &reads, &learned),
        replicas(&[SLAVE_1, SLAVE_2]),
        "what was asked for no later does not count"
    );
    learned[1].reached(0, &Position::Nothing, Some(now + seconds(1)));
    assert_eq!(choice(&mark, &reads, &learned), replicas(&[SLAVE_1]), "one of them has");
    // What was read there is more than the other one may have.
    learned[2].reached(0, &Position::Nothing, Some(now + seconds(2)));
    reads.read(&snapshot.backends[1], now + seconds(3), false);
    reads.settle(&snapshot);
    assert_eq!(choice(&mark, &reads, &learned), replicas(&[SLAVE_1]));
    learned[2].reached(0, &Position::Nothing, Some(now + seconds(4)));
    assert_eq!(choice(&mark, &reads, &learned), replicas(&[SLAVE_1, SLAVE_2]));
    for learned in &mut learned {
        learned.missed(0, WAIT, now);
    }
    mark.committed(now + seconds(9));
    assert_eq!(choice(&mark, &reads, &learned), Choice::Primary(Reason::Behind));
}
