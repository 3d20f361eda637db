//! What was written, where more than one session has to see it. This is all that sessions of different workers share on
//! the path of a query: reading is one atomic load, and only writes replace.

use arc_swap::ArcSwap;
use splitfin_router::consistency::Mark;
use splitfin_router::{Scope, Settings};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What several sessions have written together.
pub(crate) type SharedMark = Arc<ArcSwap<Mark>>;

/// The marks of all scopes that are wider than a session, as far as the configuration uses them.
#[derive(Debug, Default)]
pub struct Marks {
    users: Option<Mutex<HashMap<Box<str>, SharedMark>>>,
    global: Option<SharedMark>,
}

impl Marks {
    /// For what `settings` use.
    pub fn new(settings: &Settings) -> Self {
        Self {
            users: settings.uses(Scope::User).then(Mutex::default),
            global: settings.uses(Scope::Global).then(Arc::default),
        }
    }

    /// Whether the marks for one are also those for the other.
    pub fn serve_both(one: &Settings, other: &Settings) -> bool {
        [Scope::User, Scope::Global].into_iter().all(|scope| one.uses(scope) == other.uses(scope))
    }

    /// The mark of an account; asked for once, at login.
    pub(crate) fn of_user(&self, user: &str) -> Option<SharedMark> {
        // A map of marks is never half changed.
        let mut users = self.users.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(users.entry(user.into()).or_default()))
    }

    /// The mark of everybody.
    pub(crate) fn of_all(&self) -> Option<SharedMark> {
        self.global.clone()
    }
}
