//! What is left while there is no primary, and whether another server could become it.

use super::member::{Member, Standing};
use super::{Hold, Monitor, PrimaryChoice};
use crate::backend::BackendId;
use std::time::Duration;

impl Monitor {
    /// The read-only server that was the primary, or the only one that could be.
    pub(super) fn resort(&self) -> Option<BackendId> {
        if self.primary.is_some() {
            return None;
        }
        let may_serve = |member: &Member| {
            let leads = member.seen.as_ref().is_some_and(|seen| seen.read_only && self.is_a_source(seen));
            member.silent == 0 && member.standing == Standing::Active && member.membership().is_none() && leads
        };
        if let Some(last) = self.last_primary {
            return self.member(last).is_some_and(may_serve).then_some(last);
        }
        // Before all were looked at, nobody knows whether there is a primary.
        if !self.ours().all(|(_, member)| member.seen.is_some() || member.silent > 0) {
            return None;
        }
        let mut left = self.ours().filter(|(_, member)| may_serve(member)).map(|(id, _)| id);
        left.next().filter(|_| left.next().is_none())
    }

    /// Whether another server could become the primary, is about to, or may have: it has just replicated, it is writable and
    /// no one knows yet what that means, or it does not answer, so that no one knows what was made of it.
    pub(super) fn is_replaceable(&self) -> bool {
        if !matches!(self.hold, Hold::Off) || self.ambiguous {
            return true;
        }
        let current = self.primary.or_else(|| self.resort());
        let now = self.ours().filter_map(|(_, member)| Some(member.seen.as_ref()?.begun)).max();
        let could = |member: &Member| {
            let writable = member.seen.as_ref().is_some_and(|seen| !seen.read_only);
            // One that is being promoted has been told to stop replicating.
            let followed = now.zip(member.followed).is_some_and(|(now, then)| now.duration_since(then) < PROMOTION);
            let named = match &self.choice {
                PrimaryChoice::Named(name) => member.spec.name == *name,
                PrimaryChoice::Auto => true,
            };
            let is_silent = member.silent >= self.thresholds.fall.max(1);
            member.standing == Standing::Active && named && (is_silent || writable || followed)
        };
        self.ours().any(|(id, member)| current != Some(id) && could(member))
    }
}

/// A server that has not replicated for longer is not being promoted: it is broken.
const PROMOTION: Duration = Duration::from_secs(5);
