//! Folds observations into roles and conditions.

mod leader;
mod member;
mod resort;

pub(crate) use member::Late;
use member::{Member, Standing};

use crate::backend::{BackendId, BackendSpec};
use crate::condition::{Path, Thresholds, Unfit, judge_replica};
use crate::observation::{ClusterKind, Family, Membership, Observation, ProbeFailure};
use crate::snapshot::{BackendView, Role, Snapshot};
use crate::trail::Trail;
use std::time::{Duration, Instant};

/// How the primary is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrimaryChoice {
    /// From what the probes see.
    Auto,
    /// The backend of this name, as long as it accepts writes.
    Named(String),
}

/// How the servers replicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// As they say themselves.
    #[default]
    Auto,
    /// From the primary, whatever else they are members of.
    Async,
    /// As members of a cluster of this kind; others are not used.
    Cluster(ClusterKind),
}

impl Kind {
    /// What is seen, as far as it is to count.
    fn apply(self, seen: &mut Observation) {
        match (self, &seen.membership) {
            (Self::Async, _) => seen.membership = None,
            (Self::Cluster(kind), Some(membership)) if membership.kind == kind => {}
            (Self::Cluster(kind), _) => {
                let ready = Err("it says that it is none".to_owned());
                let cluster = String::new();
                seen.membership = Some(Membership { kind, cluster, ready, leads: None, lag: None });
            }
            (Self::Auto, _) => {}
        }
    }
}

/// Something that an operator wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A replica takes no reads any more, or not yet.
    Left {
        /// Which.
        backend: BackendId,
        /// Why.
        why: Unfit,
    },
    /// A replica takes reads.
    Joined {
        /// Which.
        backend: BackendId,
    },
    /// Another server takes the writes.
    PrimaryFound {
        /// Which.
        backend: BackendId,
        /// About how many transactions it lacks that the one before was seen to have.
        lost: u64,
    },
    /// No server takes the writes.
    PrimaryLost {
        /// Which one did until now.
        backend: BackendId,
        /// Why it does no more.
        why: String,
    },
    /// Several servers accept writes and nothing tells which is the primary.
    PrimaryAmbiguous {
        /// The candidates.
        candidates: Vec<BackendId>,
    },
    /// A server has less than it was seen to have: restored from a copy, or its log was reset.
    WentBack {
        /// Which.
        backend: BackendId,
    },
    /// The primary's commits have no GTIDs: nobody can tell which replica has them.
    NoGtids {
        /// Which.
        backend: BackendId,
    },
    /// A server's clock differs from the primary's: what it says of its lag may be wrong by that.
    ClockIsOff {
        /// Which.
        backend: BackendId,
        /// By how much.
        by: Duration,
    },
    /// MySQL and MariaDB cannot serve one endpoint together.
    MixedFamilies {
        /// The one that differs.
        backend: BackendId,
    },
}

/// Whether somebody may be the primary.
#[derive(Debug)]
enum Hold {
    Off,
    /// Nobody may.
    On,
    /// Nobody may before these were looked at by probes that began after `since`.
    Until {
        since: Instant,
        unseen: Vec<BackendId>,
    },
}

/// All servers and their history. Pure: time comes in only as measured durations.
#[derive(Debug)]
pub struct Monitor {
    members: Vec<Member>,
    thresholds: Thresholds,
    choice: PrimaryChoice,
    primary: Option<BackendId>,
    /// The one before it, while there is none.
    last_primary: Option<BackendId>,
    ambiguous: bool,
    /// How the servers replicate, where the configuration says so.
    kind: Kind,
    /// Whether somebody may be the primary at all.
    hold: Hold,
    /// Where the primary was when.
    trail: Trail,
    epoch: u64,
}

impl Monitor {
    /// Knows nothing of `backends` yet: none takes a statement.
    pub fn new(backends: Vec<BackendSpec>, thresholds: Thresholds, choice: PrimaryChoice) -> Self {
        let members = backends.into_iter().map(Member::new).collect();
        Self {
            members,
            thresholds,
            choice,
            primary: None,
            last_primary: None,
            ambiguous: false,
            kind: Kind::Auto,
            hold: Hold::Off,
            trail: Trail::default(),
            epoch: 0,
        }
    }

