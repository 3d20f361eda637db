//! MariaDB: `domain-server-number`, one for each domain.

use super::{PositionError, parts};
use smallvec::SmallVec;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gtid {
    domain: u32,
    /// Who wrote the transaction. It says nothing of the order.
    server: u32,
    number: u64,
}

impl Gtid {
    /// Domain, server and number.
    pub(super) const fn fields(self) -> (u32, u32, u64) {
        (self.domain, self.server, self.number)
    }
}

/// The last transaction of each domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Domains {
    /// By domain.
    last: SmallVec<[Gtid; 1]>,
}

impl Domains {
    pub(super) fn parse(text: &str) -> Result<Self, PositionError> {
        let mut domains = Self::default();
        for part in parts(text) {
            domains.add_one(gtid(part)?);
        }
        Ok(domains)
    }

    /// Whether there is no domain.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// How many domains there are.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    pub(super) fn contains(&self, needed: &Self) -> bool {
        needed.last.iter().all(|needed| self.number(needed.domain) >= needed.number)
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.last.iter().for_each(|gtid| self.add_one(*gtid));
    }

    pub(super) fn lacks(&self, needed: &Self) -> u64 {
        needed
            .last
            .iter()
            .map(|needed| needed.number.saturating_sub(self.number(needed.domain)))
            .fold(0, u64::saturating_add)
    }

    /// Whether something is missing of what came between `base` and `needed`.
    pub(super) fn is_behind(&self, base: &Self, needed: &Self) -> bool {
        let came = |needed: &Gtid| needed.number > base.number(needed.domain);
        needed.last.iter().any(|needed| came(needed) && self.number(needed.domain) < needed.number)
    }

    /// 0 for a domain that is not there: numbers start with 1.
    fn number(&self, domain: u32) -> u64 {
        self.last.iter().find(|ours| ours.domain == domain).map_or(0, |ours| ours.number)
    }

    fn add_one(&mut self, gtid: Gtid) {
        match self.last.binary_search_by_key(&gtid.domain, |ours| ours.domain) {
            Ok(at) if self.last[at].number < gtid.number => self.last[at] = gtid,
            Ok(_) => {}
            Err(at) => self.last.insert(at, gtid),
        }
    }
}

pub(super) fn gtid(text: &str) -> Result<Gtid, PositionError> {
    let wrong = || PositionError::new(text, "MariaDB writes domain-server-number, as in 0-1-100");
    let mut fields = text.split('-');
    let mut field = || fields.next().filter(|field| is_number(field)).ok_or_else(wrong);
    let gtid = Gtid {
        domain: field()?.parse().map_err(|_| wrong())?,
        server: field()?.parse().map_err(|_| wrong())?,
        number: field()?.parse().map_err(|_| wrong())?,
    };
    match fields.next() {
        None => Ok(gtid),
        Some(_) => Err(wrong()),
    }
}

/// `parse` would also take a sign.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Domains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Gtid { domain, server, number }) in self.last.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{domain}-{server}-{number}")?;
        }
        Ok(())
    }
}
