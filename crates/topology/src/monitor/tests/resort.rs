//! What is left while no server takes writes.

use super::*;

fn frozen(id: BackendId) -> Observation {
    Observation { read_only: true, ..writable(id) }
}

/// A running cluster whose primary takes no writes any more.
fn frozen_primary() -> Monitor {
    let mut monitor = running();
    monitor.observe(A, Ok(frozen(A)));
    monitor
}

#[test]
fn the_only_server_answers_for_itself_when_it_is_read_only() {
    let spec = BackendSpec { name: "a".into(), address: "a:3306".into(), weight: 1 };
    let mut monitor = Monitor::new(vec![spec], thresholds(), PrimaryChoice::Auto);
    assert_eq!(monitor.snapshot().resort, None, "it was not seen yet");
    monitor.observe(A, Ok(frozen(A)));
    let snapshot = monitor.snapshot();
    assert_eq!((snapshot.primary, snapshot.resort, snapshot.writer()), (None, Some(A), Some(A)));
    monitor.observe(A, Ok(writable(A)));
    let snapshot = monitor.snapshot();
    assert_eq!((snapshot.primary, snapshot.resort, snapshot.writer()), (Some(A), None, Some(A)));
}

#[test]
fn writes_wait_while_a_replica_could_take_over() {
    let snapshot = frozen_primary().snapshot();
    assert_eq!((snapshot.primary, snapshot.resort), (None, Some(A)));
    assert!(snapshot.replaceable);
    assert_eq!(snapshot.writer(), None);
}

#[test]
fn replicas_that_answer_and_do_not_replicate_take_over_from_no_one() {
    let mut monitor = frozen_primary();
    for id in [B, C] {
        let mut broken = replica(id, A, None);
        broken.channels[0].applying = false;
        broken.begun += PROMOTION_AND_MORE;
        monitor.observe(id, Ok(broken));
    }
    let snapshot = monitor.snapshot();
    assert!(!snapshot.replaceable);
    assert_eq!(snapshot.writer(), Some(A));
}

#[test]
fn one_that_does_not_answer_may_have_taken_over_unseen() {
    let mut monitor = frozen_primary();
    for _ in 0..2 {
        monitor.observe(B, down());
        monitor.observe(C, down());
    }
    let snapshot = monitor.snapshot();
    assert_eq!(snapshot.resort, Some(A), "reads go on there");
    assert_eq!(snapshot.writer(), None, "an account that may write to a read-only server would be a second writer");
}

#[test]
fn a_server_that_does_not_answer_or_follows_another_is_no_resort() {
    let mut monitor = frozen_primary();
    monitor.observe(A, Ok(replica(A, B, Some(0))));
    assert_eq!(monitor.snapshot().resort, None);
    let mut monitor = frozen_primary();
    monitor.observe(A, down());
    assert_eq!(monitor.snapshot().resort, None);
}

const PROMOTION_AND_MORE: Duration = Duration::from_secs(6);
