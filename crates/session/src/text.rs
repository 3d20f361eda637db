//! COM_QUERY: a text with one statement, or with several.
//!
//! Several go to one server in one piece. Where one of them may ask for what is known here and not to the server, they are
//! run one by one: a MariaDB's warnings (`conditions`), FOUND_ROWS() after what leaves it, `@@last_gtid`. Then each is
//! answered as if it had come alone, and the client gets the replies as parts of one.

use crate::cancel::Phase;
use crate::conditions::Left;
use crate::error::{SessionError, Unserved};
use crate::job::{Job, Kind, Rest, query_packet};
use crate::plan::Planned;
use crate::serve::{Next, Session};
use splitfin_protocol::CommandByte;
use splitfin_router::{Asks, Because, Class, first_of_several, may_be_several};
use splitfin_transport::Framed;
use std::rc::Rc;
use std::time::Instant;

/// Why the statements of a text are run one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Each is put in other words, or a later one asks for what the session alone knows.
    OwnValues,
    /// Warnings from before may be asked for, as long as there are some.
    Conditions,
}

/// Where a statement stands in its text.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    /// It is all of it.
    Alone,
    /// Others follow; the text from it on.
    Followed(&'a [u8]),
    /// It was after others.
    Last,
}

impl Session {
    /// Serves a text with its query attributes, which came as `packet`.
    pub(crate) async fn serve_text(
        &mut self,
        client: &mut Framed,
        packet: &[u8],
        attributes: &[u8],
        text: &[u8],
    ) -> Result<Result<Next, Unserved>, SessionError> {
        let Some(why) = self.runs_one_by_one(text).await else {
            return self.serve_statement(client, packet, attributes, text, Place::Alone).await;
        };
        let mut rest = text;
        while let Some((first, after)) = self.split_off(rest, why).await {
            let packet = query_packet(attributes, first);
            let served = self.serve_statement(client, &packet, attributes, first, Place::Followed(rest)).await?;
            if self.failed || !matches!(served, Ok(Next::Command)) {
                return Ok(served);
            }
            // As servers do: an error counts lines from here.
            rest = after.trim_ascii_start();
            self.active = Instant::now();
            if self.binding.is_free() {
                self.progress.set(Phase::Waiting);
            }
        }
        let packet = query_packet(attributes, rest);
        self.serve_statement(client, &packet, attributes, rest, Place::Last).await
    }

    async fn serve_statement(
        &mut self,
        client: &mut Framed,
        packet: &[u8],
        attributes: &[u8],
        text: &[u8],
        place: Place<'_>,
    ) -> Result<Result<Next, Unserved>, SessionError> {
        let (mut statement, hint, text) = match self.plan(client, text).await? {
            Ok(Planned::Answered) => return Ok(Ok(Next::Command)),
            Ok(Planned::Run { statement, hint, text }) => (statement, hint, text),
            Err(unserved) => return Ok(Err(unserved)),
        };
        let kind = text.map_or(Kind::Plain, |text| Kind::substituted(attributes, &text));
        self.count += 1;
        if !matches!(place, Place::Alone) && statement.class == Class::Read {
            // The text goes to the primary.
            let class = Class::Write(Because::SeveralStatements);
            statement = Rc::new(statement.taken_for(class));
        }
        let and_rest = match place {
            Place::Followed(text) => Some(Rest { attributes, text }),
            Place::Alone | Place::Last => None,
        };
        let job = Job { command: CommandByte::Query, packet, statement, hint, kind, and_rest };
        self.execute(client, job).await
    }

    async fn runs_one_by_one(&self, text: &[u8]) -> Option<Why> {
        if !self.state.multi_statements || !may_be_several(text) {
            return None;
        }
        let (statement, _) = self.look_up(text).await;
        let asks = statement.asks.intersects(Asks::CONDITIONS | Asks::CONDITION_COUNTS);
        match statement.class {
            _ if statement.asks.contains(Asks::ONE_BY_ONE) => Some(Why::OwnValues),
            Class::Diagnostics if self.conditions_for(&statement).is_some() => Some(Why::OwnValues),
            Class::Write(Because::SeveralStatements) if asks && self.knows_conditions() => Some(Why::Conditions),
            _ => None,
        }
    }

    /// Whether there are warnings that a server does not know where a write runs.
    fn knows_conditions(&self) -> bool {
        let may_know = match self.left {
            Left::Known(_) => self.left.may_be_some(),
            // They will be known, if they are not where the text runs.
            Left::Held => !self.conditions_are_with_primary(),
        };
        may_know && !self.state.mysql
    }

    /// The first statement of several that have to be run one by one, and the others.
    async fn split_off<'a>(&self, text: &'a [u8], why: Why) -> Option<(&'a [u8], &'a [u8])> {
        if why == Why::Conditions && !self.knows_conditions() {
            return None;
        }
        let (first, after) = first_of_several(text, self.state.lex)?;
        // These are nobody's business but the server's, in such a text.
        let is_ours = matches!(self.look_up(first).await.0.class, Class::Own(_) | Class::Kill);
        (!is_ours).then_some((first, after))
    }
}
