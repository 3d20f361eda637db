//! One server with its history.

use crate::backend::BackendSpec;
use crate::circuit::Circuit;
use crate::condition::{Condition, Thresholds, Unfit};
use crate::gtid::{History, Position};
use crate::observation::{Channel, ClusterKind, Identity, Membership, Observation, ProbeFailure};
use crate::snapshot::{Means, Progress};
use std::time::{Duration, Instant};

/// How late a server is, by more than its own word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Late {
    /// By the heartbeat, which counts more than what the server says.
    pub(crate) heartbeat: Option<Duration>,
    /// By what the primary had and it lacked; it may be later.
    pub(crate) at_least: Duration,
}

impl Late {
    /// How late a channel is, all in all.
    pub(crate) fn lag(&self, channel: &Channel) -> Option<Duration> {
        let said = channel.lag.map(|said| self.heartbeat.unwrap_or(said));
        said.map(|lag| lag.max(self.at_least).max(channel.delay))
    }
}

/// What the operator wants of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// That it serves.
    Active,
    /// That it gets nothing new, and is watched.
    Drained,
    /// Nothing: it is ours no more.
    Removed,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) spec: BackendSpec,
    pub(super) standing: Standing,
    pub(super) condition: Condition,
    /// What the last look at it meant.
    pub(super) verdict: Result<(), Unfit>,
    /// What was seen last. Kept while a server is silent: its identity and role do not change by that.
    pub(super) seen: Option<Observation>,
    /// How late it was found to be when it was seen last, apart from what it says itself.
    pub(super) late: Late,
    /// Its clock differs from the primary's by so much that it was said.
    pub(super) clock_is_off: bool,
    /// Probes in a row that failed.
    pub(super) silent: u32,
    /// For how long nothing was heard of it, good or bad.
    pub(super) overlooked: Duration,
    pub(super) last_failure: Option<ProbeFailure>,
    pub(super) circuit: Circuit,
    /// Since when it takes reads again, after a time in which it did not.
    pub(super) back_since: Option<Instant>,
    /// It has followed the last primary at some time.
    pub(super) has_followed: bool,
    /// When it was last seen to replicate as it should, however late.
    pub(super) followed: Option<Instant>,
    pub(super) rate: u64,
    pub(super) generation: u32,
    /// What it had when it was found to be the primary.
    pub(super) led_from: Position,
}

impl Member {
    pub(super) fn new(spec: BackendSpec) -> Self {
        Self {
            spec,
            standing: Standing::Active,
            condition: Condition::Unknown,
            verdict: Err(Unfit::NotProbed),
            seen: None,
            late: Late::default(),
            clock_is_off: false,
            silent: 0,
            overlooked: Duration::ZERO,
            last_failure: None,
            circuit: Circuit::Closed,
            back_since: None,
            has_followed: false,
            followed: None,
            rate: 0,
            generation: 0,
            led_from: Position::Nothing,
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.standing != Standing::Removed
    }

    /// Takes in what a probe saw, and says whether the server lost something that it had.
    pub(super) fn see(&mut self, seen: &Observation) -> bool {
        let mut lost = false;
        if let Some(before) = &self.seen {
            lost = !seen.position.contains(&before.position);
            let passed = seen.begun.saturating_duration_since(before.begun).as_millis() as u64;
            let new = before.position.lacks(&seen.position);
            // The best of late: a replica that has nothing to do shows nothing of what it could do.
            self.rate = new.saturating_mul(1000).checked_div(passed).unwrap_or(0).max(self.rate - self.rate / 8);
        }
        if lost || self.silent > 0 {
            self.generation += 1;
        }
        self.silent = 0;
        self.last_failure = None;
        self.circuit.tick(seen.begun);
        self.seen = Some(seen.clone());
        lost
    }

    pub(super) fn fail(&mut self, failure: &ProbeFailure) {
        self.silent = self.silent.saturating_add(1);
        self.last_failure = Some(failure.clone());
    }

    /// Takes the verdict on the last look in. One that was unfit comes back warm by and by.
    pub(super) fn judge(&mut self, verdict: Result<(), Unfit>, thresholds: &Thresholds) {
        let was_fit = self.condition.fitness().is_ok();
        let was_known = !matches!(self.condition, Condition::Unknown);
        let condition = std::mem::replace(&mut self.condition, Condition::Unknown);
        self.condition = condition.observe(verdict.clone(), thresholds);
        self.verdict = verdict;
        if !was_fit && was_known && self.condition.fitness().is_ok() {
            self.back_since = self.seen.as_ref().map(|seen| seen.begun);
        }
    }

    /// Whether it may serve, were it not for its weight.
    pub(super) fn fitness(&self, is_primary: bool) -> Result<(), Unfit> {
        match self.standing {
            Standing::Removed => return Err(Unfit::Removed),
            Standing::Drained if !is_primary => return Err(Unfit::Drained),
            Standing::Drained | Standing::Active => {}
        }
        self.condition.fitness()?;
        match self.circuit.is_open() && !is_primary {
            true => Err(Unfit::FailsStatements),
            false => Ok(()),
        }
    }

    /// The share of the reads that it gets, in hundredths of its weight: little at first after a time away, as its
    /// caches are cold and nobody knows whether it holds.
    pub(super) fn warmth(&self, slow_start: Duration) -> u32 {
        let now = self.seen.as_ref().map(|seen| seen.begun);
        let since = self.back_since.max(self.circuit.half_open_since());
        let (Some(now), Some(since), false) = (now, since, slow_start.is_zero()) else { return FULL };
        let passed = now.saturating_duration_since(since).as_secs_f64() / slow_start.as_secs_f64();
        ((passed * f64::from(FULL)) as u32).clamp(LEAST, FULL)
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.seen.as_ref().map(|seen| &seen.identity)
    }

    pub(super) fn membership(&self) -> Option<&Membership> {
        self.seen.as_ref()?.membership.as_ref()
    }

    pub(super) fn history(&self) -> &History {
        self.seen.as_ref().map_or(&History::Unknown, |seen| &seen.history)
    }

    /// What it has of others, without what was written on it alone.
    pub(super) fn received(&self) -> History {
        self.identity().map_or(History::Unknown, |identity| self.history().without(identity))
    }

    /// Whether it is configured to replicate from the server of this identity.
    pub(super) fn follows(&self, source: &Identity) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.channels.iter().any(|channel| channel.source.is(source)))
    }

    pub(super) fn lag(&self) -> Option<Duration> {
        let seen = self.seen.as_ref()?;
        if let Some(membership) = &seen.membership {
            return membership.lag;
        }
        seen.channels.iter().map(|channel| self.late.lag(channel)).max().flatten()
    }

    pub(super) fn progress(&self) -> Progress {
        let Some(seen) = &self.seen else { return Progress::default() };
        Progress {
            position: seen.position.clone(),
            seen: Some(seen.begun),
            means: match &seen.membership {
                Some(Membership { kind: ClusterKind::Galera, .. }) => Means::Sync,
                _ => Means::Position,
            },
            shows_last: seen.membership.as_ref().is_some_and(|of| of.kind == ClusterKind::GroupReplication),
            gtids: seen.gtids,
            in_order: seen.in_order && seen.channels.len() <= 1,
            rate: self.rate,
            generation: self.generation,
            led_from: self.led_from.clone(),
        }
    }
}

/// Hundredths of a weight.
const FULL: u32 = 100;
/// What a server gets right after it came back.
const LEAST: u32 = 5;