    /// One more backend under the next number, or one that was removed under its own. It is not known yet how it is.
    pub fn put(&mut self, backend: BackendId, spec: BackendSpec) {
        let next = self.members.len();
        match self.members.get_mut(backend.index()) {
            Some(member) => *member = Member { generation: member.generation + 1, ..Member::new(spec) },
            None if backend.index() == next => self.members.push(Member::new(spec)),
            None => {}
        }
    }

    /// A backend is none of ours any more. Its number stays taken.
    pub fn remove(&mut self, backend: BackendId) -> Vec<Event> {
        if let Some(member) = self.members.get_mut(backend.index()) {
            member.standing = Standing::Removed;
        }
        if let Hold::Until { unseen, .. } = &mut self.hold {
            unseen.retain(|id| *id != backend);
        }
        let mut events = Vec::new();
        self.choose_primary(&mut events);
        events
    }

    /// A backend gets nothing new any more, or does again. The primary stays what it is until another one takes over.
    pub fn drain(&mut self, backend: BackendId, on: bool) {
        if let Some(member) = self.members.get_mut(backend.index())
            && member.is_ours()
        {
            member.standing = if on { Standing::Drained } else { Standing::Active };
        }
    }

    /// Nobody is the primary from now on: another one is about to take over.
    pub fn hold(&mut self) -> Vec<Event> {
        self.hold = Hold::On;
        let mut events = Vec::new();
        self.choose_primary(&mut events);
        events
    }

    /// Somebody may be the primary again, as soon as all were looked at by probes that began after `now`: what was seen
    /// before does not hold any more.
    pub fn release(&mut self, now: Instant) {
        self.hold = Hold::Until { since: now, unseen: self.ours().map(|(id, _)| id).collect() };
    }

    fn note_seen(&mut self, backend: BackendId, seen: Result<&Observation, &ProbeFailure>) {
        let is_out = self.member(backend).is_none_or(|member| member.silent >= self.thresholds.fall.max(1));
        if let Hold::Until { since, unseen } = &mut self.hold {
            if seen.is_ok_and(|seen| seen.begun >= *since) || is_out {
                unseen.retain(|id| *id != backend);
            }
            if unseen.is_empty() {
                self.hold = Hold::Off;
            }
        }
    }

    /// Another share of the reads.
    pub fn set_weight(&mut self, backend: BackendId, weight: u32) {
        if let Some(member) = self.members.get_mut(backend.index()) {
            member.spec.weight = weight;
        }
    }

    /// Other thresholds, and another way of finding the primary and seeing clusters, from the next observation on.
    pub fn configure(&mut self, thresholds: Thresholds, choice: PrimaryChoice, kind: Kind) {
        (self.thresholds, self.choice, self.kind) = (thresholds, choice, kind);
    }

    /// Statements fail on a backend, one after the other, at `now`. The primary is not taken out by that: there is no
    /// other.
    pub fn failing(&mut self, backend: BackendId, now: Instant) -> Vec<Event> {
        let before = self.fitness();
        let mut events = Vec::new();
        if self.primary != Some(backend)
            && let Some(member) = self.members.get_mut(backend.index())
            && member.circuit.fail(now)
        {
            self.report(backend, &before, &mut events);
        }
        events
    }

