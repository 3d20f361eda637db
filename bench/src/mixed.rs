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

/// Alternating rounds over the scopes; a table.
pub(crate) fn measure(arguments: &Arguments, cluster: &Cluster) -> Result<String> {
    let mut out = String::from(
        "\nReading one's own writes: one write (autocommit), nine reads behind it, over and over, through pool.mode transaction\n\n\
         | clients | consistency.scope | q/s | × off | CPU µs/query | × off | p99 ms | reads on replicas | reads that waited |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for clients in &arguments.scope_clients {
        let mut scopes =
            arguments.scopes.iter().map(|name| start(arguments, cluster, name)).collect::<Result<Vec<_>>>()?;
        for round in 0..arguments.rounds {
            for scope in &mut scopes {
                let result = one(arguments, &scope.contender, "bench/mixed.lua", *clients)
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
        let of = |scope: &Scope| {
            (median(&scope.rounds, |round| round.queries), median(&scope.rounds, |round| round.cpu_per_query))
        };
        let off = scopes.iter().find(|scope| scope.name == "off").map_or((f64::NAN, f64::NAN), of);
        for scope in &scopes {
            let (queries, cpu) = of(scope);
            let counts = counts(scope.admin)?;
            let reads = counts.on_replicas + counts.on_primary;
            let _ = writeln!(
                out,
                "| {clients} | {} | {queries:.0} | {:.2} | {cpu:.1} | {:.2} | {:.2} | {:.1} % | {:.1} % |",
                scope.name,
                queries / off.0,
                cpu / off.1,
                median(&scope.rounds, |round| round.p99),
                100.0 * counts.on_replicas / reads,
                100.0 * counts.waits / reads,
            );
        }
    }
    Ok(out)
}

fn start(arguments: &Arguments, cluster: &Cluster, name: &str) -> Result<Scope> {
    let files = tempfile::tempdir()?;
    let admin = free_port()?;
    let more = format!("consistency: {{ scope: {name} }}\nadmin: {{ http: \"127.0.0.1:{admin}\" }}\n");
    let contender = splitfin(arguments, files.path(), cluster, "transaction", &more)?;
    listening(&contender)?;
    Ok(Scope { name: name.to_owned(), contender, admin, rounds: Vec::new(), _files: files })
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
