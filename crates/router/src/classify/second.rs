//! The second opinion: a full SQL parser that can only say no.
//!
//! It does not parse a good part of what servers accept, so failing to parse says nothing. But where it finds a write,
//! a lock or a target in what looked like a read, the statement goes to the primary.

use sqlparser::ast::{Query, Select, SetExpr, Statement, Visit, Visitor};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Whether nothing in `text` speaks against its being a read.
pub(super) fn agrees(text: &[u8]) -> bool {
    if text.len() > LONGEST {
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

/// Texts above this many bytes are not parsed a second time.
const LONGEST: usize = 64 * 1024;
