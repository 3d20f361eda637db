//! Those that want Splitfin to hold much for them.

use super::{Attacker, MODERN, SITTING, command, query};
use crate::raw::Broken;
use splitfin_protocol::compress::{Algorithm, Codec};
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_testkit::Family;
use std::io::Read as _;
use std::time::Duration;

/// Commands whose replies are a hundred times as long.
fn commands(count: usize) -> Vec<u8> {
    let text = format!("SELECT REPEAT('x', 20000) /* {} */", "x".repeat(160));
    command(CommandByte::Query, text.as_bytes()).repeat(count)
}

/// Sends commands until nothing more is taken, and reads no reply.
pub(super) fn pipelines(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let some = commands(300);
    while !attacker.is_over() && client.send_bytes(&some).is_ok() {
        attacker.acted();
    }
    attacker.pause(SITTING);
    Ok(())
}

/// Asks for hundreds of megabytes, and reads nothing.
pub(super) fn unread_results(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let sql = b"SELECT REPEAT('x', 1000000) FROM information_schema.COLLATIONS";
    client.send_bytes(&command(CommandByte::Query, sql))?;
    attacker.acted();
    attacker.pause(SITTING);
    Ok(())
}

/// Reads so slowly that it would take a month.
pub(super) fn a_byte_a_second(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    client.send_bytes(&command(CommandByte::Query, b"SELECT REPEAT('x', 4000000)"))?;
    while !attacker.is_over() {
        client.socket().read_exact(&mut [0])?;
        attacker.acted();
        attacker.pause(Duration::from_secs(1));
    }
    Ok(())
}

/// A packet of 16 MiB without its last byte.
pub(super) fn announced_packets(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    client.send_bytes(&[0xFF, 0xFF, 0xFF, 0, CommandByte::Query as u8])?;
    let piece = [b'x'; 1 << 16];
    for _ in 0..255 {
        client.send_bytes(&piece)?;
    }
    client.send_bytes(&piece[..piece.len() - 3])?;
    attacker.acted();
    attacker.pause(SITTING);
    Ok(())
}

/// Little that becomes much: commands for hours, and one command that is all spaces.
pub(super) fn compressed_bombs(attacker: &mut Attacker) -> Result<(), Broken> {
    let zstd = attacker.family == Family::Mysql && attacker.round % 2 == 1;
    let (flag, algorithm) = match zstd {
        true => (Capabilities::ZSTD_COMPRESSION, Algorithm::Zstd(3)),
        false => (Capabilities::COMPRESS, Algorithm::Zlib),
    };
    let contents = match attacker.round / 2 % 2 {
        0 => commands(70_000),
        _ => command(CommandByte::Query, &vec![b' '; 4 << 20]),
    };
    let mut packed = Vec::new();
    Codec::new(algorithm).pack(&contents, &mut packed);
    let mut client = attacker.log_in(MODERN | flag)?;
    for _ in 0..4 {
        client.send_bytes(&packed)?;
        attacker.acted();
    }
    attacker.pause(SITTING);
    Ok(())
}

/// Prepares long statements until there may be no more.
pub(super) fn prepared_statements(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let length = if attacker.round.is_multiple_of(2) { 600_000 } else { 1 << 20 };
    let text = format!("SELECT 1 /* {} */", "x".repeat(length));
    while !attacker.is_over() {
        client.send_bytes(&command(CommandByte::StmtPrepare, text.as_bytes()))?;
        let (outcome, _) = client.reply(CommandByte::StmtPrepare)?;
        if let Some(error) = outcome.error {
            assert_eq!(error.code, 1461, "{error:?}");
            attacker.acted();
            break;
        }
        attacker.pause(Duration::from_millis(10));
    }
    attacker.pause(Duration::from_secs(2));
    Ok(())
}

/// Pieces of a parameter without end.
pub(super) fn long_data(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    client.send_bytes(&command(CommandByte::StmtPrepare, b"SELECT LENGTH(?)"))?;
    let (outcome, _) = client.reply(CommandByte::StmtPrepare)?;
    let statement = outcome.prepared.ok_or("not prepared")?.statement;
    let piece = [&statement.to_le_bytes()[..], &[0, 0], &[b'x'; 60_000]].concat();
    let some = command(CommandByte::StmtSendLongData, &piece).repeat(16);
    for _ in 0..48 {
        client.send_bytes(&some)?;
        client.send_bytes(&command(CommandByte::Ping, b""))?;
        client.reply(CommandByte::Ping)?;
        attacker.acted();
        attacker.pause(Duration::from_millis(50));
    }
    Ok(())
}

/// Results without end, and changes of the session by the thousand in one reply.
pub(super) fn endless_procedures(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN | Capabilities::SESSION_TRACK)?;
    query(&mut client, "CALL hostile.tracks()")?;
    client.send_bytes(&command(CommandByte::Query, b"CALL hostile.endless()"))?;
    for _ in 0..100 {
        client.packet()?;
    }
    attacker.acted();
    attacker.pause(SITTING);
    Ok(())
}
