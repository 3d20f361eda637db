//! Who is the primary.
//!
//! A server that accepts writes and replicates from none of ours is a candidate; in a cluster, the member that leads, or
//! one of those that could write. The one that is the primary stays it as long as it is a candidate and the others only
//! have less or more than it. On the first look, of several candidates the one counts that has all that the others
//! have, and of several such the one that the others replicate from. Servers that went separate ways are a person's to
//! sort out, if their replicas do not tell: two writers are worse than none.
//!
//! A server that never followed the last primary is *fenced*: a primary of the past comes back as it was, writable, and
//! nobody must write there. The fence falls when it follows, or when the last primary is there, takes no writes, and has
//! nothing that it lacks. An operator who knows better names the primary in the configuration.

use super::member::{Member, Standing};
use super::{Event, Hold, Monitor, PrimaryChoice};
use crate::backend::BackendId;
use crate::condition::{Condition, Path};
use crate::gtid::History;
use crate::observation::{Identity, Membership, Observation};

enum Choice {
    Nobody,
    One(BackendId),
    /// Several, and nothing tells.
    Ambiguous(Vec<BackendId>),
}

impl Monitor {
    pub(super) fn choose_primary(&mut self, events: &mut Vec<Event>) {
        self.note_followers();
        let choice = self.choice();
        if let Choice::Ambiguous(candidates) = &choice
            && !self.ambiguous
        {
            events.push(Event::PrimaryAmbiguous { candidates: candidates.clone() });
        }
        self.ambiguous = matches!(choice, Choice::Ambiguous(_));
        let chosen = match choice {
            Choice::One(id) => Some(id),
            Choice::Nobody | Choice::Ambiguous(_) => None,
        };
        if chosen == self.primary {
            return;
        }
        if let (Some(lost), None) = (self.primary, chosen) {
            events.push(Event::PrimaryLost { backend: lost, why: self.why_not_primary(lost) });
        }
        self.primary = chosen;
        if let Some(found) = chosen {
            self.succeed(found, events);
        }
    }

    /// Another server takes the writes from now on.
    fn succeed(&mut self, found: BackendId, events: &mut Vec<Event>) {
        let before = self.last_primary.replace(found).filter(|before| *before != found);
        let position =
            |id: BackendId| self.member(id).and_then(|member| member.seen.as_ref()).map(|seen| &seen.position);
        let lost = match (position(found), before.and_then(position)) {
            (Some(ours), Some(theirs)) => ours.lacks(theirs),
            _ => 0,
        };
        events.push(Event::PrimaryFound { backend: found, lost });
        if self.member(found).and_then(|member| member.seen.as_ref()).is_some_and(|seen| !seen.gtids) {
            events.push(Event::NoGtids { backend: found });
        }
        if before.is_some() {
            self.members.iter_mut().for_each(|member| member.has_followed = false);
        }
        self.note_followers();
        // A server that was only a replica until now owes no probes before it may serve as the primary.
        if let Some(member) = self.members.get_mut(found.index()) {
            member.led_from = member.seen.as_ref().map(|seen| seen.position.clone()).unwrap_or_default();
            member.condition = Condition::Fit { bad: 0, last: None };
            member.verdict = Ok(());
        }
    }

    /// Notes who follows the primary, by itself or over others.
    fn note_followers(&mut self) {
        let follows = |member: &Member| {
            let mut sources = member.seen.iter().flat_map(|seen| &seen.channels).map(|channel| &channel.source);
            let leads_there = |source| {
                matches!(
                    self.path_to_primary(source, self.members.len()),
                    Path::Flows | Path::Silent | Path::Blocked(_)
                )
            };
            self.last_primary.is_some() && sources.any(leads_there)
        };
        let follow: Vec<bool> = self.members.iter().map(follows).collect();
        for (member, follows) in self.members.iter_mut().zip(follow) {
            member.has_followed |= follows;
        }
    }

    /// Whether a server may lack what clients wrote to the last primary: it never followed that one, so it is a primary
    /// of the past, or was never part of this.
    pub(super) fn is_fenced(&self, id: BackendId, member: &Member) -> bool {
        let Some(last) = self.last_primary.filter(|last| *last != id).and_then(|last| self.member(last)) else {
            return false;
        };
        // What the last primary has is certain only while nobody can write there.
        let is_frozen = last.silent == 0
            && *last.history() != History::Unknown
            && last.seen.as_ref().is_some_and(|seen| seen.read_only);
        let has_all = is_frozen && member.silent == 0 && member.history().contains(last.history());
        member.membership().is_none() && !member.has_followed && !has_all && !is_itself(last, member)
    }

