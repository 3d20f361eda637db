//! Where the log goes and what it looks like.
//!
//! Nobody waits for the log: lines go into a bounded queue, and a thread of its own writes them. What clients and servers
//! have a say in is escaped and bounded, so that a line is a line.

mod escape;
mod queue;

use crate::config::Log;
use escape::Fields;
use queue::{Lines, Queue};
use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// As the subscriber is the process's own, so is where its lines wait.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Starts logging to standard output. `SPLITFIN_LOG` overrides the level, in the syntax of `tracing`'s filters.
pub fn start(log: &Log) {
    // A second start, as in tests, changes nothing.
    if QUEUE.get().is_some() {
        return;
    }
    let queue = QUEUE.get_or_init(Queue::default);
    let filter = EnvFilter::try_from_env("SPLITFIN_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("{},mysql_async=warn", log.level.as_str().to_lowercase())));
    let lines = Lines { queue, json: log.json };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(lines);
    let started = match log.json {
        true => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        false => builder.fmt_fields(Fields).try_init(),
    };
    // Not the locked one of the standard library: who says something there must not wait for the log.
    let output = std::io::stdout().as_fd().try_clone_to_owned().map(File::from);
    if let (Ok(()), Ok(output)) = (started, output) {
        // Without a thread nothing is written, and nobody waits either.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || queue.write_forever(output));
    }
}

/// Has panics logged as everything else is: standard error may be a pipe that nobody reads, too.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let at = panic.location().map(ToString::to_string);
        let backtrace = std::backtrace::Backtrace::capture();
        let backtrace =
            (backtrace.status() == std::backtrace::BacktraceStatus::Captured).then(|| backtrace.to_string());
        let text = panic.payload().downcast_ref::<&str>().copied();
        let what = text.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
        tracing::error!(thread = thread.name(), at, backtrace, "panic: {what}");
    }));
}

/// Lines that were left out so far, as they were not read or could not be written.
pub(crate) fn dropped() -> u64 {
    QUEUE.get().map_or(0, Queue::dropped)
}

/// Waits until everything is written, but not for long.
pub(crate) fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(LAST_WORDS);
    }
}

/// How long the end waits for the log.
const LAST_WORDS: Duration = Duration::from_secs(1);
