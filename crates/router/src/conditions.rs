//! The errors, warnings and notes that a statement left behind, by value, for a session that holds no connection with
//! them.
//!
//! MariaDB keeps them through statements without a table, which may run anywhere. What asks for them then is put in other
//! words: `SHOW WARNINGS` becomes a SELECT of them with the same columns, GET DIAGNOSTICS an assignment.

use crate::lexer::{LexMode, Lexer, Token};
use crate::parts::only;
use crate::substitute::count;
use std::fmt::Write as _;

/// The texts that a condition has, as GET DIAGNOSTICS calls them.
const TEXTS: [&str; 12] = [
    "RETURNED_SQLSTATE",
    "MESSAGE_TEXT",
    "CLASS_ORIGIN",
    "SUBCLASS_ORIGIN",
    "CONSTRAINT_CATALOG",
    "CONSTRAINT_SCHEMA",
    "CONSTRAINT_NAME",
    "CATALOG_NAME",
    "SCHEMA_NAME",
    "TABLE_NAME",
    "COLUMN_NAME",
    "CURSOR_NAME",
];
/// The place of the message in them.
const MESSAGE: usize = 1;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Condition {
    /// `Error`, `Warning` or `Note`.
    level: Box<str>,
    code: u64,
    row: u64,
    /// In hexadecimal digits of their UTF-8, in the order of [`TEXTS`].
    texts: [Box<str>; TEXTS.len()],
}

/// What a statement left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    list: Vec<Condition>,
    /// `@@warning_count` and `@@error_count`: not all may have been kept.
    counts: (u64, u64),
}

/// What a session knows of what GET DIAGNOSTICS asks for besides conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// ROW_COUNT()
    pub row_count: i64,
    /// The value of the variable that says which condition is meant, if there is one and it is known.
    pub variable: Option<i64>,
}

impl Asked {
    /// The name of that variable, in lower case.
    pub fn variable_of(text: &[u8], mode: LexMode) -> Option<Box<str>> {
        let tokens: Vec<Token<'_>> = Lexer::new(text, mode).collect();
        tokens.windows(2).find_map(|pair| match pair {
            [condition, Token::UserVariable(name)] if condition.is_word("condition") => {
                Some(crate::holdings::variable_name(name))
            }
            _ => None,
        })
    }
}

/// The expressions that give both counts. These must be asked for first.
pub const COUNTS: [&str; 2] = ["@@warning_count", "@@error_count"];

/// The statement that asks a MariaDB for all else, and leaves everything as it is. `rows`: whether it knows ROW_NUMBER,
/// as it does from 10.7 on. `neutral` makes an expression give the same bytes whatever the session has set.
pub fn ask(rows: bool, neutral: impl Fn(&str) -> String) -> String {
    let mut declared = String::new();
    let mut got = "c=MYSQL_ERRNO".to_owned();
    let mut told = format!("{},{}", neutral("c"), neutral("r"));
    if rows {
        got.push_str(",r=ROW_NUMBER");
    }
    for (at, name) in TEXTS.iter().enumerate() {
        let _ = write!(declared, "DECLARE t{at} TEXT CHARACTER SET utf8mb4;");
        let _ = write!(got, ",t{at}={name}");
        let _ = write!(told, ",{}", neutral(&format!("HEX(t{at})")));
    }
    format!(
        "BEGIN NOT ATOMIC DECLARE n,i INT DEFAULT 1;DECLARE c,r BIGINT DEFAULT 0;{declared}SHOW WARNINGS;\
         GET DIAGNOSTICS n=NUMBER;WHILE i<=n DO GET DIAGNOSTICS CONDITION i {got};SELECT CONCAT_WS(_binary',',{told}) LIMIT 1;\
         SET i=i+1;END WHILE;END"
    )
}

impl Conditions {
    /// From the answers to [`COUNTS`] and [`ask`]: the rows of all results, one after the other. Nothing, if they
    /// cannot be read.
    pub fn parse(counts: &[Vec<Option<String>>], rows: &[Vec<Option<String>>]) -> Option<Self> {
        let [Some(warnings), Some(errors)] = counts.first()?.as_slice() else { return None };
        let counts = (warnings.parse().ok()?, errors.parse().ok()?);
        let levels = rows.iter().filter_map(|row| match row.as_slice() {
            [Some(level), _, _] => Some(level.as_str()),
            _ => None,
        });
        let details = rows.iter().filter_map(|row| match row.as_slice() {
            [Some(details)] => Some(details.as_str()),
            _ => None,
        });
        let list: Vec<Condition> =
            levels.zip(details).map(|(level, details)| Condition::parse(level, details)).collect::<Option<_>>()?;
        Some(Self { list, counts })
    }

