//! Folds observations into roles and conditions.
//!
//! Who is the primary: a server that accepts writes and replicates from none of ours; in a cluster, the member that leads,
//! or one of those that could write. If several do, the one that the
//! others replicate from; if that does not tell either, nobody: two writers are worse than none.

use crate::backend::{BackendId, BackendSpec};
use crate::condition::{Condition, Source, Thresholds, Unfit, judge_replica};
use crate::observation::{ClusterKind, Family, Identity, Membership, Observation, ProbeFailure};
use crate::snapshot::{BackendView, Means, Progress, Role, Snapshot};
use std::time::Duration;

/// How the primary is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrimaryChoice {
    /// From what the probes see.
    Auto,
    /// This one, as long as it accepts writes.
    Named(BackendId),
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
    /// MySQL and MariaDB cannot serve one endpoint together.
    MixedFamilies {
        /// The one that differs.
        backend: BackendId,
    },
}

#[derive(Debug)]
struct Member {
    spec: BackendSpec,
    condition: Condition,
    /// What was seen last. Kept while a server is silent: its identity and role do not change by that.
    seen: Option<Observation>,
    /// Probes in a row that failed.
    silent: u32,
    last_failure: Option<ProbeFailure>,
    rate: u64,
    generation: u32,
}

impl Member {
    /// Takes in what a probe saw, and says whether the server lost something that it had.
    fn see(&mut self, seen: &Observation) -> bool {
        let mut lost = false;
        if let Some(before) = &self.seen {
            lost = !seen.position.contains(&before.position);
            let passed = seen.begun.saturating_duration_since(before.begun).as_millis() as u64;
            let new = before.position.lacks(&seen.position);
            // The best of late: a replica that has nothing to do shows nothing of what it could do.
            self.rate = (new * 1000).checked_div(passed).unwrap_or(0).max(self.rate - self.rate / 8);
        }
        if lost || self.silent > 0 {
            self.generation += 1;
        }
        self.silent = 0;
        self.last_failure = None;
        self.seen = Some(seen.clone());
        lost
    }
}

/// All servers and their history. Pure: time comes in only as measured durations.
#[derive(Debug)]
pub struct Monitor {
    members: Vec<Member>,
    thresholds: Thresholds,
    choice: PrimaryChoice,
    primary: Option<BackendId>,
    ambiguous: bool,
    epoch: u64,
}

impl Monitor {
    /// Knows nothing of `backends` yet: none takes a statement.
    pub fn new(backends: Vec<BackendSpec>, thresholds: Thresholds, choice: PrimaryChoice) -> Self {
        let member = |spec| Member {
            spec,
            condition: Condition::Unknown,
            seen: None,
            silent: 0,
            last_failure: None,
            rate: 0,
            generation: 0,
        };
        let members = backends.into_iter().map(member).collect();
        Self { members, thresholds, choice, primary: None, ambiguous: false, epoch: 0 }
    }

    /// Takes the result of one probe and says what changed.
    pub fn observe(&mut self, backend: BackendId, result: Result<Observation, ProbeFailure>) -> Vec<Event> {
        let before: Vec<bool> = self.members.iter().map(|member| member.condition.fitness().is_ok()).collect();
        let mut events = Vec::new();
        let family = self.family_beside(backend);
        let Some(member) = self.members.get_mut(backend.index()) else { return events };
        match &result {
            Ok(seen) => {
                if family.is_some_and(|family| family != seen.family) {
                    events.push(Event::MixedFamilies { backend });
                    return events;
                }
                if member.see(seen) {
                    events.push(Event::WentBack { backend });
                }
            }
            Err(failure) => {
                member.silent += 1;
                member.last_failure = Some(failure.clone());
            }
        }
        self.choose_primary(&mut events);
        self.judge(backend, result.as_ref().err());
        self.report(backend, &before, &mut events);
        events
    }

    fn family_beside(&self, backend: BackendId) -> Option<Family> {
        let others = self.members.iter().enumerate().filter(|(index, _)| *index != backend.index());
        others.filter_map(|(_, member)| member.seen.as_ref()).map(|seen| seen.family).next()
    }

