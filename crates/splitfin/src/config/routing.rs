//! Routing and consistency: modes, rules, scopes.

use super::Backend;
use super::file::{self, File};
use super::{Check, ConfigError};
use splitfin_router::{Action, Digest, Matcher, Mode, Rule, Scope};
use std::net::IpAddr;
use std::time::Duration;

impl Check<'_> {
    pub(super) fn routing(&self, file: &File, backends: &[Backend]) -> Result<splitfin_router::Settings, ConfigError> {
        let mode = file.routing.mode.0.as_str();
        let mode = match mode.split_once(' ').unwrap_or((mode, "")) {
            ("" | "split", "") => Mode::Split,
            ("observe", "") => Mode::Observe,
            ("ramp", percent) => {
                let percent = percent
                    .trim()
                    .strip_suffix('%')
                    .and_then(|number| number.parse().ok())
                    .filter(|percent| *percent <= 100);
                Mode::Ramp(percent.ok_or_else(|| self.wrong("routing.mode", "write `ramp 25%`"))?)
            }
            _ => return Err(self.wrong("routing.mode", format!("`{mode}` is unknown: split, observe, or `ramp 25%`"))),
        };
        let rules = file
            .routing
            .rules
            .iter()
            .enumerate()
            .map(|(at, rule)| self.rule(at, rule, backends))
            .collect::<Result<_, _>>()?;
        Ok(splitfin_router::Settings { mode, rules, scope: scope(file.consistency.scope) })
    }

    /// An address, and how many of its bits count.
    fn network(&self, key: &str, text: &str) -> Result<(IpAddr, u8), ConfigError> {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let parsed: Option<(IpAddr, u8)> = address.parse().ok().and_then(|ip: IpAddr| {
            let most = if ip.is_ipv4() { 32 } else { 128 };
            let bits = if bits.is_empty() { most } else { bits.parse().ok().filter(|bits| *bits <= most)? };
            Some((ip, bits))
        });
        parsed.ok_or_else(|| self.wrong(key, format!("`{text}` is no network: write 10.1.0.0/16")))
    }

    pub(super) fn networks(&self, key: &str, texts: &[String]) -> Result<Vec<(IpAddr, u8)>, ConfigError> {
        texts.iter().map(|text| self.network(key, text)).collect()
    }

    fn action(&self, key: &str, text: &str, backends: &[Backend]) -> Result<Action, ConfigError> {
        match text.split_once('=').unwrap_or((text, "")) {
            ("primary" | "master", "") => Ok(Action::Primary),
            ("replicas" | "slaves", "") => Ok(Action::Replicas),
            ("reject", "") => Ok(Action::Reject),
            ("backend", name) if backends.iter().any(|backend| backend.spec.name == name) => {
                Ok(Action::Backend(name.to_owned()))
            }
            ("backend", name) => Err(self.wrong(key, format!("there is no backend `{name}`"))),
            _ => Err(self.wrong(key, format!("`{text}` is unknown: primary, replicas, backend=NAME or reject"))),
        }
    }

    fn rule(&self, at: usize, rule: &file::Rule, backends: &[Backend]) -> Result<Rule, ConfigError> {
        let key = |name: &str| format!("routing.rules[{at}].{name}");
        let action = rule.action.as_ref().map(|text| self.action(&key("action"), text, backends)).transpose()?;
        if action.is_none() && rule.consistency.is_none() {
            return Err(self.wrong(key("action"), "a rule needs an `action`, a `consistency`, or both"));
        }
        let digest = |text: &String| {
            u64::from_str_radix(text, 16)
                .map(Digest)
                .map_err(|_| self.wrong(key("match.digest"), "16 hexadecimal digits, as the log shows them"))
        };
        let client = |text: &String| self.network(&key("match.client"), text);
        let regex =
            |text: &String| regex::Regex::new(text).map_err(|error| self.wrong(key("match.regex"), error.to_string()));
        let matcher = Matcher {
            user: rule.matches.user.clone(),
            schema: rule.matches.schema.clone(),
            client: rule.matches.client.as_ref().map(client).transpose()?,
            digest: rule.matches.digest.as_ref().map(digest).transpose()?,
            regex: rule.matches.regex.as_ref().map(regex).transpose()?,
        };
        let scope = rule.consistency.map(scope);
        Ok(Rule { matcher, action, scope, note: rule.note.as_str().into() })
    }

    pub(super) fn consistency_wait(&self, file: &File) -> Result<Duration, ConfigError> {
        let wait = file.consistency.wait.0;
        match wait > LONGEST_WAIT {
            true => {
                Err(self.wrong("consistency.wait", format!("at most {LONGEST_WAIT:?}: the primary answers sooner")))
            }
            false => Ok(wait),
        }
    }
}

/// By default as long as a replica may be late without being left out, and a little more.
pub(super) fn consistency_sticky(file: &File) -> Duration {
    let monitor = &file.monitor;
    let left_out_after = monitor.lag.max.0 + (monitor.interval.0 + monitor.timeout.0) * monitor.fall;
    file.consistency.sticky.as_ref().map_or(left_out_after, |sticky| sticky.0)
}

const fn scope(scope: file::Scope) -> Scope {
    match scope {
        file::Scope::Session => Scope::Session,
        file::Scope::User => Scope::User,
        file::Scope::Global => Scope::Global,
        file::Scope::Off => Scope::Off,
    }
}

/// A read that waits holds a connection.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
