//! LAST_INSERT_ID(): what the session has of it, what its connection has, and what a reply tells.
//!
//! An OK tells the id that was generated, or, if none was, the one that the statement itself gave to its last row: that is
//! no LAST_INSERT_ID(). Source: the end of `mysql_insert` in `sql_insert.cc`. An error and the end of rows tell nothing, and
//! rows that were inserted before an error have changed it all the same. An id that does not stand in the statement was
//! generated; after any other one the connection is asked. What it says only means something where it is known what it
//! gave before: another session's id may be on it, and may be the very number that the statement gave.

use crate::count::Count;
use crate::job::Job;
use crate::serve::Session;
use splitfin_backend::Lease;
use splitfin_protocol::Outcome;
use splitfin_router::{Effects, Statement};

impl Session {
    /// The id that the lease must have before a job runs there: the session's, if the job may ask for it, or if it could not be
    /// told afterwards whether it was changed.
    pub(crate) fn last_insert_id_for(&self, job: &Job<'_>, lease: &Lease) -> Option<u64> {
        if self.unread.last_insert_id {
            // The connection is the only one that has it.
            return None;
        }
        let asks = Effects::LAST_INSERT_ID | Effects::RUNS_OTHERS | Effects::UNREPORTED;
        let needs = job.effects().intersects(asks)
            || (job.effects().contains(Effects::INSERTS) && !self.would_show(lease.last_insert_id(), job));
        needs.then(|| self.state.last_insert_id.known().unwrap_or(0))
    }

    /// Whether a connection that has another session's id gives another one after a job that generates some.
    fn would_show(&self, others: Option<u64>, job: &Job<'_>) -> bool {
        others.is_some_and(|id| id == 0 || self.cannot_state(id, job))
    }

    /// Whether a job certainly gives no row this id.
    fn cannot_state(&self, id: u64, job: &Job<'_>) -> bool {
        // Of an execution, the text and the parameters.
        let sent = [self.text_of(job), splitfin_protocol::frame::payload(job.packet)];
        sent.iter().all(|sent| is_generated(id, &job.statement.text, sent))
    }

    /// Notes whether the connection has to be asked for LAST_INSERT_ID() after a reply. `before` is what it was for the session.
    pub(crate) fn note_last_insert_id(
        &mut self,
        before: Count<u64>,
        lease: &mut Lease,
        outcome: &Outcome,
        job: &Job<'_>,
    ) {
        if self.may_be_untold(outcome, job) {
            if !self.unread.last_insert_id {
                self.unread.unchanged = lease.last_insert_id().map(|id| (id, before));
            }
            self.unread.last_insert_id = true;
            lease.note_last_insert_id(None);
        } else if outcome.last_insert_id != 0 {
            (self.unread.last_insert_id, self.unread.unchanged) = (false, None);
            lease.note_last_insert_id(Some(outcome.last_insert_id));
        }
    }

    /// Whether LAST_INSERT_ID() may be something else than what the reply tells, if it tells anything.
    fn may_be_untold(&self, outcome: &Outcome, job: &Job<'_>) -> bool {
        let (effects, text) = (job.effects(), &job.statement.text);
        let sets = effects.contains(Effects::LAST_INSERT_ID) && sets_it(text);
        let inserts = effects.contains(Effects::INSERTS);
        if effects.contains(Effects::UNREPORTED) {
            return true;
        }
        match outcome.last_insert_id {
            _ if outcome.error.is_some() => inserts || sets,
            0 => sets || (inserts && outcome.rows > 0) || effects.contains(Effects::LOADS),
            _ if sets && text.starts_with("update ") => false,
            id => !self.cannot_state(id, job),
        }
    }
}

/// Whether a statement, or a routine that it may run, asks for the session's last generated id.
pub(crate) fn asks_last_id(job: &Job<'_>) -> bool {
    let sets = job.effects().contains(Effects::LAST_INSERT_ID) && sets_it(&job.statement.text);
    !sets && job.effects().intersects(Effects::LAST_INSERT_ID | Effects::RUNS_OTHERS)
}

/// Whether a statement with this normalised text sets it to what it says: `LAST_INSERT_ID(expression)`, `SET
/// last_insert_id`.
fn sets_it(text: &str) -> bool {
    let mut calls = text.split("last_insert_id (").skip(1);
    text.starts_with("set ") || is_cut(text) || calls.any(|after| !after.starts_with(" )"))
}

/// Whether `id`, which an OK told, was certainly generated. `text` is the normalised one, `sent` what the client sent: the
/// text, or parameters as well.
fn is_generated(id: u64, text: &str, sent: &[u8]) -> bool {
    inserts_values(text) && sent.len() <= LONGEST && !has_number(sent, id) && !has_bytes(sent, id)
}

