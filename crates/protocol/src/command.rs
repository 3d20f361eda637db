//! Commands: the first byte of what a client sends, and what kind of reply it gets.

use crate::capability::Capabilities;
use crate::packet::attributes;
use crate::wire::{Malformed, Reader};

macro_rules! command_bytes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $sql_name:literal;)+) => {
        /// The first byte of a command (`enum_server_command` of MySQL and MariaDB).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum CommandByte {
            $($(#[$doc])* $name = $value,)+
        }

        impl CommandByte {
            /// Every command there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The command that `byte` stands for.
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte {
                    $($value => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The name in the servers' manuals.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $sql_name,)+
                }
            }
        }
    };
}

command_bytes! {
    /// Internal to servers.
    Sleep = 0x00, "COM_SLEEP";
    /// Ends the session; no reply.
    Quit = 0x01, "COM_QUIT";
    /// Changes the default database.
    InitDb = 0x02, "COM_INIT_DB";
    /// Runs SQL text.
    Query = 0x03, "COM_QUERY";
    /// Columns of a table.
    FieldList = 0x04, "COM_FIELD_LIST";
    /// Refused by all servers of today.
    CreateDb = 0x05, "COM_CREATE_DB";
    /// Refused by all servers of today.
    DropDb = 0x06, "COM_DROP_DB";
    /// FLUSH as a command.
    Refresh = 0x07, "COM_REFRESH";
    /// Stops the server.
    Shutdown = 0x08, "COM_SHUTDOWN";
    /// One line of status text.
    Statistics = 0x09, "COM_STATISTICS";
    /// The process list.
    ProcessInfo = 0x0A, "COM_PROCESS_INFO";
    /// Internal to servers.
    Connect = 0x0B, "COM_CONNECT";
    /// KILL as a command.
    ProcessKill = 0x0C, "COM_PROCESS_KILL";
    /// Makes the server dump debug information.
    Debug = 0x0D, "COM_DEBUG";
    /// Is the server there?
    Ping = 0x0E, "COM_PING";
    /// Internal to servers.
    Time = 0x0F, "COM_TIME";
    /// Internal to servers.
    DelayedInsert = 0x10, "COM_DELAYED_INSERT";
    /// Logs in again as somebody else.
    ChangeUser = 0x11, "COM_CHANGE_USER";
    /// Streams the binary log.
    BinlogDump = 0x12, "COM_BINLOG_DUMP";
    /// Refused by all servers of today.
    TableDump = 0x13, "COM_TABLE_DUMP";
    /// Internal to servers.
    ConnectOut = 0x14, "COM_CONNECT_OUT";
    /// Registers a replica.
    RegisterSlave = 0x15, "COM_REGISTER_SLAVE";
    /// Prepares a statement.
    StmtPrepare = 0x16, "COM_STMT_PREPARE";
    /// Executes a prepared statement.
    StmtExecute = 0x17, "COM_STMT_EXECUTE";
    /// A piece of a parameter; no reply.
    StmtSendLongData = 0x18, "COM_STMT_SEND_LONG_DATA";
    /// Forgets a prepared statement; no reply.
    StmtClose = 0x19, "COM_STMT_CLOSE";
    /// Closes a statement's cursor and drops its long data.
    StmtReset = 0x1A, "COM_STMT_RESET";
    /// Multi-statements on or off.
    SetOption = 0x1B, "COM_SET_OPTION";
    /// Rows of a cursor.
    StmtFetch = 0x1C, "COM_STMT_FETCH";
    /// Internal to servers.
    Daemon = 0x1D, "COM_DAEMON";
    /// Streams the binary log from a GTID position (MySQL).
    BinlogDumpGtid = 0x1E, "COM_BINLOG_DUMP_GTID";
    /// Resets the session, keeping user and database.
    ResetConnection = 0x1F, "COM_RESET_CONNECTION";
    /// Clones a server (MySQL).
    Clone = 0x20, "COM_CLONE";
    /// Group Replication's own (MySQL).
    SubscribeGroupReplicationStream = 0x21, "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM";
    /// Executes a prepared statement for many rows of parameters (MariaDB).
    StmtBulkExecute = 0xFA, "COM_STMT_BULK_EXECUTE";
}

/// How the reply to a command is put together; see [`crate::exchange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyShape {
    /// Nothing comes back.
    Nothing,
    /// One OK, EOF or ERR packet.
    Status,
    /// OK, ERR, a LOCAL INFILE request, or a chain of result sets.
    Results,
    /// Like `Results`, in binary rows, with cursors.
    BinaryResults,
    /// PREPARE_OK with parameter and column definitions, or ERR.
    Prepared,
    /// Rows up to a terminator, without a header.
    RowsOnly,
    /// One packet of bare text.
    Text,
}

impl CommandByte {
    /// Whether it runs a statement.
    pub const fn is_statement(self) -> bool {
        matches!(self, Self::Query | Self::StmtExecute | Self::StmtBulkExecute)
    }

    /// What comes back. Commands that are refused have the shape of the refusal.
    pub const fn reply_shape(self) -> ReplyShape {
        match self {
            Self::Quit | Self::StmtSendLongData | Self::StmtClose => ReplyShape::Nothing,
            Self::Query | Self::ProcessInfo => ReplyShape::Results,
            Self::StmtExecute | Self::StmtBulkExecute => ReplyShape::BinaryResults,
            Self::StmtPrepare => ReplyShape::Prepared,
            Self::StmtFetch | Self::FieldList => ReplyShape::RowsOnly,
            Self::Statistics => ReplyShape::Text,
            _ => ReplyShape::Status,
        }
    }
}

