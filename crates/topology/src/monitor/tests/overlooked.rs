//! Servers that nobody looks at any more.

use super::*;

/// Longest time from one probe's end to the next one's.
const ROUND: Duration = Duration::from_secs(2);

fn pass(monitor: &mut Monitor, backend: BackendId, seconds: u64) -> Vec<Event> {
    monitor.pass(backend, Duration::from_secs(seconds), ROUND).unwrap_or_default()
}

#[test]
fn a_replica_that_nobody_looks_at_leaves() {
    let mut monitor = running();
    assert!(pass(&mut monitor, B, 4).is_empty(), "fall × round is not over");
    assert_eq!(replicas(&mut monitor), [B, C]);
    let events = pass(&mut monitor, B, 1);
    assert!(matches!(events[..], [Event::Left { backend: B, why: Unfit::Probe(ProbeFailure::Overlooked(_)) }]));
    assert_eq!(replicas(&mut monitor), [C]);
    monitor.observe(B, Ok(replica(B, A, Some(0))));
    assert!(monitor.observe(B, Ok(replica(B, A, Some(0)))).contains(&Event::Joined { backend: B }));
}

#[test]
fn a_primary_that_nobody_looks_at_is_none() {
    let mut monitor = running();
    let events = pass(&mut monitor, A, 5);
    assert!(events.iter().any(|event| matches!(event, Event::PrimaryLost { backend: A, .. })), "{events:?}");
    assert_eq!(monitor.snapshot().primary, None);
    monitor.observe(A, Ok(writable(A)));
    assert_eq!(monitor.snapshot().primary, Some(A));
}

#[test]
fn whatever_comes_in_begins_the_time_anew() {
    let mut monitor = running();
    for _ in 0..10 {
        assert!(pass(&mut monitor, B, 4).is_empty());
        monitor.observe(B, Ok(replica(B, A, Some(0))));
    }
    assert!(pass(&mut monitor, B, 4).is_empty());
    monitor.observe(B, down());
    assert!(pass(&mut monitor, B, 4).is_empty(), "the failure counts as one");
    assert_eq!(replicas(&mut monitor), [B, C]);
    assert_eq!(pass(&mut monitor, B, 1).len(), 1);
}

#[test]
fn one_that_was_never_looked_at_keeps_nobody_waiting() {
    let mut monitor = monitor(PrimaryChoice::Auto);
    monitor.observe(A, Ok(writable(A)));
    monitor.observe(B, Ok(replica(B, A, Some(0))));
    assert_eq!(monitor.snapshot().primary, None, "c could be writable too");
    pass(&mut monitor, C, 5);
    assert_eq!(monitor.snapshot().primary, Some(A));
}

#[test]
fn one_that_was_removed_is_nobodys_to_look_at() {
    let mut monitor = running();
    monitor.remove(B);
    assert!(pass(&mut monitor, B, 100).is_empty());
    assert_eq!(monitor.pass(BackendId(99), Duration::MAX, Duration::MAX), None);
}

proptest! {
    /// Whatever comes in and however time goes by: who was not heard of for longer than allowed is not used.
    #[test]
    fn nobody_is_used_of_whom_nothing_is_heard(acts in proptest::collection::vec((0..3_u16, 0..4_u8, 0..7_u64), 1..60)) {
        let mut monitor = running();
        let mut quiet = [0; 3];
        for (index, act, seconds) in acts {
            let id = BackendId(index);
            let at = usize::from(index);
            match act {
                0 => drop(monitor.observe(id, down())),
                1 if id == A => drop(monitor.observe(id, Ok(writable(A)))),
                1 => drop(monitor.observe(id, Ok(replica(id, A, Some(0))))),
                _ => drop(pass(&mut monitor, id, seconds)),
            }
            quiet[at] = if act < 2 { 0 } else { quiet[at] + seconds };
            if quiet[at] > 4 {
                let snapshot = monitor.snapshot();
                prop_assert!(snapshot.backend(id).is_some_and(|view| view.fit.is_err()));
                prop_assert_ne!(snapshot.primary, Some(id));
            }
        }
    }
}