    /// Takes the result of one probe and says what changed.
    pub fn observe(&mut self, backend: BackendId, result: Result<Observation, ProbeFailure>) -> Vec<Event> {
        let mut result = result;
        if let Ok(seen) = &mut result {
            self.kind.apply(seen);
        }
        let before = self.fitness();
        let mut events = Vec::new();
        let family = self.family_beside(backend);
        let Some(member) = self.members.get_mut(backend.index()).filter(|member| member.is_ours()) else {
            return events;
        };
        match &result {
            Ok(seen) => {
                if family.is_some_and(|family| family != seen.family) {
                    member.overlooked = Duration::ZERO;
                    events.push(Event::MixedFamilies { backend });
                    return events;
                }
                if member.see(seen) {
                    events.push(Event::WentBack { backend });
                }
            }
            Err(failure) => member.fail(failure),
        }
        self.note_seen(backend, result.as_ref());
        let primary = self.primary;
        self.choose_primary(&mut events);
        if self.primary != primary {
            self.trail.clear();
        }
        if let Ok(seen) = &result {
            self.compare(backend, seen, &mut events);
        }
        let verdict = self.verdict(backend, result.as_ref().err());
        if let Some(member) = self.members.get_mut(backend.index()) {
            if let (Ok(seen), Ok(()) | Err(Unfit::Lagging { .. } | Unfit::LagUnknown)) = (&result, &verdict) {
                member.followed = Some(seen.begun);
            }
            member.judge(verdict, &self.thresholds);
            // Last of all: what could not be taken in was not looked at.
            member.overlooked = Duration::ZERO;
        }
        self.report(backend, &before, &mut events);
        events
    }

    /// Time went by: `passed` since the last call, as far as whoever calls this was at work. What was seen of a server for
    /// which nothing came in for more than `fall` times `round` does not hold any more, whoever should have looked: it
    /// counts as `fall` failed probes. `round` is the longest time from the end of a probe to that of the next. Nothing, as
    /// long as somebody looks.
    pub fn pass(&mut self, backend: BackendId, passed: Duration, round: Duration) -> Option<Vec<Event>> {
        let fall = self.thresholds.fall.max(1);
        let member = self.members.get_mut(backend.index()).filter(|member| member.is_ours())?;
        member.overlooked = member.overlooked.saturating_add(passed);
        let overlooked = member.overlooked;
        if overlooked <= round.saturating_mul(fall) {
            return None;
        }
        let failures = (member.silent..fall).len().max(1);
        let fail = |_| self.observe(backend, Err(ProbeFailure::Overlooked(overlooked)));
        Some((0..failures).flat_map(fail).collect())
    }

    fn member(&self, id: BackendId) -> Option<&Member> {
        self.members.get(id.index())
    }

    /// The backends that were not removed.
    fn ours(&self) -> impl Iterator<Item = (BackendId, &Member)> {
        (0..).map(BackendId).zip(&self.members).filter(|(_, member)| member.is_ours())
    }

    fn fitness(&self) -> Vec<bool> {
        let fitness = |(id, member): (BackendId, &Member)| member.fitness(self.primary == Some(id)).is_ok();
        (0..).map(BackendId).zip(&self.members).map(fitness).collect()
    }

    /// Compares what was seen with what is known of the primary: who lacks what, and whose clock is off.
    fn compare(&mut self, backend: BackendId, seen: &Observation, events: &mut Vec<Event>) {
        if self.primary == Some(backend) {
            self.trail.note(seen.begun, &seen.position);
        }
        let clock = self.primary.and_then(|id| self.member(id)?.seen.as_ref()).map(|primary| primary.clock);
        // The age is by the probe's clock, and the primary wrote by its own.
        let heartbeat = seen.heartbeat.zip(clock).map(|(age, clock)| age.saturating_add(clock));
        let late = Late {
            heartbeat: heartbeat.map(|age| Duration::from_micros(u64::try_from(age).unwrap_or(0))),
            at_least: match &seen.membership {
                None => self.trail.lag(seen.begun, &seen.position),
                Some(_) => Duration::ZERO,
            },
        };
        let off = clock.map_or(0, |clock| seen.clock.saturating_sub(clock));
        let Some(member) = self.members.get_mut(backend.index()) else { return };
        member.late = late;
        let is_off = off.unsigned_abs() > CLOCKS_AGREE.as_micros() as u64;
        if is_off && !member.clock_is_off {
            events.push(Event::ClockIsOff { backend, by: Duration::from_micros(off.unsigned_abs()) });
        }
        member.clock_is_off = is_off;
    }

    fn family_beside(&self, backend: BackendId) -> Option<Family> {
        let others = self.ours().filter(|(id, _)| *id != backend);
        others.filter_map(|(_, member)| member.seen.as_ref()).map(|seen| seen.family).next()
    }

