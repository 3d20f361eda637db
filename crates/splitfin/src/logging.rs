//! Where the log goes and what it looks like.

use crate::config::Log;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard output. `SPLITFIN_LOG` overrides the level, in the syntax of `tracing`'s filters.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_from_env("SPLITFIN_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("{},mysql_async=warn", log.level.as_str().to_lowercase())));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    // A second start, as in tests, changes nothing.
    let _ = match log.json {
        true => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        false => builder.try_init(),
    };
}
