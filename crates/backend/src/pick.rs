//! Who of the eligible serves: by load, in turn, or by lag.

use splitfin_topology::{BackendId, Snapshot};
use std::time::{Duration, Instant};

/// How reads are spread over the eligible replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// The one with less to do of two chosen by chance.
    #[default]
    LeastLoaded,
    /// One after the other, by weight.
    RoundRobin,
    /// The one that is least late.
    LowestLag,
}

/// What is known of the load of one backend, on this worker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Load {
    /// Leases that are out.
    pub(crate) in_use: u32,
    /// Smoothed time of a statement, in microseconds, when it was last measured.
    pub(crate) latency: f64,
    /// When that was.
    pub(crate) measured: Option<Instant>,
    /// For round robin: what it was given, divided by its weight.
    pub(crate) turns: f64,
    /// The share of statements that failed, of late.
    failing: f64,
    /// A connection failed: others are preferred until then.
    pub(crate) suspect_until: Option<Instant>,
}

impl Load {
    /// A statement went well.
    pub(crate) fn note_success(&mut self) {
        self.failing -= self.failing * FAILURES;
    }

    /// A statement failed for a reason of the server's. Says whether so many do that it is no accident.
    pub(crate) fn note_failure(&mut self, now: Instant) -> bool {
        self.suspect_until = Some(now + SUSPECT);
        self.failing += (1.0 - self.failing) * FAILURES;
        self.failing >= FAILING
    }

    /// Takes the time of one statement into the mean.
    pub(crate) fn note_latency(&mut self, time: Duration, now: Instant) {
        self.measured = Some(now);
        let sample = time.as_secs_f64() * 1e6;
        // Starting from nothing, so that the first statement of a fresh connection does not count for all.
        self.latency += (sample - self.latency) * SMOOTHING;
    }

    /// What one more statement would cost there. A bad time is forgotten by and by, or a server that was slow once
    /// would never be asked again.
    fn cost(&self, weight: u32, now: Instant) -> f64 {
        let age = self.measured.map_or(0.0, |measured| now.saturating_duration_since(measured).as_secs_f64());
        let latency = self.latency * (-age / MEMORY).exp2();
        // Of servers at rest, their shares alone decide.
        (f64::from(self.in_use) / f64::from(weight.max(1)) + 1.0) * latency.max(LEAST_LATENCY)
    }
}

/// Chooses one of `eligible`, which is not empty. `random` is any number.
pub(crate) fn pick(
    balance: Balance,
    eligible: &[BackendId],
    loads: &mut [Load],
    snapshot: &Snapshot,
    now: Instant,
    random: u64,
) -> Option<BackendId> {
    let trusted =
        |id: &&BackendId| loads.get(id.index()).is_none_or(|load| load.suspect_until.is_none_or(|until| until <= now));
    let mut candidates: smallvec::SmallVec<[BackendId; 8]> = eligible.iter().filter(trusted).copied().collect();
    if candidates.is_empty() {
        candidates.extend_from_slice(eligible);
    }
    let weight = |id: BackendId| snapshot.backend(id).map_or(1, |view| view.spec.weight);
    // In hundredths: a backend that was away gets its share by and by. It is drawn by that; what it costs is another matter.
    let share = |id: BackendId| snapshot.backend(id).map_or(1, |view| view.share).max(1);
    let load = |id: BackendId| loads.get(id.index()).cloned().unwrap_or_default();
    let chosen = match (balance, candidates.as_slice()) {
        (_, []) => return None,
        (_, [only]) => *only,
        (Balance::LeastLoaded, several) => {
            let one = draw(several, share, random);
            let others: smallvec::SmallVec<[BackendId; 8]> = several.iter().copied().filter(|id| *id != one).collect();
            let other = draw(&others, share, random.rotate_left(32));
            let (cost, other_cost) = (load(one).cost(weight(one), now), load(other).cost(weight(other), now));
            if cost <= other_cost * CLEARLY { one } else { other }
        }
        (Balance::RoundRobin, several) => {
            // One that was away does not make up for the turns that it missed.
            let most = several.iter().map(|id| load(*id).turns).fold(0.0, f64::max);
            let longest = several.iter().map(|id| 1.0 / f64::from(share(*id))).fold(0.0, f64::max);
            for id in several {
                if let Some(load) = loads.get_mut(id.index()) {
                    load.turns = load.turns.max(most - longest);
                }
            }
            let turns = |id: &&BackendId| loads.get(id.index()).map_or(0.0, |load| load.turns);
            *several.iter().min_by(|one, other| turns(one).total_cmp(&turns(other)))?
        }
        (Balance::LowestLag, several) => {
            let lag = |id: &&BackendId| (snapshot.backend(**id).and_then(|view| view.lag), load(**id).in_use);
            *several.iter().min_by_key(lag)?
        }
    };
    if let Some(load) = loads.get_mut(chosen.index()) {
        load.turns += 1.0 / f64::from(share(chosen));
    }
    Some(chosen)
}

/// One of `several`, which are at least one, by chance and by their shares.
fn draw(several: &[BackendId], share: impl Fn(BackendId) -> u32, random: u64) -> BackendId {
    let total: u64 = several.iter().map(|id| u64::from(share(*id))).sum();
    let mut left = random % total.max(1);
    for id in several {
        match left.checked_sub(u64::from(share(*id))) {
            Some(less) => left = less,
            None => return *id,
        }
    }
    several[0]
}

