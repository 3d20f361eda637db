//! What reading one's own writes costs: Splitfin with each scope, against Splitfin without.

use crate::contenders::{Contender, listening, splitfin};
use crate::table::median;
use crate::{Arguments, Round, one, progress};
use anyhow::{Context as _, Result};
use splitfin_testkit::{Cluster, free_port};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use tempfile::TempDir;

struct Scope {
    name: String,
    contender: Contender,
    admin: u16,
    rounds: Vec<Round>,
    before: Counts,
    _files: TempDir,
}

/// Statements that Splitfin counted.
#[derive(Default, Clone, Copy)]
struct Counts {
    on_replicas: f64,
    on_primary: f64,
    writes: f64,
    waits: f64,
}

impl Counts {
    fn since(self, before: Self) -> Self {
        Self {
            on_replicas: self.on_replicas - before.on_replicas,
            on_primary: self.on_primary - before.on_primary,
            writes: self.writes - before.writes,
            waits: self.waits - before.waits,
        }
    }
}

/// What a client does, over and over.
const SCRIPT: &str = "bench/mixed.lua";
/// Queries of the script's event.
const EVENT: f64 = 10.0;

/// Alternating rounds over the scopes; a table.
pub(crate) fn measure(arguments: &Arguments, cluster: &Cluster) -> Result<String> {
    let mut out = String::from(
        "\nReading one's own writes: one write (autocommit), nine reads after it, over and over, pool.mode transaction, at \
         half of the rate that the machine can do with `off`, so that replicas keep up\n\n\
         | clients | consistency.scope | q/s | CPU µs/query | × off | mean ms/query | × off | p99 ms/10 queries | reads on replicas | reads that waited |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for clients in &arguments.scope_clients {
        let mut scopes = Vec::new();
        for name in &arguments.scopes {
            scopes.push(start(arguments, cluster, name)?);
        }
        let Some(first) = scopes.first() else { return Ok(String::new()) };
        let fastest = one(arguments, &first.contender, SCRIPT, *clients, 0)?.queries;
        let rate = (fastest / EVENT / 2.0).max(1.0) as u32;
        for scope in &mut scopes {
            scope.before = counts(scope.admin)?;
        }
        for round in 0..arguments.rounds {
            for scope in &mut scopes {
                let result = one(arguments, &scope.contender, SCRIPT, *clients, rate)
                    .with_context(|| format!("scope {}, {clients} clients", scope.name))?;
                progress(&format!(
                    "mixed {clients} clients, round {}: {} {:.0} q/s",
                    round + 1,
                    scope.name,
                    result.queries
                ));
                scope.rounds.push(result);
            }
        }
        rows(&mut out, *clients, &scopes)?;
    }
    Ok(out)
}

fn rows(out: &mut String, clients: u32, scopes: &[Scope]) -> Result<()> {
    let middle = |scope: &Scope, what: fn(&Round) -> f64| median(&scope.rounds, what);
    let off = scopes.iter().find(|scope| scope.name == "off");
    let of_off = |what: fn(&Round) -> f64| off.map_or(f64::NAN, |off| middle(off, what));
    for scope in scopes {
        let (cpu, mean) = (middle(scope, |round| round.cpu_per_query), middle(scope, |round| round.mean));
        let counts = counts(scope.admin)?.since(scope.before);
        let reads = counts.on_replicas + counts.on_primary;
        let _ = writeln!(
            out,
            "| {clients} | {} | {:.0} | {cpu:.1} | {:.2} | {:.3} | {:.2} | {:.2} | {:.1} % | {:.1} % |",
            scope.name,
            middle(scope, |round| round.queries),
            cpu / of_off(|round| round.cpu_per_query),
            mean / EVENT,
            mean / of_off(|round| round.mean),
            middle(scope, |round| round.p99),
            100.0 * counts.on_replicas / reads,
            100.0 * counts.waits / reads,
        );
    }
    Ok(())
}

fn start(arguments: &Arguments, cluster: &Cluster, name: &str) -> Result<Scope> {
    let files = tempfile::tempdir()?;
    let admin = free_port()?;
    let more = format!("consistency: {{ scope: {name} }}\nadmin: {{ http: \"127.0.0.1:{admin}\" }}\n");
    let contender = splitfin(arguments, files.path(), cluster, "transaction", &more)?;
    listening(&contender)?;
    Ok(Scope { name: name.to_owned(), contender, admin, rounds: Vec::new(), before: Counts::default(), _files: files })
}

fn counts(admin: u16) -> Result<Counts> {
    let mut stream = TcpStream::connect(("127.0.0.1", admin)).context("the admin endpoint")?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: splitfin\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let mut counts = Counts::default();
    for line in text.lines() {
        let Some(value) = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()) else { continue };
        let cell = match line.split(' ').next().unwrap_or_default() {
            name if name.starts_with("splitfin_consistency_waits_total") => &mut counts.waits,
            name if !name.starts_with("splitfin_statements_total") => continue,
            name if !name.contains("backend=\"master\"") => &mut counts.on_replicas,
            name if name.contains("changes_data") => &mut counts.writes,
            _ => &mut counts.on_primary,
        };
        *cell += value;
    }
    Ok(counts)
}
