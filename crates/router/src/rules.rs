//! Rules of the operator, for what the classes cannot know.

use crate::digest::Digest;
use crate::facts::Facts;
use crate::statement::Statement;
use regex::Regex;
use std::sync::Arc;

/// Whose writes a read has to see, where it runs on a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Those of its session.
    #[default]
    Session,
    /// Those of all sessions of its account, through this Splitfin.
    User,
    /// Those of everybody, through this Splitfin.
    Global,
    /// Nobody's: as the replica is.
    Off,
}

/// One rule: the first that matches and says something of a matter decides it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Which statements it is for.
    pub matcher: Matcher,
    /// What happens to them, if it says so.
    pub action: Option<Action>,
    /// Whose writes they see, if it says so.
    pub scope: Option<Scope>,
    /// Why; shows in the reason.
    pub note: Arc<str>,
}

/// All conditions that are set must hold.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    /// Account name.
    pub user: Option<String>,
    /// Default database.
    pub schema: Option<String>,
    /// Client address: network and prefix length.
    pub client: Option<(std::net::IpAddr, u8)>,
    /// Digest, as the log shows it.
    pub digest: Option<Digest>,
    /// On the normalised text.
    pub regex: Option<Regex>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// On the primary.
    Primary,
    /// On a replica, if it is a proven read.
    Replicas,
    /// On this backend; on a replica only if it is a proven read.
    Backend(String),
    /// Not at all.
    Reject,
}

impl Matcher {
    /// Whether the rule is for this statement of this session.
    pub fn matches(&self, statement: &Statement, facts: &Facts<'_>) -> bool {
        self.user.as_deref().is_none_or(|user| user == facts.user)
            && self.schema.as_deref().is_none_or(|schema| Some(schema) == facts.database)
            && self
                .client
                .is_none_or(|(network, bits)| facts.client.is_some_and(|address| within(address, network, bits)))
            && self.digest.is_none_or(|digest| digest == statement.digest)
            && self.regex.as_ref().is_none_or(|regex| regex.is_match(statement.shown()))
    }
}

/// Whether an address is in a network, of which so many bits count.
pub fn within(address: std::net::IpAddr, network: std::net::IpAddr, bits: u8) -> bool {
    use std::net::IpAddr::{V4, V6};
    let cut = |value: u128, width: u8| value.checked_shr(u32::from(width.saturating_sub(bits))).unwrap_or(0);
    match (address, network) {
        (V4(address), V4(network)) => cut(u32::from(address).into(), 32) == cut(u32::from(network).into(), 32),
        (V6(address), V6(network)) => cut(address.into(), 128) == cut(network.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let ip = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
        assert!(within(ip("10.1.2.3"), ip("10.1.0.0"), 16));
        assert!(!within(ip("10.2.2.3"), ip("10.1.0.0"), 16));
        assert!(within(ip("10.2.2.3"), ip("0.0.0.0"), 0));
        assert!(within(ip("fd00::1"), ip("fd00::"), 8));
        assert!(!within(ip("10.1.2.3"), ip("fd00::"), 0));
    }
}
