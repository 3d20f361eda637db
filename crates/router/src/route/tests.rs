use super::*;
use crate::lexer::LexMode;
use crate::rules::Matcher;
use crate::statements::Statements;
use splitfin_topology::{BackendSpec, Family, Role, Unfit};

const MASTER: BackendId = BackendId(0);
const SLAVE_1: BackendId = BackendId(1);
const SLAVE_2: BackendId = BackendId(2);

fn snapshot() -> Snapshot {
    let view = |id: u16, name: &str, role, lag: Option<u64>| BackendView {
        id: BackendId(id),
        spec: BackendSpec { name: name.into(), address: format!("{name}:3306"), weight: 1 },
        role,
        fit: Ok(()),
        read_only: false,
        share: 100,
        after: None,
        clock: None,
        identity: None,
        lag: lag.map(Duration::from_millis),
        version: None,
        offer: None,
        progress: Default::default(),
    };
    Snapshot {
        last_primary: None,
        resort: None,
        replaceable: true,
        epoch: 7,
        backends: vec![
            view(0, "master", Role::Primary, None),
            view(1, "slave-1", Role::Replica, Some(0)),
            view(2, "slave-2", Role::Replica, Some(900)),
        ],
        primary: Some(MASTER),
        family: Some(Family::Mariadb),
    }
}

fn facts() -> Facts<'static> {
    Facts { database: Some("shop"), sample: 50, ..Facts::fresh("app") }
}

fn decide(sql: &str, facts: Facts<'_>, snapshot: &Snapshot, settings: &Settings) -> Result<Decision, Refusal> {
    let mut statements = Statements::new(1 << 16);
    let lookup = statements.look_up(sql.as_bytes(), LexMode::default());
    let hint = lookup.hint.map(|text| Hint::parse(text).0);
    route(&facts, &lookup.statement, hint.as_ref(), snapshot, settings)
}

fn to(sql: &str) -> (Vec<u16>, &'static str) {
    to_with(sql, facts(), &snapshot(), &Settings::default())
}

fn to_with(sql: &str, facts: Facts<'_>, snapshot: &Snapshot, settings: &Settings) -> (Vec<u16>, &'static str) {
    let decision = decide(sql, facts, snapshot, settings).unwrap();
    (decision.eligible.iter().map(|id| id.0).collect(), decision.reason.label())
}

#[test]
fn reads_go_to_the_replicas_and_writes_to_the_primary() {
    assert_eq!(to("SELECT * FROM t"), (vec![1, 2], "read"));
    assert_eq!(to("UPDATE t SET a = 1"), (vec![0], "changes_data"));
    assert_eq!(to("SELECT * FROM t FOR UPDATE"), (vec![0], "locks_rows"));
    assert_eq!(to("BEGIN"), (vec![0], "transaction"));
    assert_eq!(to("START TRANSACTION READ ONLY"), (vec![1, 2], "read_only_transaction"));
    assert_eq!(to("SET NAMES utf8mb4"), (vec![0], "session"));
}

#[test]
fn what_opens_a_transaction_stays_on_the_primary() {
    let off = Facts { autocommit: false, ..facts() };
    assert_eq!(to_with("SELECT 1", off, &snapshot(), &Settings::default()), (vec![0], "autocommit_off"));
    let serializable = Facts { serializable: true, ..facts() };
    assert_eq!(to_with("SELECT 1", serializable, &snapshot(), &Settings::default()), (vec![0], "serializable"));
}

#[test]
fn hints_choose_among_what_is_allowed() {
    assert_eq!(to("/* splitfin: primary */ SELECT 1"), (vec![0], "hint"));
    assert_eq!(to("/* splitfin: backend=slave-2 */ SELECT 1"), (vec![2], "hint"));
    assert_eq!(to("/* splitfin: max_lag=250ms */ SELECT 1"), (vec![1], "read"));
    assert_eq!(to("/* splitfin: max_lag=250ms */ SELECT 1").1, "read");
    assert_eq!(to("/* splitfin: backend=gone */ SELECT 1"), (vec![1, 2], "read"));
}