    fn judge(&mut self, backend: BackendId, failure: Option<&ProbeFailure>) {
        let is_elsewhere = match (self.primary, self.membership(backend)) {
            (Some(primary), Some(ours)) => {
                self.membership(primary).map(|theirs| &theirs.cluster) != Some(&ours.cluster)
            }
            _ => false,
        };
        let known = |member: &Member| member.seen.as_ref().map(|seen| (seen.identity.clone(), member.silent > 0));
        let identities: Vec<Option<(Identity, bool)>> = self.members.iter().map(known).collect();
        let Some(member) = self.members.get_mut(backend.index()) else { return };
        let limit = member.condition.lag_limit(&self.thresholds);
        let verdict = match (failure, &member.seen) {
            (Some(failure), _) => Err(Unfit::Probe(failure.clone())),
            (None, Some(_)) if self.primary == Some(backend) => Ok(()),
            (None, Some(_)) if is_elsewhere => {
                Err(Unfit::NotInCluster { state: "not in that of the primary".to_owned() })
            }
            (None, Some(seen)) => {
                let others = || identities.iter().enumerate().filter(|(index, _)| *index != backend.index());
                // Before all were seen, a source that is not known yet may well be one of ours.
                let all_known = others().all(|(_, identity)| identity.is_some());
                judge_replica(seen, limit, |source| {
                    let found =
                        others().find_map(|(_, known)| known.as_ref().filter(|(identity, _)| identity.is(source)));
                    match found {
                        Some((_, true)) => Source::SilentMember,
                        Some((_, false)) => Source::Member,
                        None if all_known => Source::Foreign,
                        None => Source::Member,
                    }
                })
            }
            (None, None) => Err(Unfit::NotProbed),
        };
        let condition = std::mem::replace(&mut member.condition, Condition::Unknown);
        member.condition = condition.observe(verdict, &self.thresholds);
    }

    /// Servers that could take writes: alive, writable, and replicating from none of ours.
    fn candidates(&self) -> Vec<BackendId> {
        let is_candidate = |member: &&Member| {
            let alive = member.silent < self.thresholds.fall.max(1);
            let leads = |seen: &Observation| match &seen.membership {
                Some(membership) => membership.ready.is_ok() && membership.leads != Some(false),
                None => !self.follows_a_member(seen),
            };
            alive && member.seen.as_ref().is_some_and(|seen| !seen.read_only && leads(seen))
        };
        (0..).map(BackendId).zip(&self.members).filter(|(_, member)| is_candidate(member)).map(|(id, _)| id).collect()
    }

    fn follows_a_member(&self, seen: &Observation) -> bool {
        let members = || self.members.iter().filter_map(|member| member.seen.as_ref());
        seen.channels.iter().any(|channel| {
            members().any(|other| !other.identity.is(&seen.identity) && other.identity.is(&channel.source))
        })
    }

    /// Among `candidates`, the only one that other members replicate from.
    fn followed(&self, candidates: &[BackendId]) -> Option<BackendId> {
        let identity = |id: BackendId| self.members.get(id.index())?.seen.as_ref().map(|seen| &seen.identity);
        let has_followers = |id: &BackendId| {
            identity(*id).is_some_and(|ours| {
                let channels =
                    self.members.iter().filter_map(|member| member.seen.as_ref()).flat_map(|seen| &seen.channels);
                channels.into_iter().any(|channel| channel.source.is(ours))
            })
        };
        let mut followed = candidates.iter().copied().filter(has_followers);
        followed.next().filter(|_| followed.next().is_none())
    }

    fn choose_primary(&mut self, events: &mut Vec<Event>) {
        let candidates = self.candidates();
        let chosen = match (&self.choice, candidates.as_slice()) {
            (PrimaryChoice::Named(named), candidates) => candidates.contains(named).then_some(*named),
            (PrimaryChoice::Auto, []) => None,
            (PrimaryChoice::Auto, [only]) => Some(*only).filter(|only| self.is_proven(*only)),
            (PrimaryChoice::Auto, several) if self.are_one_cluster(several) => self.writer(several),
            (PrimaryChoice::Auto, several) => self.followed(several),
        };
        let ambiguous = chosen.is_none() && candidates.len() > 1 && !self.are_one_cluster(&candidates);
        if ambiguous && !self.ambiguous {
            events.push(Event::PrimaryAmbiguous { candidates });
        }
        self.ambiguous = ambiguous;
        if chosen == self.primary {
            return;
        }
        if let (Some(lost), None) = (self.primary, chosen) {
            events.push(Event::PrimaryLost { backend: lost, why: self.why_not_primary(lost) });
        }
        if let Some(found) = chosen {
            events.push(Event::PrimaryFound { backend: found });
            let seen = self.members.get(found.index()).and_then(|member| member.seen.as_ref());
            if seen.is_some_and(|seen| !seen.gtids) {
                events.push(Event::NoGtids { backend: found });
            }
            // A server that was only a replica until now owes no probes before it may serve as the primary.
            if let Some(member) = self.members.get_mut(found.index()) {
                member.condition = Condition::Fit { bad: 0, last: None };
            }
        }
        self.primary = chosen;
    }

    fn membership(&self, id: BackendId) -> Option<&Membership> {
        self.members.get(id.index())?.seen.as_ref()?.membership.as_ref()
    }