    fn choice(&self) -> Choice {
        if !matches!(self.hold, Hold::Off) {
            return Choice::Nobody;
        }
        let candidates = self.candidates();
        match (&self.choice, candidates.as_slice()) {
            (PrimaryChoice::Named(name), candidates) => {
                let is_named = |id: &&BackendId| self.member(**id).is_some_and(|member| member.spec.name == *name);
                candidates.iter().find(is_named).map_or(Choice::Nobody, |id| Choice::One(*id))
            }
            (PrimaryChoice::Auto, []) => Choice::Nobody,
            (PrimaryChoice::Auto, [only]) if self.is_proven(*only) => Choice::One(*only),
            (PrimaryChoice::Auto, [_]) => Choice::Nobody,
            (PrimaryChoice::Auto, several) if self.are_one_cluster(several) => {
                self.writer(several).map_or(Choice::Nobody, Choice::One)
            }
            (PrimaryChoice::Auto, several) => self.among(several),
        }
    }

    /// Servers that could take writes: alive, writable, and replicating from none of ours.
    fn candidates(&self) -> Vec<BackendId> {
        let is_named =
            |member: &Member| matches!(&self.choice, PrimaryChoice::Named(name) if *name == member.spec.name);
        let is_candidate = |id: BackendId, member: &Member| {
            let alive = member.silent < self.thresholds.fall.max(1);
            let wanted = member.standing == Standing::Active || (member.is_ours() && self.primary == Some(id));
            let leads = |seen: &Observation| match &seen.membership {
                Some(membership) => membership.ready.is_ok() && membership.leads != Some(false),
                None => self.is_a_source(seen) && (is_named(member) || !self.is_fenced(id, member)),
            };
            alive && wanted && member.seen.as_ref().is_some_and(|seen| !seen.read_only && leads(seen))
        };
        self.ours().filter(|(id, member)| is_candidate(*id, member)).map(|(id, _)| id).collect()
    }

    /// Whether a server replicates from none of ours, as far as that is known: one that replicates from somebody may
    /// well do so from one of ours that was not seen yet.
    pub(super) fn is_a_source(&self, seen: &Observation) -> bool {
        let all_known = self.ours().all(|(_, member)| member.seen.is_some());
        seen.channels.is_empty() || (all_known && !self.follows_a_member(seen))
    }

    pub(super) fn follows_a_member(&self, seen: &Observation) -> bool {
        let identities = || self.ours().filter_map(|(_, member)| member.identity());
        seen.channels
            .iter()
            .any(|channel| identities().any(|other| !other.is(&seen.identity) && other.is(&channel.source)))
    }

    /// Several servers accept writes.
    fn among(&self, several: &[BackendId]) -> Choice {
        let history = |id: BackendId| self.member(id).map_or(&History::Unknown, Member::history);
        if let Some(current) = self.primary.filter(|primary| several.contains(primary)) {
            // Which of the two has more says nothing while one is written to: they were not asked at the same moment.
            let same_way =
                |id: &BackendId| history(*id).contains(history(current)) || history(current).contains(history(*id));
            return if several.iter().all(same_way) { Choice::One(current) } else { self.apart(several) };
        }
        let has_all = |id: &&BackendId| several.iter().all(|other| history(**id).contains(history(*other)));
        let newest: Vec<BackendId> = several.iter().filter(has_all).copied().collect();
        match newest.as_slice() {
            [only] => Choice::One(*only),
            [] => self.apart(several),
            equal => self.followed(equal).map_or_else(|| Choice::Ambiguous(several.to_vec()), Choice::One),
        }
    }

    /// Several servers accept writes, and each has something that another lacks. One that has nothing to do with the
    /// others is a stranger. Apart from that, the replicas tell, if they were seen to change their source; on the first
    /// look they may well follow the wrong one.
    fn apart(&self, several: &[BackendId]) -> Choice {
        let history = |id: BackendId| self.member(id).map_or(&History::Unknown, Member::history);
        let is_kin = |id: BackendId| {
            self.is_followed(id) || several.iter().any(|other| *other != id && history(id).is_related(history(*other)))
        };
        let kin: Vec<BackendId> = several.iter().copied().filter(|id| is_kin(*id)).collect();
        match (kin.as_slice(), self.primary) {
            ([only], _) => Choice::One(*only),
            (kin, Some(_)) => self.followed(kin).map_or_else(|| Choice::Ambiguous(several.to_vec()), Choice::One),
            _ => Choice::Ambiguous(several.to_vec()),
        }
    }

    fn is_followed(&self, id: BackendId) -> bool {
        let identity = self.member(id).and_then(Member::identity);
        identity.is_some_and(|ours| self.ours().any(|(other, member)| other != id && member.follows(ours)))
    }