#[test]
fn a_hint_never_sends_a_write_to_a_replica() {
    for hint in ["replica", "slave", "backend=slave-1", "max_lag=9s"] {
        assert_eq!(to(&format!("/* splitfin: {hint} */ DELETE FROM t")).0, [0], "{hint}");
        assert_eq!(to(&format!("/* splitfin: {hint} */ SELECT f(1)")).0, [0], "{hint}");
    }
}

#[test]
fn no_rule_sends_a_write_to_a_replica() {
    let rule = |action| Settings {
        rules: vec![Rule { matcher: Matcher::default(), action: Some(action), scope: None, note: "test".into() }],
        ..Settings::default()
    };
    for action in [Action::Replicas, Action::Backend("slave-1".into())] {
        assert_eq!(to_with("DELETE FROM t", facts(), &snapshot(), &rule(action)).0, [0]);
    }
    assert_eq!(to_with("SELECT 1", facts(), &snapshot(), &rule(Action::Primary)), (vec![0], "rule"));
    assert!(matches!(
        decide("SELECT 1", facts(), &snapshot(), &rule(Action::Reject)),
        Err(Refusal::Rejected(note)) if note == "test"
    ));
}

#[test]
fn without_a_fit_replica_reads_go_to_the_primary() {
    let mut snapshot = snapshot();
    for id in [SLAVE_1, SLAVE_2] {
        snapshot.backends[id.index()].fit = Err(Unfit::LagUnknown);
    }
    assert_eq!(to_with("SELECT 1", facts(), &snapshot, &Settings::default()), (vec![0], "no_fit_replica"));
}

#[test]
fn without_a_primary_reads_and_session_state_go_on() {
    let mut snapshot = snapshot();
    snapshot.primary = None;
    snapshot.backends[0].fit = Err(Unfit::NotProbed);
    let settings = Settings::default();
    assert_eq!(to_with("SELECT 1", facts(), &snapshot, &settings).0, [1, 2]);
    assert_eq!(to_with("SET NAMES utf8", facts(), &snapshot, &settings).0, [1, 2]);
    assert!(matches!(decide("DELETE FROM t", facts(), &snapshot, &settings), Err(Refusal::NoPrimary(_))));
}

#[test]
fn observe_and_ramp_keep_reads_on_the_primary() {
    let settings = |mode| Settings { mode, ..Settings::default() };
    assert_eq!(to_with("SELECT 1", facts(), &snapshot(), &settings(Mode::Observe)), (vec![0], "observe"));
    assert_eq!(to_with("SELECT 1", facts(), &snapshot(), &settings(Mode::Ramp(50))), (vec![0], "ramp"));
    assert_eq!(to_with("SELECT 1", facts(), &snapshot(), &settings(Mode::Ramp(51))).0, [1, 2]);
}

#[test]
fn the_scope_is_that_of_the_first_rule_that_names_one() {
    let rule = |user: &str, action, scope| Rule {
        matcher: Matcher { user: Some(user.into()), ..Matcher::default() },
        action,
        scope,
        note: "test".into(),
    };
    let settings = Settings {
        rules: vec![
            rule("app", Some(Action::Replicas), None),
            rule("app", None, Some(Scope::User)),
            rule("app", Some(Action::Primary), Some(Scope::Off)),
        ],
        ..Settings::default()
    };
    let decision = decide("SELECT 1", facts(), &snapshot(), &settings).unwrap();
    assert_eq!((decision.scope, decision.reason.label(), decision.eligible.len()), (Scope::User, "rule", 2));
    let other = decide("SELECT 1", Facts::fresh("other"), &snapshot(), &settings).unwrap();
    assert_eq!(other.scope, Scope::Session);
    assert!(settings.uses(Scope::User) && settings.uses(Scope::Session) && !settings.uses(Scope::Global));
}