/// Whether it is an INSERT of nothing but values that stand there, and of what is no id.
fn inserts_values(text: &str) -> bool {
    const HARMLESS: [&str; 19] = [
        "(",
        ")",
        ",",
        "?",
        "?,",
        "...",
        "null",
        "default",
        "true",
        "false",
        "now",
        "current_timestamp",
        "curdate",
        "current_date",
        "curtime",
        "utc_timestamp",
        "uuid",
        ";",
        "sysdate",
    ];
    let is_insert = text.starts_with("insert ") || text.starts_with("replace ");
    let values = text.split_once(" values ").or_else(|| text.split_once(" value ")).map(|(_, values)| values);
    is_insert && !is_cut(text) && values.is_some_and(|values| values.split(' ').all(|word| HARMLESS.contains(&word)))
}

fn is_cut(text: &str) -> bool {
    text.len() >= Statement::LONGEST_TEXT
}

/// Whether a number that could become `id` stands in the text, in whatever way it is written.
fn has_number(text: &[u8], id: u64) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".+-_".contains(byte);
    text.split(|byte| !is_part(byte)).filter(|word| word.iter().any(u8::is_ascii_digit)).any(|word| {
        let word = std::str::from_utf8(word).unwrap_or_default();
        let is_hex = word.starts_with("0x") || word.starts_with("0X");
        match word.parse::<f64>() {
            Ok(number) => (number - id as f64).abs() <= 1.0 + id as f64 * 1e-15,
            // A date, a name; but `0x10`, and what a server would read as a number up to its first other byte.
            Err(_) => is_hex || word.starts_with(&id.to_string()),
        }
    })
}

/// Whether `id` is among the parameters of an execution, as a number of any type.
fn has_bytes(parameters: &[u8], id: u64) -> bool {
    let short: &[u8] = &id.to_le_bytes();
    let length = 8 - id.leading_zeros() as usize / 8;
    let has = |bytes: &[u8]| parameters.windows(bytes.len()).any(|window| window == bytes);
    has(&short[..length.max(1)]) || has(&(id as f64).to_le_bytes()) || has(&(id as f32).to_le_bytes())
}

/// More is not looked through.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_router::LexMode;

    fn generated(id: u64, sql: &str) -> bool {
        let mut text = Vec::new();
        splitfin_router::digest::normalise(sql.as_bytes(), LexMode::default(), &mut text);
        is_generated(id, std::str::from_utf8(&text).unwrap(), sql.as_bytes())
    }

    #[test]
    fn an_id_that_stands_in_the_statement_may_not_be_generated() {
        for sql in [
            "INSERT INTO t (a) VALUES ('x')",
            "INSERT INTO t VALUES (NULL, 17, 'y'), (DEFAULT, 18, NOW())",
            "REPLACE INTO t (a, b) VALUES (1234, '2026-11-26 10:00:00')",
        ] {
            assert!(generated(90_000, sql), "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES (90000, 'x')",
            "INSERT INTO t VALUES ('90000', 'x')",
            "INSERT INTO t VALUES ('90000x', 'x')",
            "INSERT INTO t VALUES (090000, 'x')",
            "INSERT INTO t VALUES (9e4, 'x')",
            "INSERT INTO t VALUES (89999.6, 'x')",
            "INSERT INTO t VALUES (0x15F90, 'x')",
            "INSERT INTO t VALUES (45000 * 2, 'x')",
            "INSERT INTO t VALUES (f(1), 'x')",
            "INSERT INTO t SELECT a FROM b",
            "INSERT INTO t SET a = 1",
            "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
            "LOAD DATA INFILE 'x' INTO TABLE t",
        ] {
            assert!(!generated(90_000, sql), "{sql}");
        }
    }

    #[test]
    fn parameters_are_looked_through_as_well() {
        let text = "insert into t values ( ?, ... )";
        let sent = |parameter: &[u8]| [b"\x17\0\0\0\0", parameter].concat();
        assert!(is_generated(90_000, text, &sent(&17u32.to_le_bytes())));
        for same in [
            90_000u32.to_le_bytes().to_vec(),
            90_000u64.to_le_bytes().to_vec(),
            90_000f64.to_le_bytes().to_vec(),
            90_000f32.to_le_bytes().to_vec(),
            b"\x0590000".to_vec(),
        ] {
            assert!(!is_generated(90_000, text, &sent(&same)), "{same:?}");
        }
    }

    #[test]
    fn statements_may_set_it_themselves() {
        for text in ["select last_insert_id ( ? )", "do last_insert_id ( a + ? )", "set last_insert_id = ?"] {
            assert!(sets_it(text), "{text}");
        }
        for text in ["select last_insert_id ( )", "insert into t values ( last_insert_id ( ) , ? )", "select ?"] {
            assert!(!sets_it(text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_number_in_the_text_is_found(id in 1u64..1 << 50, before in 0u64..1000) {
            let sql = format!("INSERT INTO t VALUES ({before}, {id})");
            proptest::prop_assert!(!generated(id, &sql));
        }
    }
}