    /// Among `candidates`, the only one that other members replicate from.
    fn followed(&self, candidates: &[BackendId]) -> Option<BackendId> {
        let mut followed = candidates.iter().copied().filter(|id| self.is_followed(*id));
        followed.next().filter(|_| followed.next().is_none())
    }

    fn are_one_cluster(&self, several: &[BackendId]) -> bool {
        let cluster =
            |id: &BackendId| self.member(*id).and_then(Member::membership).map(|membership| &membership.cluster);
        let first = several.first().and_then(cluster);
        first.is_some() && several.iter().all(|id| cluster(id) == first)
    }

    /// Where every member could write, one does: the one that did, else the first by configuration, once all were seen.
    fn writer(&self, several: &[BackendId]) -> Option<BackendId> {
        let current = self.primary.filter(|primary| several.contains(primary));
        current.or_else(|| several.first().copied().filter(|first| self.is_proven(*first)))
    }

    /// The only writable server is the primary unless servers that were not seen yet could be writable too, or one that
    /// follows somebody else has what it lacks: then it is a primary of the past.
    fn is_proven(&self, only: BackendId) -> bool {
        let Some(member) = self.member(only) else { return false };
        let leads = member.membership().is_some_and(|membership| membership.leads == Some(true));
        if leads || self.primary == Some(only) {
            return true;
        }
        let all_probed = self.ours().all(|(_, member)| member.seen.is_some() || member.silent > 0);
        let lacks = |other: &Member| {
            let follows = member.identity().is_some_and(|ours| other.follows(ours));
            !follows && other.silent == 0 && !member.history().contains(&other.received())
        };
        let is_past = member.membership().is_none()
            && self.ours().any(|(id, other)| id != only && !is_stranger(other) && lacks(other));
        all_probed && !is_past
    }

    fn why_not_primary(&self, lost: BackendId) -> String {
        let Some(member) = self.member(lost) else { return String::new() };
        let why = match (&member.last_failure, &member.seen) {
            _ if !matches!(self.hold, Hold::Off) => return "another server is about to take over".to_owned(),
            _ if !member.is_ours() => "it was removed".to_owned(),
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
        };
        match self.promoted_by_half(lost) {
            Some(name) => {
                why + &format!("; {name} accepts writes, but is still configured as a replica (RESET REPLICA ALL)")
            }
            None => why,
        }
    }

    /// A server that was made writable and stopped, and still has its source configured.
    fn promoted_by_half(&self, lost: BackendId) -> Option<&str> {
        let stopped = |seen: &Observation| {
            !seen.read_only
                && !seen.channels.is_empty()
                && seen.channels.iter().all(|channel| !channel.receiving && !channel.applying)
        };
        let found = self.ours().find(|(id, member)| {
            *id != lost
                && member.silent == 0
                && member.membership().is_none()
                && member.seen.as_ref().is_some_and(stopped)
        });
        found.map(|(_, member)| member.spec.name.as_str())
    }

    /// Whether the server of this identity is the primary, or gets what it has from there, over replicas that are well.
    pub(super) fn path_to_primary(&self, source: &Identity, steps: usize) -> Path {
        let found = self.ours().find(|(_, member)| member.identity().is_some_and(|identity| identity.is(source)));
        let Some((id, member)) = found else { return Path::Unknown };
        let leader = self.primary.or(self.last_primary);
        let name = || member.spec.name.clone();
        if leader.is_none() || leader == Some(id) {
            return if member.silent > 0 { Path::Silent } else { Path::Flows };
        }
        let sources = member.seen.iter().flat_map(|seen| &seen.channels).map(|channel| &channel.source);
        let Some(steps) = steps.checked_sub(1) else { return Path::Elsewhere(name()) };
        let paths = sources.map(|source| self.path_to_primary(source, steps));
        let leads_there = paths.into_iter().find(|path| !matches!(path, Path::Unknown | Path::Elsewhere(_)));
        match leads_there {
            None => Path::Elsewhere(name()),
            Some(_) if member.verdict.is_err() => Path::Blocked(name()),
            Some(path) => path,
        }
    }
}

/// Whether the last primary is none of ours any more because it is configured otherwise now: under another name, at
/// another address, or with other TLS. One that was restored from a backup lacks something.
fn is_itself(last: &Member, member: &Member) -> bool {
    let (Some(before), Some(ours)) = (last.identity(), member.identity()) else { return false };
    let has_all = match last.history() {
        // Without GTIDs there is the uuid.
        History::Unknown => before.uuid.is_some() && ours.uuid.is_some(),
        history => member.history().contains(history),
    };
    !last.is_ours() && ours.is(before) && has_all
}

/// Nothing connects it with the rest.
fn is_stranger(member: &Member) -> bool {
    member.seen.as_ref().is_none_or(|seen| seen.channels.is_empty())
}
