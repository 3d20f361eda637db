//! From a statement, a session's facts and a snapshot to who may serve it, and why.

use crate::facts::Facts;
use crate::hint::Hint;
use crate::reason::Reason;
use crate::rules::{Action, Rule, Scope};
use crate::statement::{Class, Statement};
use smallvec::{SmallVec, smallvec};
use splitfin_topology::{BackendId, BackendView, Snapshot};
use std::time::Duration;
use thiserror::Error;

/// How a backend is used for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// On a connection that refuses writes, if the backend is a replica.
    ReadOnly,
    /// On the primary, as the session is.
    ReadWrite,
}

/// Who may serve a statement, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Backends that may serve it. Who does is decided by load.
    pub eligible: SmallVec<[BackendId; 8]>,
    /// How they are used.
    pub access: Access,
    /// Why.
    pub reason: Reason,
    /// Whose writes a replica must have to serve it.
    pub scope: Scope,
}

/// Why nobody may serve a statement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There is no primary. It may come back or be replaced within the time that writes are held.
    #[error("no primary: {0}")]
    NoPrimary(String),
    /// A rule says so.
    #[error("rejected by a rule: {0}")]
    Rejected(String),
}

/// `routing.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Reads go to replicas.
    #[default]
    Split,
    /// Everything goes to the primary; reasons say where it would have gone.
    Observe,
    /// This share of the reads goes to replicas, in percent.
    Ramp(u8),
}

/// What the configuration says of routing.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether and how many reads go to replicas.
    pub mode: Mode,
    /// Rules, the first that matches decides.
    pub rules: Vec<Rule>,
    /// Whose writes reads see, unless a rule says otherwise.
    pub scope: Scope,
}

impl Settings {
    /// Whether anybody's reads see anybody's writes.
    pub fn is_consistent(&self) -> bool {
        [Scope::Session, Scope::User, Scope::Global].into_iter().any(|scope| self.uses(scope))
    }

    /// Whether anybody's reads see the writes of `scope`.
    pub fn uses(&self, scope: Scope) -> bool {
        self.scope == scope || self.rules.iter().any(|rule| rule.scope == Some(scope))
    }
}

/// Decides for a session that holds no connection; one that does stays on it.
///
/// Whether the eligible replicas have what the session must see is not decided here: that takes what it has written and
/// read so far.
///
/// Precedence: hint, then rule, then what was learned and the class. No hint and no rule sends to a replica what is
/// not a proven read.
pub fn route(
    facts: &Facts<'_>,
    statement: &Statement,
    hint: Option<&Hint>,
    snapshot: &Snapshot,
    settings: &Settings,
) -> Result<Decision, Refusal> {
    let router = Router { facts, hint, snapshot, settings };
    let rule = router.rule(statement, |rule| rule.action.is_some());
    let scope = router.rule(statement, |rule| rule.scope.is_some()).and_then(|rule| rule.scope);
    match rule {
        Some(Rule { action: Some(Action::Reject), note, .. }) => Err(Refusal::Rejected(note.to_string())),
        rule => {
            let mut decision = router.decide(statement, rule)?;
            decision.scope = scope.unwrap_or(settings.scope);
            Ok(decision)
        }
    }
}

struct Router<'a> {
    facts: &'a Facts<'a>,
    hint: Option<&'a Hint>,
    snapshot: &'a Snapshot,
    settings: &'a Settings,
}

