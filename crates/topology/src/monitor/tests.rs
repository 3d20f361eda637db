mod clusters;
mod overlooked;
mod resort;
mod simulation;

use super::*;
use crate::gtid::{History, Position};
use crate::observation::{Channel, ClusterKind, Identity, Membership, Offer};
use proptest::prelude::*;
use std::time::{Duration, Instant};

const A: BackendId = BackendId(0);
const B: BackendId = BackendId(1);
const C: BackendId = BackendId(2);

fn thresholds() -> Thresholds {
    Thresholds {
        lag_max: Duration::from_secs(5),
        lag_resume: Duration::from_secs(2),
        fall: 2,
        rise: 2,
        slow_start: Duration::from_secs(30),
    }
}

fn monitor(choice: PrimaryChoice) -> Monitor {
    let spec = |name: &str| BackendSpec { name: name.into(), address: format!("{name}:3306"), weight: 1 };
    Monitor::new(["a", "b", "c"].map(spec).to_vec(), thresholds(), choice)
}

fn identity(id: BackendId) -> Identity {
    Identity { uuid: None, server_id: u32::from(id.0) + 1 }
}

fn at(number: u64) -> Position {
    Position::parse(Family::Mariadb, &format!("0-1-{number}")).unwrap()
}

fn writable(id: BackendId) -> Observation {
    Observation {
        family: Family::Mariadb,
        version: "10.11.19-MariaDB".into(),
        offer: OFFER,
        identity: identity(id),
        read_only: false,
        channels: vec![],
        clock: 0,
        heartbeat: None,
        membership: None,
        begun: Instant::now(),
        position: at(5),
        history: History::parse(Family::Mariadb, "0-1-5").unwrap(),
        gtids: true,
        in_order: true,
    }
}

fn replica(id: BackendId, source: BackendId, lag: Option<u64>) -> Observation {
    let channel = Channel {
        source: identity(source),
        receiving: true,
        applying: true,
        lag: lag.map(Duration::from_secs),
        ..Channel::default()
    };
    Observation { read_only: true, channels: vec![channel], ..writable(id) }
}

fn down() -> Result<Observation, ProbeFailure> {
    Err(ProbeFailure::Timeout(Duration::from_millis(500)))
}

/// A primary and two replicas, all well.
fn running() -> Monitor {
    let mut monitor = monitor(PrimaryChoice::Auto);
    monitor.observe(A, Ok(writable(A)));
    monitor.observe(B, Ok(replica(B, A, Some(0))));
    monitor.observe(C, Ok(replica(C, A, Some(0))));
    monitor
}

fn replicas(monitor: &mut Monitor) -> Vec<BackendId> {
    monitor.snapshot().fit_replicas().map(|view| view.id).collect()
}

#[test]
fn the_writable_server_is_the_primary_and_the_others_take_reads() {
    let mut monitor = running();
    assert_eq!(monitor.snapshot().primary, Some(A));
    assert_eq!(replicas(&mut monitor), [B, C]);
}

#[test]
fn nothing_is_served_before_it_was_seen() {
    let mut monitor = monitor(PrimaryChoice::Auto);
    let snapshot = monitor.snapshot();
    assert_eq!((snapshot.primary, snapshot.fit_replicas().count()), (None, 0));
    monitor.observe(A, Ok(writable(A)));
    monitor.observe(B, Ok(replica(B, A, Some(0))));
    assert_eq!(monitor.snapshot().primary, None, "c could be writable too");
    monitor.observe(C, down());
    assert_eq!(monitor.snapshot().primary, Some(A));
}

#[test]
fn a_late_replica_leaves_after_fall_probes_and_returns_below_resume() {
    let mut monitor = running();
    assert!(monitor.observe(B, Ok(replica(B, A, Some(6)))).is_empty());
    assert_eq!(replicas(&mut monitor), [B, C]);
    let events = monitor.observe(B, Ok(replica(B, A, Some(6))));
    assert!(matches!(events[..], [Event::Left { backend: B, why: Unfit::Lagging { .. } }]));
    for lag in [4, 3, 4, 3] {
        monitor.observe(B, Ok(replica(B, A, Some(lag))));
        assert_eq!(replicas(&mut monitor), [C], "{lag} s is above resume");
    }
    monitor.observe(B, Ok(replica(B, A, Some(2))));
    assert_eq!(replicas(&mut monitor), [C]);
    assert_eq!(monitor.observe(B, Ok(replica(B, A, Some(1)))), [Event::Joined { backend: B }]);
    assert_eq!(replicas(&mut monitor), [B, C]);
}

