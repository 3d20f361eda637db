//! Scripts: a statement a line, with a few signs for what is no statement.
//!
//! ```text
//! -- a comment
//! [mysql]                       what follows is for one family; [both] for both again
//! SELECT 1                      a statement of session a
//! @b SELECT 1                   of another session
//! SET x = {1|2} ;; SELECT @@x   both lines for each of the alternatives
//! !reset                        a command that is no statement: see `Action`
//! ```

use crate::Family;
use std::fmt;

/// What a session does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Runs a text, as COM_QUERY or prepared.
    Sql(String),
    /// COM_PING
    Ping,
    /// COM_RESET_CONNECTION
    Reset,
    /// COM_INIT_DB
    InitDb(String),
    /// COM_SET_OPTION: several statements in one.
    MultiStatements(bool),
    /// COM_CHANGE_USER to the same account, with this database.
    ChangeUser(String),
    /// COM_FIELD_LIST
    FieldList(String),
    /// COM_STMT_PREPARE under a name.
    Prepare(String, String),
    /// COM_QUERY with query attributes.
    Attributes(Vec<(String, String)>, String),
    /// COM_STMT_EXECUTE with texts as parameters (`NULL` for NULL).
    Execute(String, Vec<String>, How),
    /// COM_STMT_BULK_EXECUTE with rows of texts.
    Bulk(String, Vec<Vec<String>>),
    /// COM_STMT_FETCH of that many rows.
    Fetch(String, u32),
    /// COM_STMT_RESET
    StmtReset(String),
    /// COM_STMT_CLOSE
    Close(String),
    /// COM_STMT_SEND_LONG_DATA for a parameter.
    LongData(String, u16, String),
    /// COM_QUERY that asks for a file, which gets this content.
    Infile(String, String),
    /// Several texts in one write.
    Pipeline(Vec<String>),
    /// The session is closed and opened again.
    Reconnect,
}

/// How a statement is executed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct How {
    /// With a cursor.
    pub cursor: bool,
    /// Without the types of its parameters: they are those of the last time.
    pub untyped: bool,
    /// With query attributes.
    pub attributes: Vec<(String, String)>,
}

/// One thing that a session does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which session.
    pub session: char,
    /// What.
    pub action: Action,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{} ", self.session)?;
        match &self.action {
            Action::Sql(text) => f.write_str(text),
            other => write!(f, "{other:?}"),
        }
    }
}

/// What sessions do, in order.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What it is about.
    pub topic: String,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Script {
    /// Reads a script for one family.
    pub fn parse(topic: &str, text: &str, family: Family) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut applies = true;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            match line {
                "" => {}
                "[both]" => applies = true,
                "[mariadb]" => applies = family == Family::Mariadb,
                "[mysql]" => applies = family == Family::Mysql,
                _ if line.starts_with("--") || !applies => {}
                _ => {
                    for alternative in expand(line) {
                        for part in alternative.split(" ;; ") {
                            steps.push(step(part.trim()).map_err(|error| format!("line {}: {error}", number + 1))?);
                        }
                    }
                }
            }
        }
        Ok(Self { topic: topic.to_owned(), steps })
    }
}

/// One line for each combination of the alternatives in `{…|…}`.
fn expand(line: &str) -> Vec<String> {
    let Some((head, (inside, tail))) =
        line.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)))
    else {
        return vec![line.to_owned()];
    };
    inside.split('|').flat_map(|choice| expand(&format!("{head}{choice}{tail}"))).collect()
}

fn step(text: &str) -> Result<Step, String> {
    let (session, text) = match text.strip_prefix('@') {
        Some(rest) if rest.chars().nth(1) == Some(' ') => (rest.chars().next().unwrap_or('a'), rest[1..].trim_start()),
        _ => ('a', text),
    };
    let action = match text.strip_prefix('!') {
        Some(command) => action(command)?,
        None => Action::Sql(text.to_owned()),
    };
    Ok(Step { session, action })
}

fn action(text: &str) -> Result<Action, String> {
    let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
    let owned = rest.to_owned();
    let two = || rest.split_once(' ').ok_or_else(|| format!("`{text}` needs two arguments"));
    let action = match command {
        "ping" => Action::Ping,
        "reset" => Action::Reset,
        "reconnect" => Action::Reconnect,
        "init" => Action::InitDb(owned),
        "multi" => Action::MultiStatements(rest == "on"),
        "user" => Action::ChangeUser(owned),
        "fields" => Action::FieldList(owned),
        "prepare" => {
            let (name, sql) = rest.split_once(' ').unwrap_or((rest, ""));
            Action::Prepare(name.to_owned(), sql.to_owned())
        }
        "execute" | "cursor" | "again" => {
            let (name, values) = words(rest);
            let how = How { cursor: command == "cursor", untyped: command == "again", ..How::default() };
            Action::Execute(name, values, how)
        }
        "attributes" => {
            let (attributes, sql) = two()?;
            Action::Attributes(pairs(attributes), sql.to_owned())
        }
        "with" => {
            let (attributes, rest) = two()?;
            let (name, values) = words(rest);
            Action::Execute(name, values, How { attributes: pairs(attributes), ..How::default() })
        }
        "bulk" => {
            let (name, rows) = words(rest);
            Action::Bulk(name, rows.iter().map(|row| row.split(',').map(str::to_owned).collect()).collect())
        }
        "fetch" => {
            let (name, count) = two()?;
            Action::Fetch(name.to_owned(), count.parse().map_err(|_| format!("`{count}` is no number"))?)
        }
        "clear" => Action::StmtReset(owned),
        "close" => Action::Close(owned),
        "long" => {
            let (name, rest) = two()?;
            let (parameter, data) = rest.split_once(' ').unwrap_or((rest, ""));
            let parameter = parameter.parse().map_err(|_| format!("`{parameter}` is no number"))?;
            Action::LongData(name.to_owned(), parameter, data.to_owned())
        }
        "infile" => {
            let (content, sql) = two()?;
            Action::Infile(content.replace("\\n", "\n").replace("\\t", "\t"), sql.to_owned())
        }
        "pipeline" => Action::Pipeline(rest.split(" && ").map(str::to_owned).collect()),
        other => return Err(format!("`!{other}` is no command")),
    };
    Ok(action)
}

/// A name and what follows it.
fn words(text: &str) -> (String, Vec<String>) {
    let mut words = text.split(' ').map(str::to_owned);
    (words.next().unwrap_or_default(), words.collect())
}

/// `name=value,name=value`
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split(',').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_combined() {
        assert_eq!(expand("a {1|2} b {x|y}"), ["a 1 b x", "a 1 b y", "a 2 b x", "a 2 b y"]);
        let script = Script::parse("t", "SET x = {1|2} ;; @b SELECT @@x\n[mysql]\nDO 1", Family::Mariadb).unwrap();
        let texts: Vec<String> = script.steps.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["@a SET x = 1", "@b SELECT @@x", "@a SET x = 2", "@b SELECT @@x"]);
    }
}