    /// None at all.
    pub const fn none() -> Self {
        Self { list: Vec::new(), counts: (0, 0) }
    }

    /// One error and nothing else.
    pub fn error(code: u16, state: &str, message: &str) -> Self {
        let mut texts: [Box<str>; TEXTS.len()] = Default::default();
        (texts[0], texts[MESSAGE]) = (hex(state), hex(message));
        Self { list: vec![Condition { level: "Error".into(), code: code.into(), row: 0, texts }], counts: (1, 1) }
    }

    /// Adds others after these.
    pub fn append(&mut self, others: &mut Self) {
        self.list.append(&mut others.list);
        self.counts = (self.counts.0 + others.counts.0, self.counts.1 + others.counts.1);
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `@@warning_count` and `@@error_count`.
    pub const fn counts(&self) -> (u64, u64) {
        self.counts
    }

    /// A statement that leaves them on a connection, as near as one can: what asks for them in ways that cannot be put in
    /// other words (in a procedure) finds that, and whether something is still there tells what has become of them. Notes
    /// become warnings, as nothing raises a note.
    pub fn raise(&self) -> String {
        let Some((first, others)) = self.list.split_first() else { return "SIGNAL SQLSTATE '01000'".to_owned() };
        let others = others.get(..MOST_RAISED).unwrap_or(others);
        // Each is raised by the handler of the one before, which keeps that.
        let mut sql = first.signal();
        for condition in others {
            let handler = "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLWARNING,SQLEXCEPTION RE";
            sql = format!("{handler}{};{sql};END", condition.signal());
        }
        match others.last() {
            // With notes, where that was would be one more.
            Some(last) if &*last.level == "Error" => format!("SET STATEMENT sql_notes=0 FOR {sql}"),
            _ => sql,
        }
    }

    /// `text`, which asks for these conditions, in words that give the same on every connection of a MariaDB. Nothing, if it
    /// has to be asked as it is. `known` is what else has to be known.
    pub fn put_into(&self, text: &[u8], mode: LexMode, known: Asked) -> Option<Vec<u8>> {
        let (text, after) = only(text, mode)?;
        let put = self.show(text, mode).or_else(|| self.get(text, mode, known).map(String::into_bytes))?;
        Some([&put, after].concat())
    }

    fn show(&self, text: &[u8], mode: LexMode) -> Option<Vec<u8>> {
        let mut lexer = Lexer::new(text, mode);
        if !lexer.next()?.is_word("show") {
            return None;
        }
        let what = lexer.next()?;
        if what.is_word("count") {
            let rest: Vec<Token<'_>> = lexer.collect();
            let [Token::Punct(b'('), Token::Punct(b'*'), Token::Punct(b')'), what, end @ ..] = rest.as_slice() else {
                return None;
            };
            let (name, number) = match what {
                what if what.is_word("warnings") => ("warning_count", self.counts.0),
                what if what.is_word("errors") => ("error_count", self.counts.1),
                _ => return None,
            };
            let shown = || format!("SELECT {} AS `@@session.{name}` LIMIT 1", count(number)).into_bytes();
            return end.is_empty().then(shown);
        }
        let errors_only = what.is_word("errors");
        if !errors_only && !what.is_word("warnings") {
            return None;
        }
        let rest = text.get(lexer.position()..)?;
        if self.list.iter().any(|condition| condition.code > WIDEST) {
            // The column would be wider than it is. These were raised by a SIGNAL, and can be again.
            return None;
        }
        let shown = self.list.iter().filter(|condition| !errors_only || &*condition.level == "Error");
        // The first SELECT gives no row, only the columns their lengths.
        let mut sql = format!(
            "SELECT _utf8mb3'Warning' AS Level,CAST(1000 AS UNSIGNED) AS Code,_utf8mb3'{:MESSAGE_LENGTH$}' AS Message \
             FROM DUAL WHERE 0",
            ""
        );
        for Condition { level, code, texts, .. } in shown {
            let message = literal(&texts[MESSAGE]);
            let _ = write!(sql, " UNION ALL SELECT _utf8mb3'{level}',CAST({code} AS UNSIGNED),{message}");
        }
        // No limit of the session's applies to SHOW.
        sql.push_str(if rest.trim_ascii().is_empty() { " LIMIT 18446744073709551615" } else { " " });
        Some([sql.as_bytes(), rest].concat())
    }

    /// `GET DIAGNOSTICS` as an assignment. Nothing, if it asks for a condition that is not there: that is an error.
    fn get(&self, text: &[u8], mode: LexMode, known: Asked) -> Option<String> {
        let tokens: Vec<Token<'_>> = Lexer::new(text, mode).collect();
        let [get, rest @ ..] = tokens.as_slice() else { return None };
        let rest = match rest {
            [word, rest @ ..] if word.is_word("current") => rest,
            rest => rest,
        };
        let [diagnostics, items @ ..] = rest else { return None };
        if !get.is_word("get") || !diagnostics.is_word("diagnostics") {
            return None;
        }
        let items = match items {
            [condition, number, items @ ..] if condition.is_word("condition") => {
                let chosen = self.chosen(text, mode, number, known)?;
                assignments(items, |name| chosen.value(name))?
            }
            items => assignments(items, |name| match name {
                // Conditions are counted without a sign.
                "number" => Some(format!("CAST({} AS UNSIGNED)", self.list.len())),
                "row_count" => Some(known.row_count.to_string()),
                _ => None,
            })?,
        };
        Some(format!("SET {items}"))
    }

    /// Which condition is meant by the number after CONDITION.
    fn chosen(&self, text: &[u8], mode: LexMode, number: &Token<'_>, known: Asked) -> Option<Chosen<'_>> {
        let at = |number: usize| Some(Chosen::One(self.list.get(number.checked_sub(1)?)?));
        match number {
            Token::Number => {
                let number =
                    Lexer::new(text, mode).placed().find(|piece| piece.token == Token::Number)?.number(text)?;
                at(number.try_into().ok()?)
            }
            Token::UserVariable(_) if known.variable.is_some() => at(known.variable?.try_into().ok()?),
            Token::UserVariable(name) if !self.is_empty() => {
                Some(Chosen::ByVariable(String::from_utf8_lossy(name).into_owned(), &self.list))
            }
            _ => None,
        }
    }
}

/// `@a = NAME, @b = NAME` with the values that the names have.
fn assignments(items: &[Token<'_>], value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let parts = items.split(|token| *token == Token::Punct(b',')).map(|item| match item {
        [Token::UserVariable(variable), Token::Punct(b'='), Token::Word(name)] => {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            Some(format!("@{}={}", String::from_utf8_lossy(variable), value(&name)?))
        }
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join(","))
}

/// The condition that GET DIAGNOSTICS asks for.
enum Chosen<'a> {
    One(&'a Condition),
    /// The server knows the number.
    ByVariable(String, &'a [Condition]),
}

impl Chosen<'_> {
    fn value(&self, name: &str) -> Option<String> {
        match self {
            Self::One(condition) => condition.value(name),
            Self::ByVariable(number, list) => {
                let values: Vec<String> = list.iter().map(|condition| condition.value(name)).collect::<Option<_>>()?;
                let chosen = format!("ELT(@{number},{})", values.join(","));
                let is_number = matches!(name, "mysql_errno" | "row_number");
                Some(if is_number { format!("CAST({chosen} AS UNSIGNED)") } else { chosen })
            }
        }
    }
}

impl Condition {
    fn parse(level: &str, details: &str) -> Option<Self> {
        let mut parts = details.split(',');
        let (code, row) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let texts: Vec<Box<str>> = parts.map(Into::into).collect();
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let level = ["Error", "Warning", "Note"].into_iter().find(|known| *known == level)?;
        texts.iter().all(|text| is_hex(text)).then_some(())?;
        Some(Self { level: level.into(), code, row, texts: texts.try_into().ok()? })
    }

    fn signal(&self) -> String {
        let Self { level, code, texts, .. } = self;
        let state = unhex(&texts[0]);
        let is_errors = state.len() == 5 && state.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // The class of the state decides about the level.
        let state = match &**level {
            "Error" if is_errors && !["00", "01", "02"].iter().any(|class| state.starts_with(class)) => &state,
            "Error" => "HY000",
            _ => "01000",
        };
        let number = if (1..u64::from(u16::MAX)).contains(code) { *code } else { 1105 };
        format!("SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO={number},MESSAGE_TEXT={}", literal(&texts[MESSAGE]))
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "mysql_errno" => Some(format!("CAST({} AS UNSIGNED)", self.code)),
            "row_number" => Some(format!("CAST({} AS UNSIGNED)", self.row)),
            name => {
                let at = TEXTS.iter().position(|known| known.eq_ignore_ascii_case(name))?;
                Some(format!("{} COLLATE utf8mb3_general_ci", literal(&self.texts[at])))
            }
        }
    }
}

fn hex(text: &str) -> Box<str> {
    let digits = text.bytes().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02X}");
        digits
    });
    digits.into()
}

