//! Alternating rounds of sysbench against a server directly, a bare byte relay (the floor), HAProxy, nginx and Splitfin.
//!
//! All on one machine and in one run: only the ratios mean something. Prints a table and writes it to a file.

mod contenders;
mod idle;
mod logins;
mod mixed;
mod paths;
mod table;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use contenders::{Contender, Contenders};
use splitfin_testkit::{APP, Cluster, Family, PASSWORD};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;
use table::{Round, Table};

/// Measures Splitfin against its neighbours.
#[derive(Debug, Parser)]
struct Arguments {
    /// Path of the splitfin binary to measure; a release build.
    #[arg(long, default_value = "target/release/splitfin")]
    splitfin: PathBuf,
    /// Servers: mariadb or mysql.
    #[arg(long, default_value = "mariadb")]
    servers: String,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..))]
    seconds: u32,
    /// Rounds; medians are reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Numbers of clients.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    clients: Vec<u32>,
    /// Workloads of sysbench; `+ps` after one runs it with prepared statements.
    #[arg(long, value_delimiter = ',', default_values_t = ["oltp_point_select".to_owned(), "oltp_read_only".to_owned(), "oltp_read_write".to_owned()])]
    workloads: Vec<String>,
    /// `pool.mode` of Splitfin.
    #[arg(long, default_value = "session")]
    pool: String,
    /// Values of `consistency.scope` to measure against each other.
    #[arg(long, value_delimiter = ',', default_values_t = ["off", "session", "user", "global"].map(str::to_owned))]
    scopes: Vec<String>,
    /// Numbers of clients for that.
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64])]
    scope_clients: Vec<u32>,
    /// `pool.max_connections` of Splitfin.
    #[arg(long, default_value_t = 1100)]
    max_connections: u32,
    /// Only the memory of so many idle clients.
    #[arg(long, value_name = "CLIENTS")]
    idle: Option<usize>,
    /// Where the table goes.
    #[arg(long, default_value = "bench/results/latest.md")]
    out: PathBuf,
    /// Only the costs of lexer, digest, classification and reply scanning.
    #[arg(long)]
    paths: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.paths {
        say(&paths::measure());
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let text = match arguments.idle {
        Some(clients) => runtime.block_on(measure_idle(&arguments, clients))?,
        None => format!("{}\n{}", runtime.block_on(measure(&arguments))?, paths::measure()),
    };
    say(&text);
    if let Some(folder) = arguments.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&arguments.out, &text).with_context(|| format!("cannot write {}", arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

#[allow(clippy::print_stdout, reason = "the table is what this program is for")]
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "progress, while it takes minutes")]
fn progress(text: &str) {
    eprintln!("  {text}");
}

async fn start_servers(arguments: &Arguments) -> Result<Cluster> {
    let family = match arguments.servers.as_str() {
        "mariadb" => Family::Mariadb,
        "mysql" => Family::Mysql,
        other => bail!("unknown servers `{other}`: mariadb or mysql"),
    };
    progress("starting a primary and a replica");
    Ok(Cluster::start_with(family, 1, false).await?)
}

async fn measure_idle(arguments: &Arguments, clients: usize) -> Result<String> {
    let cluster = start_servers(arguments).await?;
    idle::measure(arguments, &cluster, clients).await
}

async fn measure(arguments: &Arguments) -> Result<String> {
    let cluster = start_servers(arguments).await?;
    // As many as there are clients, who connect directly as well.
    let most = arguments.clients.iter().max().map_or(0, |most| most + 200).max(1200);
    for server in cluster.servers() {
        server.run(&[&format!("SET GLOBAL max_connections = {most}")]).await?;
    }
    cluster.primary.run(&["CREATE DATABASE sbtest"]).await?;
    progress("filling 4 tables");
    sysbench(cluster.primary.port(), "oltp_read_write", 4, &["prepare".into()])?;
    cluster.caught_up().await?;
    let mut table = Table::new(arguments);
    for workload in &arguments.workloads {
        // What writes has to go to the primary, whoever forwards it; what reads goes to the replica.
        let target = match workload.contains("write") {
            true => &cluster.primary,
            false => &cluster.replicas[0],
        };
        let contenders = Contenders::start(arguments, &cluster, target)?;
        for clients in &arguments.clients {
            for round in 0..arguments.rounds {
                for contender in contenders.all() {
                    let watch = logins::Watch::start(target).await?;
                    let result = one(arguments, contender, workload, *clients, 0);
                    let mut round_result =
                        result.with_context(|| format!("{workload}, {clients} clients, {}", contender.name))?;
                    // After its first second.
                    let measured = Duration::from_secs(u64::from(arguments.seconds));
                    round_result.logins = watch.rate(measured - Duration::from_secs(1)).await?;
                    progress(&format!(
                        "{workload} {clients} clients, round {}: {} {:.0} q/s",
                        round + 1,
                        contender.name,
                        round_result.queries
                    ));
                    table.add(workload, *clients, contender.name, round_result);
                }
            }
        }
    }
    Ok(format!("{}{}", table.render(), mixed::measure(arguments, &cluster)?))
}

/// One measurement; `rate` limits the events in a second, 0 does not.
fn one(arguments: &Arguments, contender: &Contender, workload: &str, clients: u32, rate: u32) -> Result<Round> {
    let (script, mode) = match workload.strip_suffix("+ps") {
        Some(script) => (script, "auto"),
        None => (workload, "disable"),
    };
    let before = contender.cpu();
    let output = sysbench(
        contender.port,
        script,
        clients,
        &[
            format!("--time={}", arguments.seconds),
            "--percentile=99".into(),
            format!("--db-ps-mode={mode}"),
            format!("--rate={rate}"),
            "run".into(),
        ],
    )?;
    let cpu = contender.cpu() - before;
    let number = |marker: &str| -> Option<f64> {
        let line = output.lines().find(|line| line.trim_start().starts_with(marker))?;
        line.split(marker).nth(1)?.trim().trim_start_matches(':').split_whitespace().next()?.parse().ok()
    };
    let total = number("total:").context("sysbench printed no total")?;
    let errors = number("ignored errors:").unwrap_or(0.0);
    let seconds = number("total time:").or_else(|| {
        let line = output.lines().find(|line| line.contains("total time:"))?;
        line.split(':').nth(1)?.trim().trim_end_matches('s').parse().ok()
    });
    let seconds = seconds.context("sysbench printed no time")?;
    let p99 = number("99th percentile:").context("sysbench printed no percentile")?;
    let mean = number("avg:").unwrap_or(0.0);
    Ok(Round { queries: total / seconds, p99, mean, cpu_per_query: cpu * 1e6 / total, errors, logins: 0.0 })
}

fn sysbench(port: u16, script: &str, clients: u32, more: &[String]) -> Result<String> {
    let output = Command::new("sysbench")
        .arg(script)
        .args(["--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-db=sbtest", "--tables=4", "--table-size=20000"])
        .args([format!("--mysql-user={APP}"), format!("--mysql-password={PASSWORD}")])
        .arg(format!("--mysql-port={port}"))
        .arg(format!("--threads={clients}"))
        .args(more)
        .output()
        .context("cannot run sysbench: apt-get install sysbench")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => bail!("sysbench failed: {text}{}", String::from_utf8_lossy(&output.stderr)),
    }
}