#[test]
fn everything_unknown_or_stopped_takes_a_replica_out() {
    let stopped = |change: fn(&mut Channel)| {
        let mut seen = replica(B, A, Some(0));
        change(&mut seen.channels[0]);
        Ok(seen)
    };
    let cases: Vec<Result<Observation, ProbeFailure>> = vec![
        down(),
        Ok(replica(B, A, None)),
        stopped(|channel| channel.applying = false),
        stopped(|channel| channel.receiving = false),
        stopped(|channel| channel.delay = Duration::from_secs(60)),
        stopped(|channel| channel.source.server_id = 99),
        Ok(Observation { read_only: true, ..writable(B) }),
    ];
    for case in cases {
        let mut monitor = running();
        for _ in 0..2 {
            monitor.observe(B, case.clone());
        }
        assert_eq!(replicas(&mut monitor), [C], "{case:?}");
    }
}

#[test]
fn a_chain_of_replicas_is_fine() {
    let mut monitor = running();
    monitor.observe(C, Ok(replica(C, B, Some(0))));
    monitor.observe(C, Ok(replica(C, B, Some(0))));
    assert_eq!(replicas(&mut monitor), [B, C]);
}

#[test]
fn a_silent_primary_is_lost_after_fall_probes() {
    let mut monitor = running();
    monitor.observe(A, down());
    assert_eq!(monitor.snapshot().primary, Some(A));
    let events = monitor.observe(A, down());
    assert!(matches!(events[0], Event::PrimaryLost { backend: A, .. }));
    assert_eq!(monitor.snapshot().primary, None);
    assert_eq!(replicas(&mut monitor), [B, C], "reads go on");
}

#[test]
fn replicas_of_a_dead_primary_go_on() {
    let mut monitor = running();
    monitor.observe(A, down());
    let cut_off = || {
        let mut seen = replica(B, A, None);
        seen.channels[0].receiving = false;
        seen
    };
    for _ in 0..5 {
        monitor.observe(A, down());
        monitor.observe(B, Ok(cut_off()));
    }
    assert_eq!(replicas(&mut monitor), [B, C]);
    let mut stopped = cut_off();
    stopped.channels[0].applying = false;
    monitor.observe(B, Ok(stopped.clone()));
    monitor.observe(B, Ok(stopped));
    assert_eq!(replicas(&mut monitor), [C], "a replica that applies nothing is still out");
}

#[test]
fn a_primary_that_turns_read_only_is_lost_at_once() {
    let mut monitor = running();
    monitor.observe(A, Ok(Observation { read_only: true, ..writable(A) }));
    assert_eq!(monitor.snapshot().primary, None);
}

#[test]
fn a_promoted_replica_takes_over_and_the_old_primary_stays_out() {
    let mut monitor = running();
    monitor.observe(A, down());
    monitor.observe(A, down());
    assert_eq!(monitor.observe(B, Ok(writable(B))), [Event::PrimaryFound { backend: B, lost: 0 }]);
    monitor.observe(C, Ok(replica(C, B, Some(0))));
    assert_eq!(monitor.snapshot().primary, Some(B));
    for _ in 0..4 {
        monitor.observe(A, Ok(writable(A)));
        assert_eq!(monitor.snapshot().primary, Some(B), "c follows b");
    }
    assert_eq!(replicas(&mut monitor), [C], "the old primary follows nobody");
}

#[test]
fn what_a_primary_had_when_it_took_over_stays_known() {
    let mut monitor = running();
    let led_from =
        |monitor: &mut Monitor, id: BackendId| monitor.snapshot().backend(id).unwrap().progress.led_from.clone();
    assert_eq!((led_from(&mut monitor, A), led_from(&mut monitor, B)), (at(5), Position::Nothing));
    monitor.observe(A, Ok(Observation { position: at(9), read_only: true, ..writable(A) }));
    assert!(monitor.snapshot().backend(A).unwrap().read_only);
    monitor.observe(B, Ok(Observation { position: at(8), ..writable(B) }));
    monitor.observe(B, Ok(Observation { position: at(20), ..writable(B) }));
    let snapshot = monitor.snapshot();
    assert_eq!(snapshot.primary, Some(B));
    assert_eq!(snapshot.backend(B).unwrap().progress.position, at(20));
    assert_eq!(led_from(&mut monitor, B), at(8), "the old one's ninth is not in it");
    monitor.observe(A, down());
    assert!(!monitor.snapshot().backend(A).unwrap().read_only, "who is silent says nothing");
}