/// How much one statement moves the smoothed latency.
const SMOOTHING: f64 = 0.05;
/// A measured time counts half after this many seconds.
const MEMORY: f64 = 0.5;
/// Chance decides unless one costs this much more: two healthy replicas share the reads even if one is a little faster.
const CLEARLY: f64 = 1.4;
/// Differences below this many microseconds are noise, not load.
const LEAST_LATENCY: f64 = 500.0;

/// What one statement counts for in the share of those that fail.
const FAILURES: f64 = 0.13;
/// Five failures in a row, or about every third over some dozens of statements: on one worker that is no accident.
const FAILING: f64 = 0.5;
/// How long a backend whose connection failed comes last.
const SUSPECT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_topology::{BackendSpec, BackendView, Role};

    fn snapshot(weights: &[u32]) -> Snapshot {
        let view = |(index, weight): (usize, &u32)| BackendView {
            id: BackendId(index as u16),
            spec: BackendSpec { name: index.to_string(), address: String::new(), weight: *weight },
            role: Role::Replica,
            fit: Ok(()),
            read_only: false,
            share: *weight * 100,
            after: None,
            clock: None,
            identity: None,
            lag: Some(Duration::from_secs(index as u64)),
            version: None,
            offer: None,
            progress: Default::default(),
        };
        Snapshot {
            epoch: 1,
            backends: weights.iter().enumerate().map(view).collect(),
            primary: None,
            last_primary: None,
            resort: None,
            replaceable: true,
            family: None,
        }
    }

    fn share(balance: Balance, weights: &[u32], mut loads: Vec<Load>) -> Vec<usize> {
        let snapshot = snapshot(weights);
        let eligible: Vec<_> = (0..weights.len() as u16).map(BackendId).collect();
        let mut counts = vec![0; weights.len()];
        let mut random = 1u64;
        for _ in 0..1000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mixed = random ^ (random >> 29);
            let chosen = pick(balance, &eligible, &mut loads, &snapshot, Instant::now(), mixed).unwrap();
            counts[chosen.index()] += 1;
            loads[chosen.index()].in_use += 1;
            if loads.iter().map(|load| load.in_use).sum::<u32>() >= 60 {
                loads.iter_mut().for_each(|load| load.in_use = 0);
            }
        }
        counts
    }

    #[test]
    fn equal_replicas_share_equally_and_weights_count() {
        for balance in [Balance::LeastLoaded, Balance::RoundRobin] {
            let even = share(balance, &[1, 1], vec![Load::default(); 2]);
            assert!(even[0].abs_diff(even[1]) < 60, "{balance:?} {even:?}");
            let uneven = share(balance, &[3, 1], vec![Load::default(); 2]);
            assert!(uneven[0] > 2 * uneven[1], "{balance:?} {uneven:?}");
        }
    }

    /// Whether a server of which these statements fail, over and over, counts as failing.
    fn fails(pattern: &[bool]) -> bool {
        let (mut load, now) = (Load::default(), Instant::now());
        pattern.iter().cycle().take(500).any(|failed| {
            if !failed {
                load.note_success();
            }
            *failed && load.note_failure(now)
        })
    }

    #[test]
    fn five_failures_in_a_row_or_every_second_are_no_accident_and_one_of_ten_is() {
        let mut load = Load::default();
        let said: Vec<_> = (0..5).map(|_| load.note_failure(Instant::now())).collect();
        assert_eq!(said, [false, false, false, false, true]);
        assert!(fails(&[true, false]));
        assert!(!fails(&[true, false, false, false, false, false, false, false, false, false]));
    }

    #[test]
    fn a_replica_that_comes_back_gets_a_little_at_first() {
        let mut snapshot = snapshot(&[1, 1]);
        snapshot.backends[1].share = 5;
        let eligible = [BackendId(0), BackendId(1)];
        for balance in [Balance::LeastLoaded, Balance::RoundRobin] {
            let (mut loads, mut count, mut random) = (vec![Load::default(); 2], 0, 1u64);
            for _ in 0..2000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let mixed = random ^ (random >> 29);
                let chosen = pick(balance, &eligible, &mut loads, &snapshot, Instant::now(), mixed);
                count += usize::from(chosen == Some(BackendId(1)));
            }
            assert!((40..200).contains(&count), "{balance:?}: {count} of 2000");
        }
    }

    #[test]
    fn a_slow_replica_gets_less() {
        let slow = Load { latency: 10_000.0, measured: Some(Instant::now()), ..Load::default() };
        let counts = share(Balance::LeastLoaded, &[1, 1], vec![Load::default(), slow]);
        assert!(counts[0] > 5 * counts[1], "{counts:?}");
    }

    #[test]
    fn the_least_late_is_taken_and_a_suspect_only_if_nobody_else_is_there() {
        assert_eq!(share(Balance::LowestLag, &[1, 1], vec![Load::default(); 2]), [1000, 0]);
        let suspect = Load { suspect_until: Some(Instant::now() + Duration::from_secs(60)), ..Load::default() };
        assert_eq!(share(Balance::LeastLoaded, &[1, 1], vec![suspect.clone(), Load::default()]), [0, 1000]);
        assert_eq!(share(Balance::LeastLoaded, &[1], vec![suspect]), [1000]);
    }
}
