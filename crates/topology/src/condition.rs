//! Is a server fit to serve reads? Two thresholds and two counters keep it from flapping.
//!
//! ```text
//!             first observation good                 `fall` bad in a row
//!  Unknown ─────────────────────────> Fit ───────────────────────────────> Unfit
//!     └── first observation bad ──────────────────────> ^                    │
//!                                     ^──── `rise` good in a row ────────────┘
//! ```
//! Good means: nothing is wrong and, on the way back, lag is at most `lag_resume`; on the way out, at most `lag_max`.

use crate::monitor::Late;
use crate::observation::{Identity, Observation, ProbeFailure};
use std::fmt;
use std::time::Duration;

/// When a replica leaves and when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// A replica that is later than this is not read from.
    pub lag_max: Duration,
    /// A replica that left comes back at this lag.
    pub lag_resume: Duration,
    /// Bad observations in a row that take a server out.
    pub fall: u32,
    /// Good observations in a row that bring it back.
    pub rise: u32,
    /// In this time it gets its share of the reads back.
    pub slow_start: Duration,
}

/// Why a server takes no reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It was not probed yet.
    NotProbed,
    /// The probe failed.
    Probe(ProbeFailure),
    /// It is neither the primary nor the replica of anybody.
    NotReplicating,
    /// It is no full member of its cluster.
    NotInCluster {
        /// What it is instead, in the server's words.
        state: String,
    },
    /// It replicates from a server that is none of ours.
    ForeignSource {
        /// Channel name.
        channel: String,
    },
    /// It replicates from one of ours that gets nothing from the primary.
    WrongSource {
        /// That server.
        source: String,
    },
    /// It replicates from a replica that is not well itself.
    SourceUnfit {
        /// That replica.
        source: String,
    },
    /// It accepts writes and has not followed the primary: it may be a primary of the past.
    Fenced {
        /// The last primary.
        primary: String,
    },
    /// It accepts writes alongside the primary, or nothing tells that it is the primary.
    AlsoWritable,
    /// The thread that fetches events does not run.
    NotReceiving {
        /// The server's own words.
        error: Option<String>,
    },
    /// The thread that applies events does not run.
    NotApplying {
        /// The server's own words.
        error: Option<String>,
    },
    /// The server does not know how late it is.
    LagUnknown,
    /// It is too late.
    Lagging {
        /// How late.
        lag: Duration,
        /// The threshold that counts.
        limit: Duration,
    },
    /// It is well again, but not for long enough.
    Returning {
        /// Good observations so far.
        seen: u32,
        /// Good observations needed.
        needed: u32,
    },
    /// Statements fail there one after the other, though its probes pass.
    FailsStatements,
    /// It wants no reads.
    WeightZero,
    /// An operator wants it to get nothing new.
    Drained,
    /// It is none of ours any more.
    Removed,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |error: &Option<String>| error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        match self {
            Self::NotProbed => f.write_str("not probed yet"),
            Self::Probe(failure) => failure.fmt(f),
            Self::NotReplicating => f.write_str("neither the primary nor a replica of it"),
            Self::NotInCluster { state } => write!(f, "no full member of its cluster: {state}"),
            Self::ForeignSource { channel } if channel.is_empty() => f.write_str("replicates from an unknown server"),
            Self::ForeignSource { channel } => write!(f, "channel `{channel}` replicates from an unknown server"),
            Self::WrongSource { source } => write!(f, "replicates from {source}, which gets nothing from the primary"),
            Self::SourceUnfit { source } => write!(f, "replicates from {source}, which is not well"),
            Self::Fenced { primary } => {
                write!(f, "accepts writes and has not followed {primary}: set read_only and make it a replica")
            }
            Self::AlsoWritable => {
                f.write_str("accepts writes and replicates from nobody, and is not known to be the primary")
            }
            Self::NotReceiving { error } => write!(f, "replication receives nothing{}", because(error)),
            Self::NotApplying { error } => write!(f, "replication applies nothing{}", because(error)),
            Self::LagUnknown => f.write_str("lag unknown"),
            Self::Lagging { lag, limit } => write!(f, "lag {lag:.1?} above {limit:.1?}"),
            Self::Returning { seen, needed } => write!(f, "well again, {seen} of {needed} probes"),
            Self::FailsStatements => f.write_str("statements fail there, though probes pass"),
            Self::WeightZero => f.write_str("weight 0"),
            Self::Drained => f.write_str("drained"),
            Self::Removed => f.write_str("removed"),
        }
    }
}

