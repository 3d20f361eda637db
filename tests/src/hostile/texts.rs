//! Those that want Splitfin to read for long. Texts that would keep a server busy for long have an error in front, at which
//! it stops reading.

use super::{Attacker, FORGED, MODERN, command, query};
use crate::raw::{Broken, RawClient};
use splitfin_protocol::CommandByte;
use std::time::Duration;

/// Sends a text and reads what is said to it: there is an answer, whatever it is.
fn answered(attacker: &mut Attacker, client: &mut RawClient, byte: CommandByte, text: &str) -> Result<(), Broken> {
    client.send_bytes(&command(byte, text.as_bytes()))?;
    client.reply(byte)?;
    attacker.acted();
    attacker.pause(Duration::from_secs(1));
    Ok(())
}

/// 8 MiB of what makes many tokens.
pub(super) fn long_statements(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let (first, more) =
        [("SELECT 1", "("), ("SELECT 1", ";"), ("SELECT 1", "."), ("SELECT FROM ", "1,")][attacker.round % 4];
    let text = format!("{first}{}", more.repeat((8 << 20) / more.len()));
    answered(attacker, &mut client, CommandByte::Query, &text)?;
    answered(attacker, &mut client, CommandByte::StmtPrepare, &text[..2 << 20])
}

/// A statement of a hundred thousand statements.
pub(super) fn unions(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let more = " UNION SELECT 1";
    for (first, count) in [("SELECT FROM 1", 100_000), ("SELECT 1", 3000)] {
        let text = format!("{first}{}", more.repeat(count));
        answered(attacker, &mut client, CommandByte::Query, &text)?;
    }
    Ok(())
}

/// Expressions that are deep, to the left and to the right.
pub(super) fn deep_nests(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let joins: String = (0..300).map(|number| format!(" JOIN own a{number}")).collect();
    let texts = [
        format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT COUNT(*) FROM own{joins}"),
        format!("SELECT 1{}", "+1".repeat(30_000)),
        format!("SELECT {}1", "NOT ".repeat(30_000)),
        format!("SELECT {}1{}", "(SELECT ".repeat(2000), ")".repeat(2000)),
        format!("SELECT {}1{}", "CASE WHEN 1 THEN ".repeat(5000), " END".repeat(5000)),
    ];
    for text in &texts {
        answered(attacker, &mut client, CommandByte::Query, text)?;
    }
    Ok(())
}

/// Hints without end, wrong ones, and such that would be lines of the log.
pub(super) fn hints(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let forged = format!("\n{FORGED} INFO splitfin: all is well\r\n\x1b[2J\u{2028}{FORGED}");
    for _ in 0..20 {
        query(&mut client, &format!("/* splitfin: nonsense={forged} */ SELECT 1 /* {forged} */"))?;
        query(&mut client, &format!("SELECT '{forged}' AS `{forged}`"))?;
        attacker.acted();
        attacker.pause(Duration::from_millis(50));
    }
    let many = format!("{} SELECT 1", "/* splitfin: replica, max_lag=1ms, backend=nowhere */".repeat(20_000));
    answered(attacker, &mut client, CommandByte::Query, &many)
}
