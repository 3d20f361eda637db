//! Promise: commands that drivers rarely use work too: cursors, parameters in pieces, pipelined commands, and all of them
//! for clients of every shape.

use splitfin_protocol::{Capabilities, CommandByte, Status};
use splitfin_tests::raw::RawClient;
use splitfin_tests::{APP, PASSWORD, Stage, Told, story};

const SHAPES: [Capabilities; 3] = [
    Capabilities::empty(),
    Capabilities::DEPRECATE_EOF,
    Capabilities::DEPRECATE_EOF.union(Capabilities::SESSION_TRACK),
];

fn client(stage: &Stage, shape: Capabilities) -> Result<RawClient, Box<dyn std::error::Error>> {
    Ok(RawClient::log_in(stage.port, APP, PASSWORD, Some("shop"), shape)?.0)
}

fn sql(text: &str) -> Vec<u8> {
    [&[CommandByte::Query as u8], text.as_bytes()].concat()
}

story! {
    cursors_hold_their_connection_until_they_are_read, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        for shape in SHAPES {
            let mut client = client(&stage, shape)?;
            let (prepared, _) = client.ask(CommandByte::StmtPrepare, b"SELECT id, item FROM orders ORDER BY id")?;
            let id = prepared.prepared.ok_or("no statement")?.statement.to_le_bytes();
            let execute = [&id[..], &[1, 1, 0, 0, 0]].concat();
            let (opened, _) = client.ask(CommandByte::StmtExecute, &execute)?;
            assert!(opened.status.unwrap_or_default().contains(Status::CURSOR_EXISTS), "{opened:?}");
            let fetch = |count: u32| [id, count.to_le_bytes()].concat();
            let (two, _) = client.ask(CommandByte::StmtFetch, &fetch(2))?;
            assert_eq!(two.rows, 2);
            // A write in between runs on the same connection and does not disturb the cursor.
            let (write, _) = client.ask(CommandByte::Query, b"UPDATE orders SET amount = amount + 1 WHERE id = 1")?;
            assert_eq!((write.error, write.affected_rows), (None, 1));
            let (last, _) = client.ask(CommandByte::StmtFetch, &fetch(9))?;
            assert_eq!(last.rows, 1);
            assert!(last.status.unwrap_or_default().contains(Status::LAST_ROW_SENT));
            let (reset, _) = client.ask(CommandByte::StmtReset, &id)?;
            assert_eq!(reset.error, None);
            let (gone, _) = client.ask(CommandByte::StmtFetch, &[77u32.to_le_bytes(), 1u32.to_le_bytes()].concat())?;
            assert_eq!(gone.error.map(|error| error.code), Some(1243));
            client.send(0, &[&[CommandByte::StmtClose as u8], &id[..]].concat())?;
            let (closed, _) = client.ask(CommandByte::StmtExecute, &execute)?;
            assert_eq!(closed.error.map(|error| error.code), Some(1243));
        }
        Ok(())
    }
}

story! {
    parameters_can_come_in_pieces, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        let mut client = client(&stage, Capabilities::empty())?;
        let (prepared, _) = client.ask(CommandByte::StmtPrepare, b"SELECT LENGTH(?), ?")?;
        let id = prepared.prepared.ok_or("no statement")?.statement.to_le_bytes();
        for _ in 0..3 {
            for _ in 0..4 {
                let piece = [&[CommandByte::StmtSendLongData as u8], &id[..], &[0, 0], &[b'p'; 1000]].concat();
                client.send(0, &piece)?;
            }
            // No nulls, types follow: BLOB and LONG; only the second has a value here.
            let execute = [&id[..], &[0, 1, 0, 0, 0, 0, 1, 0xFC, 0, 3, 0, 7, 0, 0, 0]].concat();
            let (done, reply) = client.ask(CommandByte::StmtExecute, &execute)?;
            assert_eq!((done.error, done.rows), (None, 1));
            assert!(reply.windows(2).any(|pair| pair == 4000u16.to_le_bytes()), "the length of all pieces");
        }
        Ok(())
    }
}

