//! Medians of rounds, as ratios to the floor.

use crate::Arguments;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// Queries in a second.
    pub(crate) queries: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// Milliseconds.
    pub(crate) mean: f64,
    /// Microseconds of the contender's own process.
    pub(crate) cpu_per_query: f64,
    /// Errors that sysbench went on after.
    pub(crate) errors: f64,
    /// New connections to the server in a second, after the first one.
    pub(crate) logins: f64,
}

/// The rounds of each contender.
type Cell = Vec<(&'static str, Vec<Round>)>;

/// All measurements.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    rounds: BTreeMap<(String, u32), Cell>,
}

impl Table {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let title = format!(
            "{} · {} cores, loopback, everything on one machine · {} rounds of {} s, medians (spread of q/s) · pool.mode {}",
            arguments.servers, cores, arguments.rounds, arguments.seconds, arguments.pool
        );
        Self { title, rounds: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, workload: &str, clients: u32, name: &'static str, round: Round) {
        let cell = self.rounds.entry((workload.to_owned(), clients)).or_default();
        match cell.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rounds)) => rounds.push(round),
            None => cell.push((name, vec![round])),
        }
    }

    pub(crate) fn render(&self) -> String {
        let mut out = format!("{}\n\n", self.title);
        out.push_str("| workload | clients | who | q/s | × floor | mean ms | × floor | p99 ms | CPU µs/query | × floor | logins/s | errors |\n");
        out.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        for ((workload, clients), cell) in &self.rounds {
            let of_floor = |what: fn(&Round) -> f64| {
                cell.iter().find(|(name, _)| *name == "floor").map_or(f64::NAN, |(_, rounds)| median(rounds, what))
            };
            let floor =
                (of_floor(|round| round.queries), of_floor(|round| round.mean), of_floor(|round| round.cpu_per_query));
            for (name, rounds) in cell {
                let middle = |what: fn(&Round) -> f64| median(rounds, what);
                let queries = middle(|round| round.queries);
                let lowest = rounds.iter().map(|round| round.queries).fold(f64::INFINITY, f64::min);
                let highest = rounds.iter().map(|round| round.queries).fold(0.0, f64::max);
                let (mean, cpu) = (middle(|round| round.mean), middle(|round| round.cpu_per_query));
                let _ = writeln!(
                    out,
                    "| {workload} | {clients} | {name} | {queries:.0} ({lowest:.0}–{highest:.0}) | {:.2} | {mean:.3} | {:.2} | {:.2} | {cpu:.1} | {:.2} | {:.1} | {:.0} |",
                    queries / floor.0,
                    mean / floor.1,
                    middle(|round| round.p99),
                    cpu / floor.2,
                    middle(|round| round.logins),
                    rounds.iter().map(|round| round.errors).sum::<f64>(),
                );
            }
        }
        out
    }
}

pub(crate) fn median(rounds: &[Round], what: fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(what).collect();
    values.sort_by(f64::total_cmp);
    let (lower, upper) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(lower), values.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}
