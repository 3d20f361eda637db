//! MySQL: `uuid:1-5:7`, with a tag (`uuid:tag:1-3`) since 8.3.

use super::{PositionError, parts};
use smallvec::{SmallVec, smallvec};
use std::fmt;

/// Who numbers: a server's UUID, and a tag within it; no tag is the empty one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    uuid: [u8; 16],
    tag: Box<str>,
}

/// First and last number.
type Interval = (u64, u64);

/// Numbers of one source: sorted, apart from each other by at least one number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Intervals(SmallVec<[Interval; 2]>);

/// Sets of numbers, by source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet {
    /// By source; none without numbers.
    sources: SmallVec<[(Source, Intervals); 1]>,
}

impl GtidSet {
    pub(super) fn parse(text: &str) -> Result<Self, PositionError> {
        let mut set = Self::default();
        for part in parts(text) {
            let mut fields = part.split(':').map(str::trim);
            let uuid = uuid(fields.next().unwrap_or_default()).ok_or_else(|| {
                PositionError::new(part, "a UUID comes first, as in 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5")
            })?;
            let mut tag = Box::default();
            let mut numbers = 0;
            for field in fields {
                match interval(field) {
                    Some(interval) => {
                        numbers += 1;
                        set.add_interval(&Source { uuid, tag: Clone::clone(&tag) }, interval);
                    }
                    None => {
                        let why =
                            "numbers from 1 (as in 5 or 1-5) or a tag of up to 32 letters, digits and _ follow a colon";
                        tag = self::tag(field).ok_or_else(|| PositionError::new(part, why))?;
                    }
                }
            }
            if numbers == 0 {
                return Err(PositionError::new(part, "no numbers follow the UUID"));
            }
        }
        Ok(set)
    }

    /// Whether there is no transaction in it.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    pub(super) fn contains(&self, needed: &Self) -> bool {
        needed.sources.iter().all(|(source, needed)| self.numbers(source).is_some_and(|ours| ours.contains(needed)))
    }

    /// Without what the server of this UUID wrote.
    pub(super) fn without(&self, writer: &str) -> Self {
        let writer = uuid(writer);
        let others = self.sources.iter().filter(|(source, _)| Some(source.uuid) != writer);
        Self { sources: others.cloned().collect() }
    }

    /// Whether both have something of the same server.
    pub(super) fn shares_source(&self, other: &Self) -> bool {
        self.sources.iter().any(|(source, _)| other.sources.iter().any(|(theirs, _)| theirs.uuid == source.uuid))
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (source, intervals) in &other.sources {
            for interval in &intervals.0 {
                self.add_interval(source, *interval);
            }
        }
        self.sources.iter_mut().for_each(|(_, intervals)| intervals.compact());
    }

    pub(super) fn lacks(&self, needed: &Self) -> u64 {
        let after = |(source, needed): &(Source, Intervals)| {
            let ours = self.numbers(source).map_or(0, Intervals::last);
            let missing = u64::from(self.numbers(source).is_none_or(|ours| !ours.contains(needed)));
            needed.last().saturating_sub(ours).max(missing)
        };
        needed.sources.iter().map(after).fold(0, u64::saturating_add)
    }

    /// Whether something is missing of what came between `base` and `needed`.
    pub(super) fn is_behind(&self, base: &Self, needed: &Self) -> bool {
        let last = |set: &Self, source| set.numbers(source).map_or(0, Intervals::last);
        needed
            .sources
            .iter()
            .any(|(source, needed)| needed.last() > last(base, source) && last(self, source) < needed.last())
    }

    fn numbers(&self, source: &Source) -> Option<&Intervals> {
        self.place(source).ok().map(|at| &self.sources[at].1)
    }

    fn place(&self, source: &Source) -> Result<usize, usize> {
        self.sources.binary_search_by(|(ours, _)| ours.cmp(source))
    }

    fn add_interval(&mut self, source: &Source, interval: Interval) {
        if interval.0 > interval.1 {
            // Servers take 5-3 for nothing.
            return;
        }
        match self.place(source) {
            Ok(at) => self.sources[at].1.add(interval),
            Err(at) => self.sources.insert(at, (source.clone(), Intervals(smallvec![interval]))),
        }
    }
}

impl Intervals {
    fn contains(&self, needed: &Self) -> bool {
        needed.0.iter().all(|(first, last)| {
            // The last one that starts at or before it.
            let after = self.0.partition_point(|(ours, _)| ours <= first);
            after.checked_sub(1).is_some_and(|at| self.0[at].1 >= *last)
        })
    }

    fn last(&self) -> u64 {
        self.0.last().map_or(0, |(_, last)| *last)
    }

    fn add(&mut self, (mut first, mut last): Interval) {
        // Those that touch or overlap become one with it.
        let from = self.0.partition_point(|(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|(start, _)| *start <= last.saturating_add(1));
        if let Some(touched) = self.0.get(from..to).filter(|touched| !touched.is_empty()) {
            first = first.min(touched[0].0);
            last = last.max(touched[touched.len() - 1].1);
        }
        self.0.drain(from..to.max(from));
        self.0.insert(from, (first, last));
    }

    /// Closes the oldest gaps of a long list. What is between two transactions of one source was committed before
    /// the later one, so asking for it too is never wrong, and the list of one that writes for days stays short.
    fn compact(&mut self) {
        if let Some(surplus) = self.0.len().checked_sub(MOST_INTERVALS).filter(|surplus| *surplus > 0) {
            let (first, last) = (self.0[0].0, self.0[surplus].1);
            self.0.drain(..=surplus);
            self.0.insert(0, (first, last));
        }
    }
}

/// Gaps that are kept for each source when positions are added up.
const MOST_INTERVALS: usize = 16;

fn uuid(text: &str) -> Option<[u8; 16]> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    if text.len() != 36 || !text.is_ascii() || DASHES.iter().any(|at| text.as_bytes()[*at] != b'-') {
        return None;
    }
    let digits: SmallVec<[u8; 32]> = text.bytes().filter(|byte| *byte != b'-').collect();
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    (digits.len() == 32).then_some(uuid)
}

fn interval(text: &str) -> Option<Interval> {
    let number = |text: &str| {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten().filter(|number| (1..LAST_NUMBER).contains(number))
    };
    match text.split_once('-') {
        Some((first, last)) => Some((number(first)?, number(last)?)),
        None => number(text).map(|number| (number, number)),
    }
}

/// Numbers end before this one (`GNO_END`).
const LAST_NUMBER: u64 = i64::MAX as u64;

/// A tag in lower case, as servers keep it.
fn tag(text: &str) -> Option<Box<str>> {
    let first = text.bytes().next()?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_tag = !first.is_ascii_digit() && text.len() <= 32 && text.bytes().all(is_name);
    is_tag.then(|| text.to_ascii_lowercase().into())
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (source, Intervals(intervals))) in self.sources.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            for (at, byte) in source.uuid.iter().enumerate() {
                let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{dash}{byte:02x}")?;
            }
            if !source.tag.is_empty() {
                write!(f, ":{}", source.tag)?;
            }
            for (first, last) in intervals {
                match first == last {
                    true => write!(f, ":{first}")?,
                    false => write!(f, ":{first}-{last}")?,
                }
            }
        }
        Ok(())
    }
}
