//! LAST_INSERT_ID() after a statement: whether it can have changed, and whether the reply tells.

/// Which rows a statement inserts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserts {
    /// Values that stand there, and what is no id. If a row was given an id, that stands there as well.
    Values,
    /// Rows that come from elsewhere, or values that are computed.
    Rows,
    /// Rows of a file, or more than can be seen: the reply tells no id.
    Untold,
}

/// What a statement makes of LAST_INSERT_ID().
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastInsertId {
    /// Sets it to what it says: `LAST_INSERT_ID(expression)`, `SET last_insert_id`.
    pub sets: bool,
    /// Inserts rows, for which ids may be generated.
    pub inserts: Option<Inserts>,
}

impl LastInsertId {
    /// Of what cannot be seen.
    pub(super) const UNKNOWN: Self = Self { sets: true, inserts: Some(Inserts::Untold) };

    /// Of a normalised text that writes.
    pub(super) fn of(text: &str) -> Self {
        let mut calls = text.split("last_insert_id (").skip(1);
        let assigns = |part: &str| part.starts_with("set ") && assigns(part);
        let sets = text.split(" ; ").any(assigns) || calls.any(|after| !after.starts_with(" )"));
        Self { sets, inserts: inserts(text) }
    }
}

/// Whether a SET assigns it: not a user variable of that name, and not from a call.
fn assigns(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    words.windows(2).any(|pair| {
        let name = pair[0].strip_prefix("@@").unwrap_or(pair[0]).trim_matches('`');
        let name = name.rsplit(['.', '`']).next().unwrap_or_default();
        matches!(name, "last_insert_id" | "identity") && matches!(pair[1], "=" | ":=")
    })
}

fn inserts(text: &str) -> Option<Inserts> {
    let first = text.split(' ').next().unwrap_or_default();
    if inserts_values(text) {
        return Some(Inserts::Values);
    }
    // Those about tables, triggers and privileges name statements.
    let names_statements = matches!(first, "create" | "alter" | "grant" | "revoke") && !text.contains(" ; ");
    let mut words = text.split(' ').peekable();
    let mut found = None;
    while let Some(word) = words.next() {
        let is_called = words.peek() == Some(&"(");
        match word {
            "load" => return Some(Inserts::Untold),
            "insert" | "replace" if !is_called && !names_statements => found = Some(Inserts::Rows),
            "select" if first == "create" => found = Some(Inserts::Rows),
            _ => {}
        }
    }
    found
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
    is_insert && values.is_some_and(|values| values.split(' ').all(|word| HARMLESS.contains(&word)))
}

/// Whether an INSERT of [`Inserts::Values`] may give a row this id. `sent` is what the client sent: the text, or its parameters
/// as well.
pub fn may_state(id: u64, sent: &[u8]) -> bool {
    sent.len() > LONGEST || has_number(sent, id) || has_bytes(sent, id)
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

    #[test]
    fn statements_may_set_it_themselves() {
        for text in [
            "select last_insert_id ( ? )",
            "do last_insert_id ( a + ? )",
            "set last_insert_id = ?",
            "set @@session.identity = ?",
            "select ? ; set last_insert_id = ?",
            "update t set a = last_insert_id ( a + ? )",
        ] {
            assert!(LastInsertId::of(text).sets, "{text}");
        }
        for text in [
            "insert into t values ( last_insert_id ( ) , ? )",
            "set sql_mode = ?",
            "set @identity = ?",
            "set @a = last_insert_id ( )",
            "delete from t",
        ] {
            assert!(!LastInsertId::of(text).sets, "{text}");
        }
    }

    #[test]
    fn inserted_rows_are_seen() {
        for (text, expected) in [
            ("insert into t ( a ) values ( ? )", Some(Inserts::Values)),
            ("insert into t values ( null , ? , now ( ) ) , ( default , ?, ... )", Some(Inserts::Values)),
            ("replace into t value ( ? )", Some(Inserts::Values)),
            ("insert into t values ( ? * ? )", Some(Inserts::Rows)),
            ("insert into t values ( f ( ? ) )", Some(Inserts::Rows)),
            ("insert into t select a from b", Some(Inserts::Rows)),
            ("insert into t set a = ?", Some(Inserts::Rows)),
            ("insert into t values ( ? ) on duplicate key update a = ?", Some(Inserts::Rows)),
            ("insert into t values ( ? ) returning id", Some(Inserts::Rows)),
            ("insert into t values ( ? ) ; select ?", Some(Inserts::Rows)),
            ("create table t as select ?", Some(Inserts::Rows)),
            ("analyze insert into t values ( ? )", Some(Inserts::Rows)),
            ("set statement sql_mode = ? for insert into t values ( ? )", Some(Inserts::Rows)),
            ("create table t ( a int ) ; insert into t values ( ? )", Some(Inserts::Rows)),
            ("load data infile ? into table t", Some(Inserts::Untold)),
            ("delete from t ; load data infile ? into table t", Some(Inserts::Untold)),
            ("update t set a = replace ( a , ?, ... )", None),
            ("create or replace view v as table t", None),
            ("create trigger g before insert on t for each row set new.a = ?", None),
            ("grant insert on t to u", None),
        ] {
            assert_eq!(LastInsertId::of(text).inserts, expected, "{text}");
        }
    }

    #[test]
    fn an_id_that_stands_in_the_statement_may_not_be_generated() {
        for sql in [
            "INSERT INTO t (a) VALUES ('x')",
            "INSERT INTO t VALUES (NULL, 17, 'y'), (DEFAULT, 18, NOW())",
            "REPLACE INTO t (a, b) VALUES (1234, '2026-11-26 10:00:00')",
        ] {
            assert!(!may_state(90_000, sql.as_bytes()), "{sql}");
        }
        for stated in ["90000", "'90000'", "'90000x'", "090000", "9e4", "89999.6", "0x15F90"] {
            let sql = format!("INSERT INTO t VALUES ({stated}, 'x')");
            assert!(may_state(90_000, sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn parameters_are_looked_through_as_well() {
        let sent = |parameter: &[u8]| [b"\x17\0\0\0\0", parameter].concat();
        assert!(!may_state(90_000, &sent(&17u32.to_le_bytes())));
        for same in [
            90_000u32.to_le_bytes().to_vec(),
            90_000u64.to_le_bytes().to_vec(),
            90_000f64.to_le_bytes().to_vec(),
            90_000f32.to_le_bytes().to_vec(),
            b"\x0590000".to_vec(),
        ] {
            assert!(may_state(90_000, &sent(&same)), "{same:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_number_in_the_text_is_found(id in 1u64..1 << 50, before in 0u64..1000) {
            let sql = format!("INSERT INTO t VALUES ({before}, {id})");
            proptest::prop_assert!(may_state(id, sql.as_bytes()));
        }
    }
}