fn with_history(seen: Observation, text: &str) -> Observation {
    Observation { history: History::parse(Family::Mariadb, text).unwrap(), ..seen }
}

#[test]
fn a_second_writable_server_does_not_take_over_from_a_primary_that_lives() {
    let mut monitor = running();
    // It was promoted while the primary goes on: which of the two was asked later says nothing.
    for history in ["0-1-4", "0-1-7"] {
        monitor.observe(B, Ok(with_history(writable(B), history)));
        assert_eq!(monitor.snapshot().primary, Some(A));
        monitor.observe(A, Ok(writable(A)));
        assert_eq!(monitor.snapshot().primary, Some(A));
    }
    assert_eq!(monitor.snapshot().backends[1].fit, Err(Unfit::AlsoWritable));
    monitor.observe(A, Ok(Observation { read_only: true, ..writable(A) }));
    assert_eq!(monitor.snapshot().primary, Some(B));
}

#[test]
fn servers_that_went_separate_ways_are_not_written_to_unless_the_replicas_tell() {
    let mut monitor = running();
    monitor.observe(B, Ok(with_history(writable(B), "0-1-4,0-2-6")));
    assert_eq!(monitor.snapshot().primary, Some(A), "c still follows a");
    let events = monitor.observe(C, Ok(with_history(writable(C), "0-1-3,0-3-9")));
    assert!(events.iter().any(|event| matches!(event, Event::PrimaryAmbiguous { .. })));
    assert_eq!(monitor.snapshot().primary, None);
    monitor.observe(C, Ok(replica(C, B, Some(0))));
    assert_eq!(monitor.snapshot().primary, None, "nobody is, so nothing shows who was");
    monitor.observe(A, Ok(replica(A, B, Some(0))));
    assert_eq!(monitor.snapshot().primary, Some(B));
}

#[test]
fn on_the_first_look_the_one_that_has_everything_is_the_primary() {
    let mut monitor = monitor(PrimaryChoice::Auto);
    // The old primary came back, and a replica still follows it.
    monitor.observe(A, Ok(with_history(writable(A), "0-1-5")));
    monitor.observe(C, Ok(replica(C, A, Some(0))));
    monitor.observe(B, Ok(with_history(writable(B), "0-1-5,0-2-9")));
    assert_eq!(monitor.snapshot().primary, Some(B));
    for _ in 0..2 {
        monitor.observe(A, Ok(with_history(writable(A), "0-1-5")));
        monitor.observe(C, Ok(replica(C, A, Some(0))));
    }
    assert!(matches!(&monitor.snapshot().backends[2].fit, Err(Unfit::WrongSource { source }) if source == "a"));
}

#[test]
fn a_writable_server_that_lacks_what_a_replica_has_is_a_primary_of_the_past() {
    let mut monitor = monitor(PrimaryChoice::Auto);
    monitor.observe(B, down());
    monitor.observe(C, Ok(with_history(replica(C, B, None), "0-1-5,0-2-9")));
    monitor.observe(A, Ok(with_history(writable(A), "0-1-5")));
    assert_eq!(monitor.snapshot().primary, None);
    // What c wrote on its own proves nothing.
    monitor.observe(C, Ok(with_history(replica(C, B, None), "0-1-5,0-3-9")));
    assert_eq!(monitor.snapshot().primary, Some(A));
}

#[test]
fn a_server_that_is_still_configured_as_a_replica_is_no_primary_before_all_were_seen() {
    let mut monitor = monitor(PrimaryChoice::Auto);
    monitor.observe(A, down());
    monitor.observe(B, Ok(Observation { read_only: false, ..replica(B, A, Some(0)) }));
    monitor.observe(C, Ok(replica(C, A, Some(0))));
    assert_eq!(monitor.snapshot().primary, None, "its source may be a");
}

