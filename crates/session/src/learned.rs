//! Statements that a replica refused as writes: for operators to see. Each worker learns for itself.

use splitfin_router::{Digest, Statement};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// One statement that was taken for a read, and is none.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// Its digest.
    pub digest: Digest,
    /// Its normalised text, shortened.
    pub text: String,
    /// When a replica refused it last.
    pub when: SystemTime,
}

/// The latest of them, over all workers.
#[derive(Debug, Default)]
pub struct Learned {
    lessons: Mutex<VecDeque<Lesson>>,
}

impl Learned {
    pub(crate) fn note(&self, statement: &Statement, when: SystemTime) {
        let mut lessons = self.lock();
        lessons.retain(|lesson| lesson.digest != statement.digest);
        lessons.push_back(Lesson { digest: statement.digest, text: statement.shown().to_owned(), when });
        if lessons.len() > MOST {
            lessons.pop_front();
        }
    }

    /// The oldest first.
    pub fn lessons(&self) -> Vec<Lesson> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Lesson>> {
        // A list is never half changed.
        self.lessons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many are shown.
const MOST: usize = 1000;