impl<'a> Router<'a> {
    /// The first rule that matches, of those that `speaks` holds for.
    fn rule(&self, statement: &Statement, speaks: impl Fn(&Rule) -> bool) -> Option<&'a Rule> {
        self.settings.rules.iter().find(|rule| speaks(rule) && rule.matcher.matches(statement, self.facts))
    }

    fn decide(&self, statement: &Statement, rule: Option<&Rule>) -> Result<Decision, Refusal> {
        match statement.class {
            Class::Read => self.read(rule),
            Class::Begin { .. } if self.asks_for_primary(rule) => self.primary(Reason::Transaction),
            Class::Begin { read_only } if read_only.unwrap_or(self.facts.read_only) && self.may_split() => {
                let decision = self.replicas(Reason::ReadOnlyTransaction, self.limit());
                refuse_empty(decision.unwrap_or_else(|| self.any(Reason::NoFitReplica)))
            }
            Class::Begin { .. } => self.primary(Reason::Transaction),
            Class::Write(because) => self.primary(Reason::Write(because)),
            Class::Diagnostics => self.primary(Reason::Diagnostics),
            // What would hold or unguard a replica's connection waits for a primary.
            Class::Session if !(statement.leaves.is_empty() && statement.asks.is_empty()) => {
                self.primary(Reason::Session)
            }
            Class::Session => refuse_empty(self.any(Reason::Session)),
            Class::Kill | Class::Own(_) => self.primary(Reason::Own),
        }
    }

    fn read(&self, rule: Option<&Rule>) -> Result<Decision, Refusal> {
        if !self.facts.autocommit {
            return self.primary(Reason::AutocommitOff);
        }
        if self.facts.serializable {
            return self.primary(Reason::Serializable);
        }
        if let Some(hint) = self.hint {
            if hint.primary {
                return self.primary(Reason::Hint);
            }
            if let Some(named) = hint.backend.as_deref().and_then(|name| self.usable(name)) {
                return Ok(self.decision(smallvec![named.id], Access::ReadOnly, Reason::Hint));
            }
            if hint.replica {
                return self.on_replicas(Reason::Hint);
            }
        }
        match rule.map(|rule| (&rule.action, &rule.note)) {
            Some((Some(Action::Primary), note)) => return self.primary(Reason::Rule(note.clone())),
            Some((Some(Action::Replicas), note)) => return self.on_replicas(Reason::Rule(note.clone())),
            Some((Some(Action::Backend(name)), note)) => {
                if let Some(named) = self.usable(name) {
                    return Ok(self.decision(smallvec![named.id], Access::ReadOnly, Reason::Rule(note.clone())));
                }
            }
            Some((Some(Action::Reject) | None, _)) | None => {}
        }
        match self.settings.mode {
            Mode::Split => self.on_replicas(Reason::Read),
            Mode::Observe => self.primary(Reason::Observe),
            Mode::Ramp(percent) if self.facts.sample % 100 >= u64::from(percent) => self.primary(Reason::Ramp),
            Mode::Ramp(_) => self.on_replicas(Reason::Read),
        }
    }

    fn asks_for_primary(&self, rule: Option<&Rule>) -> bool {
        self.hint.is_some_and(|hint| hint.primary) || rule.is_some_and(|rule| rule.action == Some(Action::Primary))
    }

    fn may_split(&self) -> bool {
        match self.settings.mode {
            Mode::Split => true,
            Mode::Observe => false,
            Mode::Ramp(percent) => self.facts.sample % 100 < u64::from(percent),
        }
    }

    fn limit(&self) -> Option<Duration> {
        self.hint.and_then(|hint| hint.max_lag).map(|limit| limit.0)
    }

    fn usable(&self, name: &str) -> Option<&'a BackendView> {
        self.snapshot.by_name(name).filter(|view| view.fit.is_ok())
    }

    fn on_replicas(&self, reason: Reason) -> Result<Decision, Refusal> {
        match self.replicas(reason, self.limit()) {
            Some(decision) => Ok(decision),
            None if self.snapshot.primary.is_none() => {
                refuse_empty(self.any(Reason::NoFitReplica)).map_err(|_| Refusal::NoPrimary(self.why_no_primary()))
            }
            None => self.primary(Reason::NoFitReplica),
        }
    }

    fn replicas(&self, reason: Reason, limit: Option<Duration>) -> Option<Decision> {
        let in_time = |view: &&BackendView| limit.is_none_or(|limit| view.lag.is_some_and(|lag| lag <= limit));
        let eligible: SmallVec<_> = self.snapshot.fit_replicas().filter(in_time).map(|view| view.id).collect();
        (!eligible.is_empty()).then(|| self.decision(eligible, Access::ReadOnly, reason))
    }

    fn primary(&self, reason: Reason) -> Result<Decision, Refusal> {
        let primary = self.snapshot.writer().ok_or_else(|| Refusal::NoPrimary(self.why_no_primary()))?;
        Ok(self.decision(smallvec![primary], Access::ReadWrite, reason))
    }

    /// The primary, or any fit replica where there is none, or the read-only server that was the primary.
    fn any(&self, reason: Reason) -> Decision {
        match self.snapshot.primary {
            Some(primary) => self.decision(smallvec![primary], Access::ReadWrite, reason),
            None => {
                let mut eligible: SmallVec<_> = self.snapshot.fit_replicas().map(|view| view.id).collect();
                if eligible.is_empty() {
                    eligible.extend(self.snapshot.resort);
                }
                self.decision(eligible, Access::ReadOnly, reason)
            }
        }
    }

    fn why_no_primary(&self) -> String {
        let said = |view: &BackendView| match &view.fit {
            Ok(()) => format!("{} is a replica", view.spec.name),
            Err(why) => format!("{}: {why}", view.spec.name),
        };
        self.snapshot.ours().map(said).collect::<Vec<_>>().join("; ")
    }

    fn decision(&self, eligible: SmallVec<[BackendId; 8]>, access: Access, reason: Reason) -> Decision {
        Decision { eligible, access, reason, scope: Scope::default() }
    }
}

fn refuse_empty(decision: Decision) -> Result<Decision, Refusal> {
    match decision.eligible.is_empty() {
        true => Err(Refusal::NoPrimary("no backend is fit".to_owned())),
        false => Ok(decision),
    }
}

impl Decision {
    /// On the primary, for a reason that the router does not know.
    pub fn on_primary(snapshot: &Snapshot, reason: Reason) -> Option<Self> {
        snapshot.writer().map(|primary| Self {
            eligible: smallvec![primary],
            access: Access::ReadWrite,
            reason,
            scope: Scope::default(),
        })
    }
}

#[cfg(test)]
mod tests;
