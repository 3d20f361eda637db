//! `splitfin route`: what would be done with a statement, without doing it.

use crate::config::Config;
use splitfin_router::{Access, Class, Facts, Hint, LexMode, Scope, Statements, route};
use splitfin_topology::{BackendId, BackendView, PrimaryChoice, Role, Snapshot};
use std::fmt::Write as _;

/// Says what a statement is, where it would go on healthy servers, and why.
pub fn explain(config: &Config, sql: &str) -> String {
    let snapshot = assumed(config);
    let mut statements = Statements::new(1 << 16);
    let lookup = statements.look_up(sql.as_bytes(), LexMode::default());
    let statement = &lookup.statement;
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<10} {value}");
    };
    line("statement", statement.shown().to_owned());
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
    let (hint, errors) = lookup.hint.map(Hint::parse).unwrap_or_default();
    if let Some(error) = errors {
        line("hint", format!("in part ignored: {error}"));
    }
    let hint = lookup.hint.is_some().then_some(hint);
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
            if decision.access == Access::ReadOnly && statement.class == Class::Read {
                line("sees", sees(decision.scope, hint.as_ref()));
            }
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

/// What a replica must have to serve it.
fn sees(scope: Scope, hint: Option<&Hint>) -> String {
    let writes = match scope {
        Scope::Session => "what its session wrote and read before",
        Scope::User => "what all sessions of its account wrote, and what its session read before",
        Scope::Global => "what everybody wrote, and what its session read before",
        Scope::Off => "nothing in particular",
    };
    match hint.map(|hint| &hint.after).filter(|after| !after.is_empty()) {
        Some(after) => format!("{writes}; and {after}"),
        None => writes.to_owned(),
    }
}

fn assumed(config: &Config) -> Snapshot {
    let is_named = |backend: &crate::config::Backend| match &config.primary {
        PrimaryChoice::Named(name) => backend.spec.name == *name,
        PrimaryChoice::Auto => true,
    };
    let primary = BackendId(config.backends.iter().position(is_named).unwrap_or(0) as u16);
    let view = |(at, backend): (usize, &crate::config::Backend)| {
        let (id, spec) = (BackendId(at as u16), &backend.spec);
        BackendView {
            id,
            spec: spec.clone(),
            role: if id == primary { Role::Primary } else { Role::Replica },
            fit: if spec.weight == 0 && id != primary { Err(splitfin_topology::Unfit::WeightZero) } else { Ok(()) },
            read_only: false,
            share: 100,
            after: None,
            clock: None,
            identity: None,
            lag: Some(std::time::Duration::ZERO),
            version: None,
            offer: None,
            progress: Default::default(),
        }
    };
    let backends = config.backends.iter().enumerate().map(view).collect();
    Snapshot {
        epoch: 0,
        backends,
        primary: Some(primary),
        last_primary: None,
        resort: None,
        replaceable: true,
        family: None,
    }
}