    /// What the last look at a server means.
    fn verdict(&self, backend: BackendId, failure: Option<&ProbeFailure>) -> Result<(), Unfit> {
        let Some(member) = self.member(backend) else { return Err(Unfit::Removed) };
        let seen = match (failure, &member.seen) {
            (Some(failure), _) => return Err(Unfit::Probe(failure.clone())),
            (None, None) => return Err(Unfit::NotProbed),
            (None, Some(seen)) => seen,
        };
        if self.primary == Some(backend) {
            return Ok(());
        }
        if let (Some(primary), Some(ours)) = (self.primary.and_then(|id| self.member(id)), &seen.membership)
            && primary.membership().map(|theirs| &theirs.cluster) != Some(&ours.cluster)
        {
            return Err(Unfit::NotInCluster { state: "not in that of the primary".to_owned() });
        }
        let is_fenced = !seen.read_only && seen.channels.is_empty() && self.is_fenced(backend, member);
        if let (true, Some(last)) = (is_fenced, self.last_primary.and_then(|id| self.member(id))) {
            return Err(Unfit::Fenced { primary: last.spec.name.clone() });
        }
        let limit = member.condition.lag_limit(&self.thresholds);
        // Before all were seen, a source that is not known yet may well be one of ours.
        let all_known = self.ours().all(|(_, member)| member.seen.is_some());
        judge_replica(seen, limit, member.late, |source| match self.path_to_primary(source, self.members.len()) {
            Path::Unknown if !all_known => Path::Flows,
            path => path,
        })
    }

    fn report(&self, observed: BackendId, before: &[bool], events: &mut Vec<Event>) {
        for ((id, member), was_fit) in (0..).map(BackendId).zip(&self.members).zip(before) {
            let is_primary = self.primary == Some(id);
            match (was_fit, member.fitness(is_primary)) {
                (false, Ok(())) if !is_primary => events.push(Event::Joined { backend: id }),
                (true, Err(why)) => events.push(Event::Left { backend: id, why }),
                // The first bad verdict is worth a line, even though there was nothing to leave.
                (false, Err(why)) if id == observed && member.seen.is_none() && member.silent == 1 => {
                    events.push(Event::Left { backend: id, why });
                }
                _ => {}
            }
        }
    }

    /// The current view. Each call makes a new epoch.
    pub fn snapshot(&mut self) -> Snapshot {
        self.epoch += 1;
        let backends = (0..).map(BackendId).zip(&self.members).map(|(id, member)| self.view(id, member)).collect();
        Snapshot {
            epoch: self.epoch,
            backends,
            primary: self.primary,
            last_primary: self.last_primary,
            resort: self.resort(),
            replaceable: self.is_replaceable(),
            family: self.ours().find_map(|(_, member)| member.seen.as_ref()).map(|seen| seen.family),
        }
    }

    fn view(&self, id: BackendId, member: &Member) -> BackendView {
        let is_primary = self.primary == Some(id);
        let fit = match member.fitness(is_primary) {
            Ok(()) if member.spec.weight == 0 && !is_primary => Err(Unfit::WeightZero),
            other => other,
        };
        let primary = self.primary.and_then(|id| self.member(id)).and_then(|member| member.seen.as_ref());
        let position = member.seen.as_ref().map(|seen| &seen.position);
        BackendView {
            id,
            spec: member.spec.clone(),
            role: if is_primary { Role::Primary } else { Role::Replica },
            fit,
            read_only: member.silent == 0 && member.seen.as_ref().is_some_and(|seen| seen.read_only),
            share: member.spec.weight.saturating_mul(member.warmth(self.thresholds.slow_start)),
            lag: member.lag(),
            clock: member.seen.as_ref().map(|seen| seen.clock),
            after: position.zip(primary).map(|(position, primary)| position.lacks(&primary.position)),
            identity: member.identity().cloned(),
            version: member.seen.as_ref().map(|seen| seen.version.clone()),
            offer: member.seen.as_ref().map(|seen| seen.offer),
            progress: member.progress(),
        }
    }
}

/// Clocks that differ by less do not matter: lag is asked for in whole seconds.
const CLOCKS_AGREE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
