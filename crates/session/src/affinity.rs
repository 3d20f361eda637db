//! Which connection a session holds, and why.
//!
//! ```text
//!           in transaction                       pins, no transaction
//!  Free ─────────────────────> Transaction <────────────────────────> Pinned
//!   ^  └──────────────────── pins ──────────────────────────────────────^ │
//!   └───────────── neither transaction nor pins ──────────────────────────┘
//! ```

use splitfin_backend::Lease;
use splitfin_router::Pins;

/// A lease exists exactly in the states that need one.
#[derive(Debug, Default)]
pub enum Affinity {
    /// Nothing is held: any fit connection may serve the next statement.
    #[default]
    Free,
    /// A transaction is open.
    Transaction {
        /// Where it is open.
        lease: Lease,
        /// What would hold the connection without the transaction.
        pins: Pins,
    },
    /// The connection has state that no other one has.
    Pinned {
        /// Where it is.
        lease: Lease,
        /// What it is.
        pins: Pins,
    },
}

/// What has to happen to a lease behind a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes back.
    Release,
    /// It is held for the transaction.
    HoldForTransaction,
    /// It is held for the pins.
    HoldForPins,
}

/// The fate of a lease, from what is true behind a statement.
pub const fn fate(in_transaction: bool, pins: Pins) -> Fate {
    match (in_transaction, pins.is_empty()) {
        (true, _) => Fate::HoldForTransaction,
        (false, false) => Fate::HoldForPins,
        (false, true) => Fate::Release,
    }
}

impl Affinity {
    /// Holds `lease` as its fate says; a lease that is to be released comes back.
    pub fn hold(lease: Lease, in_transaction: bool, pins: Pins) -> (Self, Option<Lease>) {
        match fate(in_transaction, pins) {
            Fate::Release => (Self::Free, Some(lease)),
            Fate::HoldForTransaction => (Self::Transaction { lease, pins }, None),
            Fate::HoldForPins => (Self::Pinned { lease, pins }, None),
        }
    }

    /// Holds what a login left: the connection of an account whose password has expired, or nothing.
    pub fn of_login(held: Option<Lease>) -> Self {
        held.map_or(Self::Free, |lease| Self::Pinned { lease, pins: Pins::EXPIRED_PASSWORD })
    }

    /// Whether nothing is held.
    pub const fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }

    /// Whether a transaction is open.
    pub const fn in_transaction(&self) -> bool {
        matches!(self, Self::Transaction { .. })
    }

    /// What holds the connection, beside a transaction.
    pub const fn pins(&self) -> Pins {
        match self {
            Self::Free => Pins::empty(),
            Self::Transaction { pins, .. } | Self::Pinned { pins, .. } => *pins,
        }
    }

    /// The lease, where one is held.
    pub const fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Free => None,
            Self::Transaction { lease, .. } | Self::Pinned { lease, .. } => Some(lease),
        }
    }

    /// The lease, to be used.
    pub const fn lease_mut(&mut self) -> Option<&mut Lease> {
        match self {
            Self::Free => None,
            Self::Transaction { lease, .. } | Self::Pinned { lease, .. } => Some(lease),
        }
    }

    /// Takes the lease out, with what held it.
    pub fn take(&mut self) -> Option<(Lease, bool, Pins)> {
        match std::mem::take(self) {
            Self::Free => None,
            Self::Transaction { lease, pins } => Some((lease, true, pins)),
            Self::Pinned { lease, pins } => Some((lease, false, pins)),
        }
    }

    /// Adds or removes pins while the lease stays where it is.
    pub fn set_pins(&mut self, change: impl FnOnce(Pins) -> Pins) -> Option<Lease> {
        let (lease, in_transaction, pins) = self.take()?;
        let (affinity, released) = Self::hold(lease, in_transaction, change(pins));
        *self = affinity;
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_held_exactly_while_something_needs_it() {
        assert_eq!(fate(false, Pins::empty()), Fate::Release);
        assert_eq!(fate(true, Pins::empty()), Fate::HoldForTransaction);
        assert_eq!(fate(true, Pins::TEMPORARY_TABLE), Fate::HoldForTransaction);
        for pin in Pins::all().iter() {
            assert_eq!(fate(false, pin), Fate::HoldForPins, "{pin}");
        }
    }
}