#[test]
fn the_old_primary_is_fenced_until_it_follows() {
    let mut monitor = running();
    monitor.observe(A, down());
    monitor.observe(A, down());
    monitor.observe(B, Ok(writable(B)));
    monitor.observe(C, Ok(replica(C, B, Some(0))));
    // The new one dies, and the old one is there, writable.
    monitor.observe(B, down());
    monitor.observe(B, down());
    monitor.observe(A, Ok(writable(A)));
    assert_eq!(monitor.snapshot().primary, None);
    assert!(matches!(&monitor.snapshot().backends[0].fit, Err(Unfit::Fenced { primary }) if primary == "b"));
    // As its replica it may be promoted again.
    monitor.observe(A, Ok(replica(A, B, None)));
    monitor.observe(A, Ok(writable(A)));
    assert_eq!(monitor.snapshot().primary, Some(A));
}

#[test]
fn a_primary_that_is_configured_otherwise_is_still_the_primary() {
    const AGAIN: BackendId = BackendId(3);
    let again = || BackendSpec { name: "a".into(), address: "elsewhere:3306".into(), weight: 1 };
    let mut monitor = running();
    monitor.remove(A);
    monitor.put(AGAIN, again());
    let as_before = Observation { identity: identity(A), ..writable(AGAIN) };
    monitor.observe(AGAIN, Ok(with_history(as_before.clone(), "0-1-7")));
    assert_eq!(monitor.snapshot().primary, Some(AGAIN), "it has what it had, and more");
    // Out of a backup, or another server at its address, it is not.
    for other in [with_history(as_before, "0-1-4"), with_history(writable(AGAIN), "0-1-7")] {
        let mut monitor = running();
        monitor.remove(A);
        monitor.put(AGAIN, again());
        monitor.observe(AGAIN, Ok(other));
        assert_eq!(monitor.snapshot().primary, None);
    }
}

#[test]
fn a_switchover_can_be_taken_back_before_anything_was_written() {
    let mut monitor = running();
    monitor.observe(A, Ok(Observation { read_only: true, ..writable(A) }));
    monitor.observe(B, Ok(writable(B)));
    assert_eq!(monitor.snapshot().primary, Some(B));
    monitor.observe(A, Ok(writable(A)));
    assert_eq!(monitor.snapshot().primary, Some(B), "b may have been written to since it was asked");
    monitor.observe(B, Ok(Observation { read_only: true, ..writable(B) }));
    monitor.observe(A, Ok(writable(A)));
    assert_eq!(monitor.snapshot().primary, Some(A));
}

#[test]
fn a_replica_of_a_replica_that_is_not_well_takes_no_reads() {
    let mut monitor = running();
    monitor.observe(C, Ok(replica(C, B, Some(0))));
    let mut stopped = replica(B, A, Some(0));
    stopped.channels[0].applying = false;
    for _ in 0..2 {
        monitor.observe(B, Ok(stopped.clone()));
        monitor.observe(C, Ok(replica(C, B, Some(0))));
    }
    assert_eq!(monitor.snapshot().backends[2].fit, Err(Unfit::SourceUnfit { source: "b".into() }));
}

#[test]
fn statements_that_fail_take_a_replica_out_although_its_probes_pass() {
    let mut monitor = running();
    let at = |seconds| Instant::now() + Duration::from_secs(seconds);
    let probe = |monitor: &mut Monitor, seconds| {
        monitor.observe(B, Ok(Observation { begun: at(seconds), ..replica(B, A, Some(0)) }))
    };
    assert_eq!(monitor.failing(B, at(0)), [Event::Left { backend: B, why: Unfit::FailsStatements }]);
    assert!(probe(&mut monitor, 3).is_empty());
    assert_eq!(replicas(&mut monitor), [C]);
    assert_eq!(probe(&mut monitor, 6), [Event::Joined { backend: B }]);
    assert_eq!(monitor.snapshot().backends[1].share, 5, "a little at first");
    probe(&mut monitor, 21);
    assert_eq!(monitor.snapshot().backends[1].share, 50);
    assert!(monitor.failing(A, at(0)).is_empty(), "there is no other primary");
}

#[test]
fn a_replica_that_hears_nothing_is_late_whatever_it_says() {
    let mut monitor = running();
    let begin = Instant::now();
    let seen = |observation: Observation, second, number| Observation {
        begun: begin + Duration::from_secs(second),
        position: at(number),
        ..observation
    };
    for second in 0..12 {
        monitor.observe(A, Ok(seen(writable(A), second, 10 + second)));
        // It got the first two, and nothing since; it says that it is not late at all.
        monitor.observe(B, Ok(seen(replica(B, A, Some(0)), second, 10 + second.min(2))));
        monitor.observe(C, Ok(seen(replica(C, A, Some(0)), second, 10 + second)));
    }
    let snapshot = monitor.snapshot();
    assert_eq!(replicas(&mut monitor), [C]);
    assert_eq!((snapshot.backends[1].lag, snapshot.backends[1].after), (Some(Duration::from_secs(8)), Some(9)));
}