/// The condition of one server, with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Unknown,
    Fit { bad: u32, last: Option<Unfit> },
    Unfit { why: Unfit, good: u32 },
}

impl Condition {
    /// Takes the verdict on one observation.
    pub(crate) fn observe(self, verdict: Result<(), Unfit>, thresholds: &Thresholds) -> Self {
        match (self, verdict) {
            (Self::Unknown, Ok(())) => Self::Fit { bad: 0, last: None },
            (Self::Unknown, Err(why)) | (Self::Unfit { .. }, Err(why)) => Self::Unfit { why, good: 0 },
            (Self::Fit { .. }, Ok(())) => Self::Fit { bad: 0, last: None },
            (Self::Fit { bad, .. }, Err(why)) if bad + 1 >= thresholds.fall => Self::Unfit { why, good: 0 },
            (Self::Fit { bad, .. }, Err(why)) => Self::Fit { bad: bad + 1, last: Some(why) },
            (Self::Unfit { good, .. }, Ok(())) if good + 1 >= thresholds.rise => Self::Fit { bad: 0, last: None },
            (Self::Unfit { good, .. }, Ok(())) => {
                let seen = good + 1;
                Self::Unfit { why: Unfit::Returning { seen, needed: thresholds.rise }, good: seen }
            }
        }
    }

    /// The lag that is allowed now.
    pub(crate) const fn lag_limit(&self, thresholds: &Thresholds) -> Duration {
        match self {
            Self::Unfit { .. } => thresholds.lag_resume,
            Self::Unknown | Self::Fit { .. } => thresholds.lag_max,
        }
    }

    pub(crate) fn fitness(&self) -> Result<(), Unfit> {
        match self {
            Self::Unknown => Err(Unfit::NotProbed),
            Self::Fit { .. } => Ok(()),
            Self::Unfit { why, .. } => Err(why.clone()),
        }
    }
}

/// What is known of the way from a replica's source to the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    /// The source is none of ours.
    Unknown,
    /// It is, or leads to, the primary.
    Flows,
    /// It is the primary, and its last probe failed.
    Silent,
    /// It is a replica that is not well itself.
    Blocked(String),
    /// It is one of ours that gets nothing from the primary.
    Elsewhere(String),
}

/// What one observation of a replica means.
pub(crate) fn judge_replica(
    seen: &Observation,
    limit: Duration,
    late: Late,
    path_to: impl Fn(&Identity) -> Path,
) -> Result<(), Unfit> {
    if let Some(membership) = &seen.membership {
        membership.ready.clone().map_err(|state| Unfit::NotInCluster { state })?;
        return match membership.lag {
            Some(lag) if lag > limit => Err(Unfit::Lagging { lag, limit }),
            Some(_) | None => Ok(()),
        };
    }
    if seen.channels.is_empty() {
        return Err(if seen.read_only { Unfit::NotReplicating } else { Unfit::AlsoWritable });
    }
    for channel in &seen.channels {
        let nothing_to_receive = match path_to(&channel.source) {
            Path::Unknown => return Err(Unfit::ForeignSource { channel: channel.name.clone() }),
            Path::Elsewhere(source) => return Err(Unfit::WrongSource { source }),
            Path::Blocked(source) => return Err(Unfit::SourceUnfit { source }),
            // A replica whose primary is down receives nothing and knows no lag, and misses nothing either: without
            // this, the loss of the primary would take all reads with it.
            Path::Silent => true,
            Path::Flows => false,
        };
        if !channel.applying {
            return Err(Unfit::NotApplying { error: channel.error.clone() });
        }
        if !channel.receiving && !nothing_to_receive {
            return Err(Unfit::NotReceiving { error: channel.error.clone() });
        }
        let lag = match late.lag(channel) {
            None if nothing_to_receive => channel.delay,
            None => return Err(Unfit::LagUnknown),
            Some(lag) => lag,
        };
        if lag > limit {
            return Err(Unfit::Lagging { lag, limit });
        }
    }
    Ok(())
}
