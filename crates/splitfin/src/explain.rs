//! `splitfin route`: what would be done with a statement, without doing it.

use crate::config::Config;
use splitfin_router::{Access, Class, Facts, Hint, LexMode, Statements, route};
use splitfin_topology::{BackendView, Role, Snapshot};
use std::fmt::Write as _;

/// Says what a statement is, where it would go on healthy servers, and why.
pub fn explain(config: &Config, sql: &str) -> String {
    let snapshot = assumed(config);
    let mut statements = Statements::new(1);
    let lookup = statements.look_up(sql.as_bytes(), LexMode::default());
    let statement = &lookup.statement;
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<10} {value}");
    };
    line("statement", statement.text.to_string());
    line("digest", statement.digest.to_string());
    line(
        "class",
        match statement.class {
            Class::Read => "read".to_owned(),
            Class::Write(because) => format!("write: {because}"),
            Class::Session => "session state".to_owned(),
            Class::Begin { read_only: Some(true) } => "start of a READ ONLY transaction".to_owned(),
            Class::Begin { .. } => "start of a transaction".to_owned(),
            Class::Diagnostics => "asks for what the statement before it left behind".to_owned(),
            Class::Kill => "ends another connection's work".to_owned(),
            Class::Own(_) => "answered by Splitfin".to_owned(),
        },
    );
    let hint = match lookup.hint.map(Hint::parse) {
        Some(Err(error)) => {
            line("hint", format!("ignored: {error}"));
            None
        }
        other => other.and_then(Result::ok),
    };
    let facts = Facts::fresh("");
    match route(&facts, statement, hint.as_ref(), &snapshot, &config.routing) {
        Ok(decision) => {
            line("reason", format!("{} ({})", decision.reason.label(), decision.reason));
            line(
                "access",
                match decision.access {
                    Access::ReadOnly => "on a connection that refuses writes".to_owned(),
                    Access::ReadWrite => "on the primary".to_owned(),
                },
            );
            for view in &snapshot.backends {
                let verdict = if decision.eligible.contains(&view.id) { "may serve it" } else { "not asked" };
                line(&view.spec.name, verdict.to_owned());
            }
        }
        Err(refusal) => line("refused", refusal.to_string()),
    }
    line(
        "assumed",
        "all servers healthy, autocommit on, no transaction, the first or named backend is the primary".to_owned(),
    );
    out
}

fn assumed(config: &Config) -> Snapshot {
    let primary = match config.primary {
        splitfin_topology::PrimaryChoice::Named(id) => id,
        splitfin_topology::PrimaryChoice::Auto => splitfin_topology::BackendId(0),
    };
    let view = |(at, spec): (usize, &splitfin_topology::BackendSpec)| {
        let id = splitfin_topology::BackendId(at as u16);
        BackendView {
            id,
            spec: spec.clone(),
            role: if id == primary { Role::Primary } else { Role::Replica },
            fit: if spec.weight == 0 && id != primary { Err(splitfin_topology::Unfit::WeightZero) } else { Ok(()) },
            lag: Some(std::time::Duration::ZERO),
            version: None,
            position: String::new(),
        }
    };
    let backends = config.backends.iter().enumerate().map(view).collect();
    Snapshot { epoch: 0, backends, primary: Some(primary), family: None }
}
