//! Which connection a session holds, why, and what only that connection has.
//!
//! ```text
//!              in transaction, or pinned
//!  Free ─────────────────────────────────────> Held ──┐
//!   ^ <──── neither transaction nor pins ────── │ ^───┘ still needed
//!   └ ─ ─ ─ ─ ─ the connection is lost ─ ─ ─ ─ ─┘
//! ```
//! Dropping [`Held`] closes the connection and forgets all that was known of it: nothing of it can be asked of another one.

use crate::opening::Opening;
use crate::read_only::Savepoints;
use crate::settle::Unread;
use splitfin_router::{Holdings, Pins};
use std::collections::BTreeSet;

/// Which connection a session holds. `L` is the lease of one; in tests, anything.
#[derive(Debug, Default)]
pub(crate) enum Binding<L> {
    /// None: any fit connection may serve the next statement.
    #[default]
    Free,
    /// One that a transaction or something else needs.
    Held(Box<Held<L>>),
}

/// A connection that a session holds, or that serves its statement.
#[derive(Debug)]
pub(crate) struct Held<L> {
    pub(crate) lease: L,
    /// What holds it, besides a transaction.
    pub(crate) pins: Pins,
    /// What it has and its server did not report.
    pub(crate) unread: Unread,
    /// What it has by name.
    pub(crate) holdings: Holdings,
    /// User variables that may have been assigned, and whose values are not known.
    pub(crate) variables: BTreeSet<Box<str>>,
    /// Savepoints of a READ ONLY transaction on a replica.
    pub(crate) savepoints: Savepoints,
    /// How the open transaction began, as long as nothing was done in it.
    pub(crate) opening: Opening,
    /// Prepared statements with an open cursor or with pieces of parameters, by the client's ids.
    pub(crate) open: Vec<u32>,
}

/// What becomes of a connection after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes back.
    Release,
    /// It is held for the transaction.
    HoldForTransaction,
    /// It is held for the pins.
    HoldForPins,
}

/// The fate of a connection, from what is true after a statement.
pub(crate) const fn fate(in_transaction: bool, pins: Pins) -> Fate {
    match (in_transaction, pins.is_empty()) {
        (true, _) => Fate::HoldForTransaction,
        (false, false) => Fate::HoldForPins,
        (false, true) => Fate::Release,
    }
}

impl<L> Held<L> {
    /// A connection with nothing of the session on it.
    pub(crate) fn new(lease: L) -> Self {
        Self {
            lease,
            pins: Pins::empty(),
            unread: Unread::default(),
            holdings: Holdings::default(),
            variables: BTreeSet::new(),
            savepoints: Savepoints::default(),
            opening: Opening::default(),
            open: Vec::new(),
        }
    }

    /// Notes whether a prepared statement has an open cursor, or pieces of parameters.
    pub(crate) fn note_open(&mut self, id: u32, open: bool) {
        self.open.retain(|known| *known != id);
        if open {
            self.open.push(id);
        }
    }

    /// The pins, without those of statements that are not open any more.
    pub(crate) fn pins_while_open(&self, pins: Pins) -> Pins {
        if self.open.is_empty() { pins - (Pins::CURSOR | Pins::LONG_DATA) } else { pins }
    }
}

impl<L> Binding<L> {
    /// Holds what a login left: the connection of an account whose password has expired, or nothing.
    pub(crate) fn of_login(held: Option<L>) -> Self {
        held.map_or(Self::Free, |lease| Self::to(Held { pins: Pins::EXPIRED_PASSWORD, ..Held::new(lease) }))
    }

    /// Holds a connection.
    pub(crate) fn to(held: Held<L>) -> Self {
        Self::Held(Box::new(held))
    }

    /// Whether nothing is held.
    pub(crate) const fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }

    /// What holds the connection, besides a transaction.
    pub(crate) fn pins(&self) -> Pins {
        self.held().map_or(Pins::empty(), |held| held.pins)
    }

    /// What is held.
    pub(crate) fn held(&self) -> Option<&Held<L>> {
        match self {
            Self::Free => None,
            Self::Held(held) => Some(held.as_ref()),
        }
    }

    /// What is held, to be changed.
    pub(crate) fn held_mut(&mut self) -> Option<&mut Held<L>> {
        match self {
            Self::Free => None,
            Self::Held(held) => Some(held.as_mut()),
        }
    }

    /// The lease, where one is held.
    pub(crate) fn lease(&self) -> Option<&L> {
        self.held().map(|held| &held.lease)
    }

    /// The lease, to be used.
    pub(crate) fn lease_mut(&mut self) -> Option<&mut L> {
        self.held_mut().map(|held| &mut held.lease)
    }

    /// Takes out what is held.
    pub(crate) fn take(&mut self) -> Option<Held<L>> {
        match std::mem::take(self) {
            Self::Free => None,
            Self::Held(held) => Some(*held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_held_exactly_while_something_needs_it() {
        assert_eq!(fate(false, Pins::empty()), Fate::Release);
        assert_eq!(fate(true, Pins::empty()), Fate::HoldForTransaction);
        assert_eq!(fate(true, Pins::TEMPORARY_TABLE), Fate::HoldForTransaction);
        for pin in Pins::all().iter() {
            assert_eq!(fate(false, pin), Fate::HoldForPins, "{pin}");
        }
    }

    #[test]
    fn what_is_known_of_a_connection_goes_with_it() {
        let mut binding = Binding::of_login(Some("first"));
        let held = binding.held_mut().unwrap();
        held.unread.role = true;
        held.variables.insert("a".into());
        held.note_open(7, true);
        assert_eq!(binding.take().map(|held| (held.lease, held.pins)), Some(("first", Pins::EXPIRED_PASSWORD)));
        assert!(binding.is_free() && binding.pins().is_empty());
        let next = Held::new("second");
        assert!(!next.unread.is_any() && next.variables.is_empty() && next.open.is_empty());
    }

    #[test]
    fn cursors_pin_while_one_is_open() {
        let mut held = Held::new(());
        let pins = Pins::CURSOR | Pins::USER_LOCK;
        held.note_open(1, true);
        held.note_open(2, true);
        held.note_open(1, false);
        assert_eq!(held.pins_while_open(pins), pins);
        held.note_open(2, false);
        assert_eq!(held.pins_while_open(pins), Pins::USER_LOCK);
    }
}
