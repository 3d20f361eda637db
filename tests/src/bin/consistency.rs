//! `cargo run --release -p splitfin-tests --bin consistency -- --servers mysql --scope user --seconds 300`: looks for
//! stale and backward reads for as long as one likes, and fails if there are any that the scope rules out.
#![allow(clippy::print_stdout, reason = "a development tool talks to a terminal")]

use clap::Parser;
use splitfin_tests::checker::{self, Check, Findings};
use splitfin_tests::{Cluster, Family, Stage};
use std::process::ExitCode;
use std::time::Duration;

/// Looks for stale and backward reads while replicas are disturbed.
#[derive(Debug, Parser)]
struct Arguments {
    /// mariadb, mysql, galera or group
    #[arg(long, default_value = "mariadb")]
    servers: String,
    /// session, user, global or off
    #[arg(long, default_value = "session")]
    scope: String,
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients at a time
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// Reads after each write
    #[arg(long, default_value_t = 9)]
    reads: u64,
    /// Where the choice of disturbances starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave the replicas alone
    #[arg(long)]
    calm: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let check = Check {
        scope: arguments.scope,
        clients: arguments.clients,
        time: Duration::from_secs(arguments.seconds),
        seed: arguments.seed,
        reads: arguments.reads,
        disturb: !arguments.calm,
    };
    let cluster = match arguments.servers.as_str() {
        // Servers that are killed must find again what they had; others may be fast.
        "mysql" => Cluster::start_with(Family::Mysql, 2, check.disturb).await?,
        "mariadb" => Cluster::start_with(Family::Mariadb, 2, check.disturb).await?,
        "galera" => Cluster::galera(3).await?,
        "group" => Cluster::group(3).await?,
        other => return Err(format!("`{other}` is unknown: mariadb, mysql, galera or group").into()),
    };
    let stage = Stage::in_front_of(cluster, &checker::config(&check)).await;
    let mut stage = stage.map_err(|error| error.to_string())?;
    let findings = checker::run(&mut stage, &check).await?;
    for line in stage.splitfin.metrics().lines() {
        let interesting = ["splitfin_statements", "splitfin_consistency", "splitfin_retries"];
        if interesting.iter().any(|name| line.starts_with(name)) {
            println!("{line}");
        }
    }
    let Findings { writes, answered, stale, backward, failed, disturbances } = &findings;
    let [writes, answered, stale, backward, failed, disturbances] =
        [writes, answered, stale, backward, failed, disturbances].map(Findings::get);
    println!(
        "{} scope {}: {writes} writes, {answered} reads, {disturbances} disturbances: {stale} stale, {backward} backward, {failed} failed",
        arguments.servers, check.scope
    );
    let kept = check.scope == "off" || (stale, backward) == (0, 0);
    Ok(if kept && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
