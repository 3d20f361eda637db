//! The command line.

use crate::admin::client::ask;
use crate::{
    Claim, Config, Event, Inherited, Reloaded, Running, Wish, certificate, demo, descriptors, explain, logging,
    run_with,
};
use clap::{Parser, Subcommand, ValueEnum};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use splitfin_testkit::Family;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// One MySQL endpoint: writes to the master, reads to a healthy slave, and it can always say why.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients until SIGTERM or SIGINT. SIGHUP reads the configuration again.
    Run {
        /// Configuration file.
        file: PathBuf,
        /// Read the configuration again whenever the file has changed.
        #[arg(long)]
        watch: bool,
        /// Listen alongside a Splitfin that runs already, which is to be ended (SIGTERM) when this one serves.
        #[arg(long)]
        take_over: bool,
    },
    /// Check a configuration file and end.
    Check {
        /// Configuration file.
        file: PathBuf,
    },
    /// Say what would be done with a statement, without doing it.
    Route {
        /// Configuration file.
        file: PathBuf,
        /// The statement.
        sql: String,
    },
    /// Make a replica the primary, as planned. A Splitfin that runs with this configuration does it; its writes wait.
    Switchover {
        /// Configuration file.
        file: PathBuf,
        /// The backend that takes over.
        #[arg(long)]
        to: String,
    },
    /// Say whether a Splitfin that runs with this configuration can serve clients; the exit code says it too.
    Health {
        /// Configuration file.
        file: PathBuf,
    },
    /// Show the certificates that clients see, with their fingerprints.
    Certificate {
        /// Configuration file.
        file: PathBuf,
        /// Make the generated one anew first. A Splitfin that runs takes it when it is reloaded.
        #[arg(long)]
        renew: bool,
    },
    /// Start one master, two slaves and Splitfin on this machine, and show what it does.
    Demo {
        /// Which servers.
        #[arg(long, value_enum, default_value_t = DemoFamily::Mariadb)]
        servers: DemoFamily,
        /// End after the tour; the exit code says whether everything that was promised happened.
        #[arg(long)]
        tour: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DemoFamily {
    Mariadb,
    Mysql,
}

/// Bad configuration, as `sysexits.h` has it.
const EX_CONFIG: u8 = 78;
/// A defect of Splitfin.
const EX_SOFTWARE: u8 = 70;

/// Does what the command line says.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Run { file, watch, take_over } => {
            return serve(&file, watch, if take_over { Claim::TakeOver } else { Claim::Alone });
        }
        Command::Check { file } => Config::load(&file).map(|config| {
            say(&format!(
                "{}: good ({} backends, {} endpoints)\n",
                file.display(),
                config.backends.len() + config.discovery.names.len(),
                config.listen.len()
            ));
        }),
        Command::Route { file, sql } => Config::load(&file).map(|config| say(&explain(&config, &sql))),
        Command::Switchover { file, to } => return ask_running(&file, "PUT", &format!("/api/v1/switchover/{to}")),
        Command::Health { file } => return ask_running(&file, "GET", "/readyz"),
        Command::Certificate { file, renew } => match Config::load(&file) {
            Ok(config) => {
                return show_certificates(&config, renew)
                    .map_or_else(|error| complain(&format!("{error:#}"), 1), |()| ExitCode::SUCCESS);
            }
            Err(error) => Err(error),
        },
        Command::Demo { servers, tour } => {
            let family = match servers {
                DemoFamily::Mariadb => Family::Mariadb,
                DemoFamily::Mysql => Family::Mysql,
            };
            return block_on(demo(family, tour)).unwrap_or_else(|error| complain(&format!("{error:#}"), 1));
        }
    };
    result.map_or_else(|error| complain(&error.to_string(), EX_CONFIG), |()| ExitCode::SUCCESS)
}

fn show_certificates(config: &Config, renew: bool) -> anyhow::Result<()> {
    let encrypted = || config.listen.iter().filter(|listen| listen.tls);
    if renew && encrypted().any(|listen| listen.certificate.is_none()) {
        certificate::renew(&config.state_dir)?;
    }
    for listen in encrypted() {
        say(&certificate::describe(listen, &config.state_dir)?);
    }
    Ok(())
}

fn serve(file: &Path, watch: bool, claim: Claim) -> ExitCode {
    // Before the first thread.
    let inherited = match Inherited::from_env() {
        Ok(inherited) => inherited,
        Err(error) => return complain(&format!("LISTEN_FDS: {error}"), 1),
    };
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => return complain(&error.to_string(), EX_CONFIG),
    };
    logging::start(&config.log);
    logging::log_panics();
    descriptors::raise(&config);
    // Passwords are in memory: not for core files, and not for other processes of the same user.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "core files may hold passwords");
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %file.display(), workers = config.workers, "splitfin");
    let work = async {
        let mut running = run_with(config, inherited, claim).await?;
        let mut end = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        let code = until_told(&mut running, &mut end, file, watch).await?;
        if code == ExitCode::SUCCESS {
            // A second signal ends it at once.
            tokio::select! {
                () = running.drain() => {}
                () = told(&mut end) => {}
            }
        }
        Ok(code)
    };
    let code = block_on(work);
    logging::finish();
    code.unwrap_or_else(|error| complain(&format!("{error:#}"), 1))
}