story! {
    pipelined_commands_are_answered_in_order, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        for shape in SHAPES {
            let mut client = client(&stage, shape)?;
            let commands: Vec<Vec<u8>> = (0..50)
                .map(|number| match number % 5 {
                    0 => vec![CommandByte::Ping as u8],
                    1 => sql("SELECT * FROM missing"),
                    2 => sql("UPDATE orders SET amount = amount + 1"),
                    _ => sql("SELECT id FROM orders"),
                })
                .collect();
            client.send_all(&commands)?;
            for (number, command) in commands.iter().enumerate() {
                let byte = CommandByte::from_byte(command[0]).ok_or("a command")?;
                let (outcome, _) = client.reply(byte)?;
                match number % 5 {
                    1 => assert_eq!(outcome.error.map(|error| error.code), Some(1146)),
                    2 => assert_eq!(outcome.affected_rows, 3),
                    3 | 4 => assert_eq!(outcome.rows, 3),
                    _ => assert_eq!(outcome.error, None),
                }
            }
        }
        Ok(())
    }
}

story! {
    who_has_nothing_more_to_say_still_gets_the_answers, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        for shape in SHAPES {
            let mut client = client(&stage, shape)?;
            client.send_all(&[b"\x03SELECT item FROM orders".to_vec(), b"\x03UPDATE orders SET amount = 9".to_vec()])?;
            client.half_close()?;
            assert_eq!(client.reply(CommandByte::Query)?.0.rows, 3);
            assert_eq!(client.reply(CommandByte::Query)?.0.error, None);
            assert!(client.packet().is_err(), "then the session is over");
        }
        Ok(())
    }
}

story! {
    every_command_byte_is_answered, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        for shape in SHAPES {
            let mut client = client(&stage, shape)?;
            let (columns, _) = client.ask(CommandByte::FieldList, b"orders\0")?;
            assert_eq!(columns.rows, 3);
            let (_, text) = client.ask(CommandByte::Statistics, b"")?;
            assert!(String::from_utf8_lossy(&text).contains("Uptime"));
            let (off, _) = client.ask(CommandByte::SetOption, &[1, 0])?;
            assert_eq!(off.error, None);
            let (refused, _) = client.ask(CommandByte::Query, b"SELECT 1; SELECT 2")?;
            assert_eq!(refused.error.map(|error| error.code), Some(1064), "several statements are off");
            client.ask(CommandByte::SetOption, &[0, 0])?;
            let (several, _) = client.ask(CommandByte::Query, b"SELECT 1; SELECT 2")?;
            assert_eq!((several.error, several.rows), (None, 2));
            for byte in [0x00u8, 0x05, 0x07, 0x08, 0x0A, 0x0D, 0x12, 0x15, 0x1D, 0x20, 0xFA, 0x55] {
                client.send(0, &[byte, 1, 0, 0, 0, 0])?;
                let (header, frame) = client.packet()?;
                assert_eq!((header.sequence, frame[4]), (1, 0xFF), "{byte:#x} is refused with an error");
            }
            let nobody = 1_999_999_999u32.to_le_bytes();
            let (unknown, _) = client.ask(CommandByte::ProcessKill, &nobody)?;
            assert_eq!(unknown.error.map(|error| error.code), Some(1094), "no session has this id");
            // It is no session's, so the server answers; MySQL has forgotten the command.
            let (unknown, _) = client.ask(CommandByte::ProcessKill, &[0xFF, 0xFF, 0xFF, 0x7F])?;
            let code = if family == splitfin_tests::Family::Mysql { 1047 } else { 1094 };
            assert_eq!(unknown.error.map(|error| error.code), Some(code));
            assert_eq!(client.ask(CommandByte::Ping, b"")?.0.error, None, "and the session goes on");
        }
        Ok(())
    }
}

story! {
    answers_of_our_own_go_on_where_a_servers_replies_end, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        let begin = "UPDATE orders SET amount = amount + 1 WHERE id = 1; SELECT FOUND_ROWS()";
        let own = ["SHOW SPLITFIN ROUTE", "SHOW SPLITFIN POSITION", "KILL QUERY CONNECTION_ID()", "KILL 1999999999"];
        for shape in SHAPES {
            for last in own {
                let mut client = client(&stage, shape)?;
                // The client looks at each sequence id.
                let (outcome, _) = client.ask(CommandByte::Query, format!("{begin}; {last}").as_bytes())?;
                assert_eq!(outcome.error.is_some(), last.starts_with("KILL"), "{last}: {outcome:?}");
                let (next, _) = client.ask(CommandByte::Query, b"DO 1")?;
                assert_eq!(next.error, None, "{last}");
            }
        }
        Ok(())
    }
}
