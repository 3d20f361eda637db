//! Splitfin: one MySQL endpoint that sends writes to the primary and reads to a healthy replica.
//!
//! This crate knows everyone: it reads the configuration, builds the rooms, and runs them. [`run()`] is the whole program
//! as a function, so that tests link the product instead of starting it.

mod admin;
mod admission;
mod cautions;
mod certificate;
pub mod cli;
pub mod config;
mod demo;
mod descriptors;
mod discovery;
mod explain;
mod failover;
mod fleet;
mod listener;
mod logging;
mod metrics;
mod names;
mod relay;
mod reload;
mod run;
mod strangers;
mod supervision;
mod wiring;
mod worker;

pub use admin::Wish;
pub use config::{Config, ConfigError};
pub use demo::demo;
pub use explain::explain;
pub use logging::start as start_logging;
pub use reload::Reloaded;
pub use run::{Event, Running, StartError, run, run_with};
pub use splitfin_transport::{Claim, Endpoint, Inherited};