/// Serves until it is told to end, or cannot go on; gives the exit code.
async fn until_told(
    running: &mut Running,
    end: &mut [Signal; 2],
    file: &Path,
    watch: bool,
) -> anyhow::Result<ExitCode> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut changes = FileChanges::new(file, watch);
    loop {
        tokio::select! {
            () = told(end) => return Ok(ExitCode::SUCCESS),
            _ = hangup.recv() => drop(reload(running, file)),
            () = changes.next() => drop(reload(running, file)),
            event = running.event() => match event {
                Event::Wish(Wish::Reload(answer)) => drop(answer.send(reload(running, file))),
                Event::Failed(why) => {
                    tracing::error!(%why, "Splitfin cannot serve clients any more, and ends (exit code {EX_SOFTWARE})");
                    return Ok(ExitCode::from(EX_SOFTWARE));
                }
            },
        }
    }
}

/// Waits for one of the signals that end it.
async fn told(end: &mut [Signal; 2]) {
    let [terminate, interrupt] = end;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Asks the Splitfin that runs with a configuration, and says what it answers.
fn ask_running(file: &Path, method: &str, path: &str) -> ExitCode {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => return complain(&error.to_string(), EX_CONFIG),
    };
    let Some(address) = config.admin_http else {
        return complain(&format!("{}: admin.http is not set, so nobody can be asked", file.display()), EX_CONFIG);
    };
    // A switchover takes as long as catching up may.
    match ask(address, method, path, config.hold + PATIENCE) {
        Ok((200, text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Ok((_, text)) => complain(text.trim_end(), 1),
        Err(error) => complain(&format!("{address}: {error}: is Splitfin running?"), 1),
    }
}

/// Reads the configuration again. A bad one changes nothing.
fn reload(running: &mut Running, file: &Path) -> Result<Reloaded, String> {
    let config = Config::load(file).map_err(|error| error.to_string());
    let reloaded = config.and_then(|config| running.reload(config).map_err(|error| error.to_string()));
    match &reloaded {
        Ok(reloaded) => tracing::info!(config = %file.display(), "{reloaded}"),
        Err(error) => tracing::error!(config = %file.display(), %error, "not reloaded: nothing has changed"),
    }
    reloaded
}

/// Tells when a file has changed and is at rest again: an editor may write it in several steps.
struct FileChanges<'a> {
    file: &'a Path,
    /// As it was taken in last, and as it was seen last.
    known: Option<Stamp>,
    seen: Option<Stamp>,
    ticks: Option<tokio::time::Interval>,
}

/// When a file was written, and how long it is.
type Stamp = (SystemTime, u64);

impl<'a> FileChanges<'a> {
    fn new(file: &'a Path, watch: bool) -> Self {
        let ticks = watch.then(|| tokio::time::interval(LOOK_AT_FILE));
        let known = stamp(file);
        Self { file, known, seen: known, ticks }
    }

    async fn next(&mut self) {
        let Some(ticks) = &mut self.ticks else { return std::future::pending().await };
        loop {
            ticks.tick().await;
            let now = stamp(self.file);
            let at_rest = now == std::mem::replace(&mut self.seen, now);
            // A file that is gone for the moment is about to be replaced.
            if at_rest && now.is_some() && now != self.known {
                self.known = now;
                return;
            }
        }
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Time for an answer, besides what the question itself may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a watched file is looked at.
const LOOK_AT_FILE: Duration = Duration::from_millis(500);

fn block_on(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    // Control plane only: probes, admin, acceptors. Workers bring their own runtimes.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let code = runtime.block_on(work);
    runtime.shutdown_background();
    code
}

fn say(text: &str) {
    // Nobody is left to tell if standard output is closed.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "splitfin: {text}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{PARTS, started};

    #[tokio::test]
    async fn without_a_part_that_cannot_be_started_again_it_ends_with_a_code_of_its_own() -> anyhow::Result<()> {
        for part in PARTS {
            let (mut running, _state) = started().await?;
            let mut end = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
            running.lose(part);
            let file = Path::new("/nowhere");
            let code = tokio::time::timeout(Duration::from_secs(30), until_told(&mut running, &mut end, file, false));
            assert_eq!(code.await??, ExitCode::from(EX_SOFTWARE), "{part:?}");
        }
        Ok(())
    }
}