#[test]
fn a_heartbeat_counts_more_than_what_the_server_says_and_clocks_are_compared() {
    let mut monitor = running();
    // The probe's clock is two seconds behind the primary's, and the replica's a quarter of a second ahead of that.
    let events = monitor.observe(A, Ok(Observation { clock: 2_000_000, ..writable(A) }));
    assert_eq!(events, []);
    let seen = Observation { clock: 2_250_000, heartbeat: Some(-1_700_000), ..replica(B, A, Some(3)) };
    assert_eq!(monitor.observe(B, Ok(seen)), []);
    assert_eq!(monitor.snapshot().backends[1].lag, Some(Duration::from_millis(300)));
    let events = monitor.observe(C, Ok(Observation { clock: -500_000, ..replica(C, A, Some(0)) }));
    assert_eq!(events, [Event::ClockIsOff { backend: C, by: Duration::from_millis(2500) }]);
    assert_eq!(monitor.observe(C, Ok(Observation { clock: -400_000, ..replica(C, A, Some(0)) })), [], "once");
}

#[test]
fn while_it_is_held_nobody_is_the_primary() {
    let mut monitor = running();
    assert!(matches!(&monitor.hold()[..], [Event::PrimaryLost { backend: A, why }] if why.contains("take over")));
    monitor.observe(A, Ok(writable(A)));
    let snapshot = monitor.snapshot();
    assert_eq!((snapshot.primary, snapshot.last_primary), (None, Some(A)));
    // What was seen before it was released may be over.
    let released = Instant::now() + Duration::from_secs(1);
    monitor.release(released);
    monitor.observe(A, Ok(writable(A)));
    monitor.observe(C, down());
    let later = |seen: Observation| Ok(Observation { begun: released + Duration::from_secs(1), ..seen });
    monitor.observe(A, later(Observation { read_only: true, ..writable(A) }));
    assert_eq!(monitor.snapshot().primary, None);
    monitor.observe(B, later(writable(B)));
    assert_eq!(monitor.snapshot().primary, None, "c was not heard for one probe");
    monitor.observe(C, down());
    assert_eq!(monitor.snapshot().primary, Some(B));
}

#[test]
fn backends_come_and_go() {
    let mut monitor = running();
    let spec = BackendSpec { name: "d".into(), address: "d:3306".into(), weight: 1 };
    let d = BackendId(3);
    monitor.put(d, spec.clone());
    assert_eq!(monitor.snapshot().backends[3].fit, Err(Unfit::NotProbed));
    monitor.observe(d, Ok(replica(d, A, Some(0))));
    assert_eq!(replicas(&mut monitor), [B, C, d]);
    monitor.drain(B, true);
    assert_eq!(replicas(&mut monitor), [C, d]);
    monitor.observe(B, Ok(replica(B, A, Some(0))));
    monitor.drain(B, false);
    assert_eq!(replicas(&mut monitor), [B, C, d]);
    assert!(monitor.remove(d).is_empty());
    assert!(monitor.observe(d, Ok(replica(d, A, Some(0)))).is_empty(), "a late answer");
    assert_eq!((replicas(&mut monitor), monitor.snapshot().by_name("d")), (vec![B, C], None));
    monitor.put(d, spec);
    assert_eq!(replicas(&mut monitor), [B, C]);
    monitor.observe(d, Ok(replica(d, A, Some(0))));
    assert_eq!(replicas(&mut monitor), [B, C, d]);
    assert!(matches!(monitor.remove(A)[..], [Event::PrimaryLost { backend: A, .. }]));
}

#[test]
fn a_named_primary_is_used_only_while_it_accepts_writes() {
    let mut monitor = monitor(PrimaryChoice::Named("b".into()));
    for id in [A, B, C] {
        monitor.observe(id, Ok(writable(id)));
    }
    assert_eq!(monitor.snapshot().primary, Some(B));
    monitor.observe(B, Ok(replica(B, A, Some(0))));
    assert_eq!(monitor.snapshot().primary, None);
}