/// A command with its arguments, as far as they matter on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// COM_QUIT
    Quit,
    /// COM_INIT_DB: the database's name.
    InitDb(&'a [u8]),
    /// COM_QUERY
    Query {
        /// Query attributes as they came; empty where they were not agreed to.
        attributes: &'a [u8],
        /// SQL text.
        text: &'a [u8],
    },
    /// COM_FIELD_LIST
    FieldList,
    /// COM_STATISTICS
    Statistics,
    /// COM_PING
    Ping,
    /// COM_CHANGE_USER: everything after the command byte.
    ChangeUser(&'a [u8]),
    /// COM_STMT_PREPARE: the text.
    StmtPrepare(&'a [u8]),
    /// COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE: the statement, and everything after its id.
    StmtExecute {
        /// Which of the two.
        command: CommandByte,
        /// The client's statement id.
        statement: u32,
        /// Flags, and parameters; see [`crate::packet::stmt_execute`].
        body: &'a [u8],
    },
    /// COM_STMT_SEND_LONG_DATA
    StmtSendLongData {
        /// The client's statement id.
        statement: u32,
    },
    /// COM_STMT_CLOSE
    StmtClose {
        /// The client's statement id.
        statement: u32,
    },
    /// COM_STMT_RESET
    StmtReset {
        /// The client's statement id.
        statement: u32,
    },
    /// COM_STMT_FETCH
    StmtFetch {
        /// The client's statement id.
        statement: u32,
    },
    /// COM_SET_OPTION: whether several statements in one COM_QUERY are allowed from now on.
    SetMultiStatements(bool),
    /// COM_RESET_CONNECTION
    ResetConnection,
    /// COM_PROCESS_KILL: the connection to end.
    ProcessKill(u32),
    /// A command that is known and not carried out here.
    Refused(CommandByte),
    /// A first byte that no server knows.
    Unknown(u8),
}

impl<'a> Command<'a> {
    /// Reads the payload of a command packet from a peer that agreed to `agreed`.
    pub fn parse(payload: &'a [u8], agreed: Capabilities) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let byte = reader.u8("command")?;
        let Some(command) = CommandByte::from_byte(byte) else {
            return Ok(Self::Unknown(byte));
        };
        Ok(match command {
            CommandByte::Quit => Self::Quit,
            CommandByte::InitDb => Self::InitDb(reader.rest()),
            CommandByte::Query if agreed.contains(Capabilities::QUERY_ATTRIBUTES) => {
                let (attributes, text) = attributes::split(reader.rest())?;
                Self::Query { attributes, text }
            }
            CommandByte::Query => Self::Query { attributes: &[], text: reader.rest() },
            CommandByte::FieldList => Self::FieldList,
            CommandByte::Statistics => Self::Statistics,
            CommandByte::Ping => Self::Ping,
            CommandByte::ChangeUser => Self::ChangeUser(reader.rest()),
            CommandByte::StmtPrepare => Self::StmtPrepare(reader.rest()),
            CommandByte::StmtBulkExecute if !agreed.contains(Capabilities::STMT_BULK_OPERATIONS) => {
                Self::Refused(command)
            }
            CommandByte::StmtExecute | CommandByte::StmtBulkExecute => {
                Self::StmtExecute { command, statement: reader.u32("statement id")?, body: reader.rest() }
            }
            CommandByte::StmtSendLongData => Self::StmtSendLongData { statement: reader.u32("statement id")? },
            CommandByte::StmtClose => Self::StmtClose { statement: reader.u32("statement id")? },
            CommandByte::StmtReset => Self::StmtReset { statement: reader.u32("statement id")? },
            CommandByte::StmtFetch => Self::StmtFetch { statement: reader.u32("statement id")? },
            CommandByte::SetOption => match reader.u16("option")? {
                0 => Self::SetMultiStatements(true),
                1 => Self::SetMultiStatements(false),
                other => return Err(Malformed::Invalid { field: "option", value: u64::from(other) }),
            },
            CommandByte::ResetConnection => Self::ResetConnection,
            CommandByte::ProcessKill => Self::ProcessKill(reader.u32("connection id")?),
            other => Self::Refused(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Capabilities = Capabilities::empty();

    #[test]
    fn every_first_byte_is_something() {
        for byte in 0..=u8::MAX {
            let payload = [byte, 1, 0, 0, 0, 0];
            let command = Command::parse(&payload, PLAIN).unwrap();
            assert_eq!(matches!(command, Command::Unknown(_)), CommandByte::from_byte(byte).is_none(), "{byte:#x}");
        }
    }

    #[test]
    fn a_command_cut_short_names_the_field() {
        assert_eq!(Command::parse(&[], PLAIN), Err(Malformed::Truncated { field: "command" }));
        assert_eq!(Command::parse(&[0x17, 1, 2], PLAIN), Err(Malformed::Truncated { field: "statement id" }));
        assert_eq!(Command::parse(&[0x1B, 9, 0], PLAIN), Err(Malformed::Invalid { field: "option", value: 9 }));
    }

    #[test]
    fn query_keeps_every_byte_of_its_text() {
        let text: &[u8] = b"SELECT '\0\xff'";
        assert_eq!(Command::parse(b"\x03SELECT '\0\xff'", PLAIN), Ok(Command::Query { attributes: &[], text }));
        let attributes: &[u8] = &[0, 1];
        let with = Command::parse(b"\x03\0\x01SELECT '\0\xff'", Capabilities::QUERY_ATTRIBUTES);
        assert_eq!(with, Ok(Command::Query { attributes, text }));
    }
}
