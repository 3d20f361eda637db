//! Galera clusters and groups: members decide who is one of them, and who writes.

use super::*;

fn galera(id: BackendId, ready: Result<(), String>) -> Observation {
    let kind = ClusterKind::Galera;
    let membership = Membership { kind, cluster: "c".into(), ready, leads: None, lag: Some(Duration::ZERO) };
    Observation { membership: Some(membership), ..writable(id) }
}

fn member(id: BackendId, leads: bool, lag: u64) -> Observation {
    let kind = ClusterKind::GroupReplication;
    let lag = Some(Duration::from_secs(lag));
    let membership = Membership { kind, cluster: "g".into(), ready: Ok(()), leads: Some(leads), lag };
    Observation { membership: Some(membership), read_only: !leads, ..writable(id) }
}

#[test]
fn one_member_of_a_galera_cluster_writes_until_it_leaves() {
    let mut monitor = monitor(PrimaryChoice::Auto);
    monitor.observe(B, Ok(galera(B, Ok(()))));
    monitor.observe(C, Ok(galera(C, Ok(()))));
    assert_eq!(monitor.snapshot().primary, None, "the third may be another one's choice");
    monitor.observe(A, down());
    assert_eq!(monitor.snapshot().primary, Some(B), "the first that could");
    monitor.observe(A, Ok(galera(A, Ok(()))));
    monitor.observe(A, Ok(galera(A, Ok(()))));
    assert_eq!(monitor.snapshot().primary, Some(B), "no change without need");
    assert_eq!(replicas(&mut monitor), [A, C]);
    let events = monitor.observe(B, Ok(galera(B, Err("Donor/Desynced".into()))));
    assert!(events.contains(&Event::PrimaryFound { backend: A, lost: 0 }), "{events:?}");
    monitor.observe(B, Ok(galera(B, Err("Donor/Desynced".into()))));
    assert_eq!(replicas(&mut monitor), [C], "what is no full member serves no reads");
}

#[test]
fn a_kind_that_is_configured_counts_alone() {
    let mut monitor = running();
    let cluster = Kind::Cluster(ClusterKind::Galera);
    monitor.configure(thresholds(), PrimaryChoice::Auto, cluster);
    monitor.observe(A, Ok(writable(A)));
    assert_eq!(monitor.snapshot().primary, None, "it is no member");
    monitor.observe(B, Ok(galera(B, Ok(()))));
    assert_eq!(monitor.snapshot().primary, Some(B));
    monitor.configure(thresholds(), PrimaryChoice::Auto, Kind::Async);
    monitor.observe(B, Ok(Observation { read_only: true, ..galera(B, Ok(())) }));
    monitor.observe(A, Ok(writable(A)));
    assert_eq!(monitor.snapshot().primary, Some(A), "it has followed nobody, and nobody wrote elsewhere");
}

#[test]
fn members_of_two_clusters_are_no_cluster() {
    let of = |id, cluster: &str| {
        let mut seen = galera(id, Ok(()));
        seen.membership.as_mut().unwrap().cluster = cluster.into();
        Ok(seen)
    };
    let mut apart = monitor(PrimaryChoice::Auto);
    apart.observe(A, of(A, "one"));
    let events = apart.observe(B, of(B, "other"));
    assert!(events.iter().any(|event| matches!(event, Event::PrimaryAmbiguous { .. })), "{events:?}");
    let mut named = monitor(PrimaryChoice::Named("a".into()));
    for (id, cluster) in [(A, "one"), (B, "other"), (C, "one")] {
        named.observe(id, of(id, cluster));
    }
    assert_eq!((named.snapshot().primary, replicas(&mut named)), (Some(A), vec![C]));
}

#[test]
fn the_primary_of_a_group_is_the_one_that_leads() {
    let mut monitor = monitor(PrimaryChoice::Auto);
    monitor.observe(B, Ok(member(B, true, 0)));
    assert_eq!(monitor.snapshot().primary, Some(B));
    monitor.observe(A, Ok(member(A, false, 0)));
    monitor.observe(C, Ok(member(C, false, 9)));
    assert_eq!(replicas(&mut monitor), [A], "late members serve no reads");
    // A switchover, seen on one member first.
    monitor.observe(A, Ok(member(A, true, 0)));
    assert_eq!(monitor.snapshot().primary, Some(B), "never two");
    monitor.observe(B, Ok(member(B, false, 0)));
    assert_eq!(monitor.snapshot().primary, Some(A));
}
