//! What the paths of a query cost by themselves.

use splitfin_bench::{JOIN, PATHS, POINT, path};
use std::fmt::Write as _;
use std::time::Instant;

/// Nanoseconds of each path: the least of several runs.
pub(crate) fn measure() -> String {
    let mut out = String::from("| path | point select | 3-way join |\n|---|---|---|\n");
    for (name, what) in PATHS {
        let [point, join] = [POINT, JOIN].map(|sql| time(&mut *path(name, sql)));
        let _ = writeln!(out, "| {what} | {point:.0} ns | {join:.0} ns |");
    }
    out
}

fn time(work: &mut dyn FnMut()) -> f64 {
    const CALLS: u32 = 2_000;
    let mut run = || {
        let started = Instant::now();
        (0..CALLS).for_each(|_| work());
        started.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    (0..15).map(|_| run()).fold(f64::INFINITY, f64::min)
}