/// The text that these digits are; what is none in between is left out.
fn unhex(digits: &str) -> String {
    let pairs = digits.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    let bytes: Vec<u8> = pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Hexadecimal digits as a text of the character set that servers have messages in.
fn literal(hex: &str) -> String {
    match hex {
        "" => "_utf8mb3''".to_owned(),
        hex => format!("_utf8mb3 X'{hex}'"),
    }
}

/// Conditions after the first that are raised again: servers keep 64, if they are not told to keep more.
const MOST_RAISED: usize = 63;

/// Numbers of errors have four digits, by the width of their column.
const WIDEST: u64 = 9999;

/// Characters that a message may have: `MYSQL_ERRMSG_SIZE` in `mysql_com.h`.
const MESSAGE_LENGTH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    fn two() -> Conditions {
        let rows = [
            row(&["Warning", "1292", "Truncated"]),
            row(&["Error", "1062", "Duplicate"]),
            row(&["1292,1,3232303037,5472756E6361746564,,,,,,,,,,"]),
            row(&["1062,2,3233303030,4475706C6963617465,,,,,,,74,,,"]),
        ];
        Conditions::parse(&[row(&["5", "1"])], &rows).unwrap()
    }

    fn put(conditions: &Conditions, text: &str) -> Option<String> {
        put_with(conditions, text, None)
    }

    fn put_with(conditions: &Conditions, text: &str, variable: Option<i64>) -> Option<String> {
        let put = conditions.put_into(text.as_bytes(), LexMode::default(), Asked { row_count: 4, variable });
        put.map(|sql| String::from_utf8(sql).unwrap())
    }

    #[test]
    fn what_a_server_answers_is_read() {
        let conditions = two();
        assert_eq!((conditions.list.len(), conditions.counts()), (2, (5, 1)));
        assert_eq!((conditions.list[1].code, conditions.list[1].row), (1062, 2));
        assert!(ask(true, str::to_owned).contains("ROW_NUMBER") && !ask(false, str::to_owned).contains("ROW_NUMBER"));
        let none = Conditions::parse(&[row(&["0", "0"])], &[]).unwrap();
        assert!(none.is_empty());
        for details in ["1,2", "x,1,,,,,,,,,,,,", "1,1,zz,,,,,,,,,,,", ""] {
            let rows = [row(&["Note", "1", "x"]), row(&[details])];
            assert_eq!(Conditions::parse(&[row(&["1", "0"])], &rows), None, "{details}");
        }
        assert_eq!(Conditions::parse(&[], &[]), None);
    }

    #[test]
    fn they_are_shown_as_a_select() {
        let shown = put(&two(), "show warnings limit 1").unwrap();
        assert!(shown.ends_with(
            "WHERE 0 UNION ALL SELECT _utf8mb3'Warning',CAST(1292 AS UNSIGNED),_utf8mb3 X'5472756E6361746564' \
             UNION ALL SELECT _utf8mb3'Error',CAST(1062 AS UNSIGNED),_utf8mb3 X'4475706C6963617465'  limit 1"
        ));
        assert_eq!(put(&two(), "SHOW ERRORS").unwrap().matches("UNION").count(), 1);
        assert!(put(&Conditions::default(), "SHOW WARNINGS").unwrap().ends_with("WHERE 0 LIMIT 18446744073709551615"));
        assert_eq!(
            put(&two(), "SHOW COUNT(*) WARNINGS").as_deref(),
            Some("SELECT (CAST(IF(1,'00000000000000000005',NULL) AS UNSIGNED)+0) AS `@@session.warning_count` LIMIT 1")
        );
        assert!(put(&two(), "SHOW COUNT(*) ERRORS;").unwrap().contains("00001'"));
        for other in [
            "",
            "-- nothing",
            "SHOW COUNT(*) ERRORS; SELECT 1",
            "SHOW COUNT(*) ERRORS; GET DIAGNOSTICS @n = NUMBER",
            "SHOW TABLES",
            "SHOW COUNT(*) TABLES",
            "SHOW",
            "SELECT 1",
            "SHOW COUNT(*) ERRORS x",
        ] {
            assert_eq!(put(&two(), other), None, "{other}");
        }
    }

    #[test]
    fn getting_them_is_an_assignment() {
        let none = Conditions::default();
        assert_eq!(
            put(&none, "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT").as_deref(),
            Some("SET @n=CAST(0 AS UNSIGNED),@r=4")
        );
        assert_eq!(put(&none, "get current diagnostics @r=row_count").as_deref(), Some("SET @r=4"));
        assert_eq!(
            put(&two(), "GET DIAGNOSTICS CONDITION 2 @t = message_text, @e = MYSQL_ERRNO, @o = CLASS_ORIGIN")
                .as_deref(),
            Some(
                "SET @t=_utf8mb3 X'4475706C6963617465' COLLATE utf8mb3_general_ci,@e=CAST(1062 AS UNSIGNED),\
                 @o=_utf8mb3'' COLLATE utf8mb3_general_ci"
            )
        );
        assert_eq!(
            put(&two(), "GET DIAGNOSTICS CONDITION @i @e = MYSQL_ERRNO").as_deref(),
            Some("SET @e=CAST(ELT(@i,CAST(1292 AS UNSIGNED),CAST(1062 AS UNSIGNED)) AS UNSIGNED)")
        );
        let text = "GET DIAGNOSTICS CONDITION @i @e = MYSQL_ERRNO";
        assert_eq!(Asked::variable_of(text.as_bytes(), LexMode::default()).as_deref(), Some("i"));
        assert_eq!(put_with(&two(), text, Some(2)).as_deref(), Some("SET @e=CAST(1062 AS UNSIGNED)"));
        for none in [0, 3, -1] {
            assert_eq!(put_with(&two(), text, Some(none)), None, "that is an error");
        }
        for error in [
            "GET DIAGNOSTICS CONDITION 3 @t = MESSAGE_TEXT",
            "GET DIAGNOSTICS CONDITION 0 @t = MESSAGE_TEXT",
            "GET DIAGNOSTICS CONDITION 1 @t = NUMBER",
            "GET DIAGNOSTICS @t = MESSAGE_TEXT",
            "GET STACKED DIAGNOSTICS @n = NUMBER",
            "GET DIAGNOSTICS",
        ] {
            assert_eq!(put(&two(), error), None, "{error}");
        }
        assert_eq!(put(&none, "GET DIAGNOSTICS CONDITION @i @t = MESSAGE_TEXT"), None);
    }

    #[test]
    fn they_can_be_raised_again() {
        assert_eq!(Conditions::none().raise(), "SIGNAL SQLSTATE '01000'");
        let error = |code, state| Conditions::error(code, state, "x").raise();
        assert_eq!(error(1062, "23000"), "SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO=1062,MESSAGE_TEXT=_utf8mb3 X'78'");
        for state in ["01000", "02000", "00000", "", "'; --"] {
            assert!(error(1, state).starts_with("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO=1,"), "{state}");
        }
        assert!(error(0, "HY000").contains("MYSQL_ERRNO=1105,"));
    }

    #[test]
    fn several_are_raised_in_their_order() {
        // 22007 would be an error.
        let warning = "SIGNAL SQLSTATE '01000' SET MYSQL_ERRNO=1292,MESSAGE_TEXT=_utf8mb3 X'5472756E6361746564'";
        let error = "RESIGNAL SQLSTATE '23000' SET MYSQL_ERRNO=1062,MESSAGE_TEXT=_utf8mb3 X'4475706C6963617465'";
        let begin = "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLWARNING,SQLEXCEPTION";
        let raised = two().raise();
        assert_eq!(raised, format!("SET STATEMENT sql_notes=0 FOR {begin} {error};{warning};END"));
        let mut many = Conditions::none();
        (0..100).for_each(|_| many.append(&mut two()));
        many.list.truncate(101);
        let raised = many.raise();
        assert!(raised.starts_with("SET") && raised.matches("SIGNAL").count() == MOST_RAISED + 1);
    }

    #[test]
    fn errors_are_added_to_what_is_there() {
        let mut conditions = Conditions::error(1243, "HY000", "it's");
        assert_eq!(conditions.counts(), (1, 1));
        assert!(put(&conditions, "SHOW ERRORS").unwrap().contains("X'69742773'"));
        conditions.append(&mut Conditions::error(1758, "35000", "x"));
        assert_eq!((conditions.list.len(), conditions.counts()), (2, (2, 2)));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "(SHOW|GET|WARNINGS|DIAGNOSTICS|CONDITION|COUNT|[(),;'`@x* 1=]|\\PC){0,20}") {
            let _ = put(&two(), &text);
        }
    }
}
