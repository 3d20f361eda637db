//! Runs one path a given number of times and nothing else: `splitfin-paths PATH-point|PATH-join TIMES`, for counting
//! instructions.

use splitfin_bench::{JOIN, POINT, path};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let times: u32 = arguments.get(2).and_then(|times| times.parse().ok()).unwrap_or(1);
    let (name, sql) = match arguments.get(1).and_then(|name| name.rsplit_once('-')) {
        Some((name, "join")) => (name, JOIN),
        Some((name, _)) => (name, POINT),
        None => ("exchange", POINT),
    };
    let mut work = path(name, sql);
    (0..times).for_each(|_| work());
}
