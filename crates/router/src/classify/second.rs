//! The second opinion: a full SQL parser that can only say no.
//!
//! It does not parse a good part of what servers accept, so failing to parse says nothing. But where it finds a write,
//! a lock or a target in what looked like a read, the statement goes to the primary.

use crate::lexer::Token;
use sqlparser::ast::{Query, Select, SetExpr, Statement, Visit, Visitor};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Whether nothing in `text` speaks against its being a read. `tokens` are those of the text.
pub(super) fn agrees(text: &[u8], tokens: &[Token<'_>]) -> bool {
    if text.len() > LONGEST || is_deep(tokens) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(text) else { return true };
    let Ok(statements) = Parser::parse_sql(&MySqlDialect {}, text) else { return true };
    statements.len() <= 1 && statements.iter().all(only_reads)
}

fn only_reads(statement: &Statement) -> bool {
    let harmless = matches!(
        statement,
        Statement::Query(_)
            | Statement::Explain { .. }
            | Statement::ExplainTable { .. }
            | Statement::ShowTables { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowCreate { .. }
            | Statement::ShowDatabases { .. }
            | Statement::ShowSchemas { .. }
            | Statement::ShowCollation { .. }
            | Statement::ShowCharset(_)
            | Statement::ShowVariables { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowFunctions { .. }
    );
    harmless && statement.visit(&mut FindsWrite).is_continue()
}

struct FindsWrite;

impl Visitor for FindsWrite {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let changes = matches!(*query.body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_));
        match changes || !query.locks.is_empty() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        match select.into.is_some() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Whether the parser's tree may become deeper than a stack bears. It limits the depth of some expressions itself, but not of
/// what chains, such as joins and most operators, of which each is a level.
fn is_deep(tokens: &[Token<'_>]) -> bool {
    let (mut joins, mut links) = (0, 0);
    for token in tokens {
        match token {
            Token::Word(word) => {
                joins += usize::from(word.len() >= 4 && word.to_ascii_lowercase().ends_with(b"join"));
                links += 1;
            }
            // Lists are no levels.
            Token::Punct(byte) => links += usize::from(!matches!(byte, b',' | b')')),
            _ => {}
        }
    }
    joins > MOST_JOINS || links > MOST_LINKS
}

/// Servers join at most 61 tables.
const MOST_JOINS: usize = 64;
/// Words, operators and opening parentheses: of each, every other one at most is a level.
const MOST_LINKS: usize = 3000;
/// Texts above this many bytes are not parsed a second time.
const LONGEST: usize = 64 * 1024;