#[test]
fn families_are_not_mixed() {
    let mut monitor = running();
    let foreign = Observation { family: Family::Mysql, ..replica(C, A, Some(0)) };
    assert_eq!(monitor.observe(C, Ok(foreign)), [Event::MixedFamilies { backend: C }]);
}

fn any_result(id: BackendId) -> impl Strategy<Value = Result<Observation, ProbeFailure>> {
    let other = (0u16..4).prop_map(BackendId);
    (any::<bool>(), 0u8..4, other, proptest::option::of(0u64..10)).prop_map(move |(read_only, kind, source, lag)| {
        match kind {
            0 => down(),
            1 => Ok(Observation { read_only, ..writable(id) }),
            _ => Ok(Observation { read_only, ..replica(id, source, lag) }),
        }
    })
}

proptest! {
    #[test]
    fn whatever_is_observed_the_invariants_hold(
        steps in proptest::collection::vec((0u16..3).prop_map(BackendId).prop_flat_map(|id| (Just(id), any_result(id))), 1..60)
    ) {
        let mut monitor = monitor(PrimaryChoice::Auto);
        let mut last = [const { None }; 3];
        let mut epoch = 0;
        for (id, result) in steps {
            if let Ok(seen) = &result {
                last[id.index()] = Some(seen.clone());
            }
            monitor.observe(id, result);
            let snapshot = monitor.snapshot();
            prop_assert!(snapshot.epoch > epoch);
            epoch = snapshot.epoch;
            if let Some(primary) = snapshot.primary {
                let seen = last[primary.index()].as_ref().expect("a primary was seen");
                prop_assert!(!seen.read_only, "the primary accepts writes");
                prop_assert_eq!(snapshot.backends.iter().filter(|view| view.role == Role::Primary).count(), 1);
            }
            for view in snapshot.fit_replicas() {
                prop_assert!(last[view.id.index()].is_some(), "unseen servers take no reads");
            }
        }
    }
}

#[test]
fn a_server_that_lost_something_or_was_away_starts_anew() {
    let mut monitor = running();
    let generation = |monitor: &mut Monitor| monitor.snapshot().backends[B.index()].progress.generation;
    let later = |number| Ok(Observation { position: at(number), ..replica(B, A, Some(0)) });
    assert!(monitor.observe(B, later(9)).is_empty());
    assert_eq!(generation(&mut monitor), 0);
    assert_eq!(monitor.observe(B, later(7)), [Event::WentBack { backend: B }]);
    assert_eq!(generation(&mut monitor), 1);
    monitor.observe(B, down());
    assert_eq!(generation(&mut monitor), 1, "while it is away, what was seen last still tells");
    monitor.observe(B, later(20));
    assert_eq!(generation(&mut monitor), 2, "nobody knows what happened meanwhile");
}

#[test]
fn the_rate_is_the_best_of_late() {
    let mut monitor = running();
    let begun = Instant::now();
    let seen = |number, after| {
        Ok(Observation { position: at(number), begun: begun + Duration::from_millis(after), ..replica(B, A, Some(0)) })
    };
    monitor.observe(B, seen(100, 0));
    monitor.observe(B, seen(500, 200));
    assert_eq!(monitor.snapshot().backends[B.index()].progress.rate, 2000);
    monitor.observe(B, seen(500, 400));
    assert_eq!(monitor.snapshot().backends[B.index()].progress.rate, 1750, "it fades");
}

#[test]
fn a_primary_without_gtids_is_reported() {
    let mut monitor = monitor(PrimaryChoice::Named("a".into()));
    let events = monitor.observe(A, Ok(Observation { gtids: false, ..writable(A) }));
    assert_eq!(events, [Event::PrimaryFound { backend: A, lost: 0 }, Event::NoGtids { backend: A }]);
}

const OFFER: Offer = Offer {
    max_packet: 1 << 24,
    local_files: true,
    query_attributes: false,
    extended_metadata: true,
    collation: 45,
    autocommit: true,
    defaults: None,
    rights: 0,
};

#[test]
fn clients_are_greeted_with_what_all_servers_have() {
    let mut monitor = running();
    monitor.observe(A, Ok(Observation { offer: Offer { collation: 8, ..OFFER }, ..writable(A) }));
    monitor.observe(B, Ok(Observation { offer: Offer { local_files: false, ..OFFER }, ..replica(B, A, Some(0)) }));
    let offer = monitor.snapshot().offer();
    assert_eq!(offer, Some(Offer { local_files: false, collation: 8, ..OFFER }), "the rest is the primary's");
}