    fn are_one_cluster(&self, several: &[BackendId]) -> bool {
        let cluster = |id: &BackendId| self.membership(*id).map(|membership| &membership.cluster);
        let first = several.first().and_then(cluster);
        first.is_some() && several.iter().all(|id| cluster(id) == first)
    }

    /// Where every member could write, one does: the one that did, else the first by configuration, once all were seen.
    fn writer(&self, several: &[BackendId]) -> Option<BackendId> {
        let current = self.primary.filter(|primary| several.contains(primary));
        current.or_else(|| several.first().copied().filter(|first| self.is_proven(*first)))
    }

    /// The only writable server is the primary unless servers that were not seen yet could be writable too.
    fn is_proven(&self, only: BackendId) -> bool {
        let all_probed = self.members.iter().all(|member| member.seen.is_some() || member.silent > 0);
        let leads = self.membership(only).is_some_and(|membership| membership.leads == Some(true));
        all_probed || leads || self.primary == Some(only) || self.followed(&[only]).is_some()
    }

    fn why_not_primary(&self, lost: BackendId) -> String {
        let Some(member) = self.members.get(lost.index()) else { return String::new() };
        match (&member.last_failure, &member.seen) {
            (Some(failure), _) => failure.to_string(),
            (None, Some(Observation { membership: Some(Membership { ready: Err(state), .. }), .. })) => {
                format!("no full member of its cluster: {state}")
            }
            (None, Some(Observation { membership: Some(Membership { leads: Some(false), .. }), .. })) => {
                "another member of its cluster leads now".to_owned()
            }
            (None, Some(seen)) if seen.read_only => "it is read-only now".to_owned(),
            (None, Some(seen)) if self.follows_a_member(seen) => "it replicates from another server now".to_owned(),
            _ => "another server accepts writes too".to_owned(),
        }
    }

    fn report(&self, observed: BackendId, before: &[bool], events: &mut Vec<Event>) {
        for ((id, member), was_fit) in (0..).map(BackendId).zip(&self.members).zip(before) {
            let fit = member.condition.fitness();
            match (was_fit, fit) {
                (false, Ok(())) if self.primary != Some(id) => events.push(Event::Joined { backend: id }),
                (true, Err(why)) => events.push(Event::Left { backend: id, why }),
                // The first bad verdict is worth a line, even though there was nothing to leave.
                (false, Err(why)) if id == observed && self.is_first_verdict(id) => {
                    events.push(Event::Left { backend: id, why });
                }
                _ => {}
            }
        }
    }

    fn is_first_verdict(&self, id: BackendId) -> bool {
        self.members.get(id.index()).is_some_and(|member| member.seen.is_none() && member.silent == 1)
    }

    /// The current view. Each call makes a new epoch.
    pub fn snapshot(&mut self) -> Snapshot {
        self.epoch += 1;
        let backends = (0..).map(BackendId).zip(&self.members).map(|(id, member)| self.view(id, member)).collect();
        Snapshot {
            epoch: self.epoch,
            backends,
            primary: self.primary,
            family: self.members.iter().find_map(|member| member.seen.as_ref()).map(|seen| seen.family),
        }
    }

    fn view(&self, id: BackendId, member: &Member) -> BackendView {
        let is_primary = self.primary == Some(id);
        let lag = |seen: &Observation| -> Option<Duration> {
            if let Some(membership) = &seen.membership {
                return membership.lag;
            }
            seen.channels.iter().map(|channel| channel.lag.map(|lag| lag.max(channel.delay))).max().flatten()
        };
        let fit = match member.condition.fitness() {
            Ok(()) if member.spec.weight == 0 && !is_primary => Err(Unfit::WeightZero),
            other => other,
        };
        BackendView {
            id,
            spec: member.spec.clone(),
            role: if is_primary { Role::Primary } else { Role::Replica },
            fit,
            lag: member.seen.as_ref().and_then(lag),
            version: member.seen.as_ref().map(|seen| seen.version.clone()),
            offer: member.seen.as_ref().map(|seen| seen.offer),
            progress: progress(member),
        }
    }
}

fn progress(member: &Member) -> Progress {
    let Some(seen) = &member.seen else { return Progress::default() };
    Progress {
        position: seen.position.clone(),
        seen: Some(seen.begun),
        means: match &seen.membership {
            Some(Membership { kind: ClusterKind::Galera, .. }) => Means::Sync,
            _ => Means::Position,
        },
        gtids: seen.gtids,
        in_order: seen.in_order && seen.channels.len() <= 1,
        rate: member.rate,
        generation: member.generation,
    }
}

#[cfg(test)]
mod tests;
