//! Those that are not let in.

use super::{ACCOUNTS, Attacker, FORGED, MODERN, SITTING};
use crate::raw::{Broken, RawClient};
use splitfin_protocol::frame::HEADER;
use splitfin_protocol::packet::Greeting;
use splitfin_protocol::{Capabilities, CommandByte};
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Guesses from the address that the honest come from: at their account, at root, and at names that nobody has.
pub(super) fn guesses_from_here(attacker: &mut Attacker) -> Result<(), Broken> {
    guess(attacker, Ipv4Addr::LOCALHOST)
}

/// The same from another address.
pub(super) fn guesses_from_elsewhere(attacker: &mut Attacker) -> Result<(), Broken> {
    guess(attacker, Ipv4Addr::new(127, 0, 0, 2))
}

fn guess(attacker: &mut Attacker, from: Ipv4Addr) -> Result<(), Broken> {
    let user =
        [crate::APP.to_owned(), "root".to_owned(), format!("nobody{}", attacker.round)][attacker.round % 3].clone();
    let socket = attacker.socket(from, false)?;
    match RawClient::log_in_over(socket, &user, "a guess", None, MODERN) {
        Ok(_) => panic!("{user} was let in with a guess"),
        Err(error) => {
            attacker.acted();
            Err(error)
        }
    }
}

/// Says nothing, or half of a login.
pub(super) fn half_logins(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut silent = Vec::new();
    for number in 0..40 {
        let mut socket = attacker.socket(Ipv4Addr::LOCALHOST, false)?;
        if number % 2 == 0 {
            socket.write_all(&[200, 0, 0, 1, 0x85])?;
        }
        silent.push(socket);
        attacker.acted();
        attacker.pause(Duration::from_millis(20));
    }
    attacker.pause(SITTING);
    Ok(())
}

/// Bytes that mean nothing, before the login and after it.
pub(super) fn garbage(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut socket = attacker.socket(Ipv4Addr::LOCALHOST, false)?;
    let _ = socket.read(&mut [0; 512])?;
    socket.write_all(&noise(attacker.round, 3000))?;
    let _ = socket.read(&mut [0; 512]);
    let mut client = attacker.log_in(MODERN)?;
    for number in 0..20 {
        // Any command that there is, with anything after it. What is said to it, if anything, nobody reads.
        let byte = CommandByte::ALL[(attacker.round * 7 + number) % CommandByte::ALL.len()];
        client.send_bytes(&super::command(byte, &noise(number, 300)))?;
        attacker.acted();
        attacker.pause(Duration::from_millis(20));
    }
    client.send_bytes(&noise(attacker.round, 100_000))
}

/// No TLS, half of it, and too much of it.
pub(super) fn garbage_for_tls(attacker: &mut Attacker) -> Result<(), Broken> {
    let socket = attacker.socket(Ipv4Addr::LOCALHOST, false)?;
    let (mut client, greeting) = RawClient::over(socket, MODERN)?;
    assert!(Greeting::parse(&greeting[HEADER..])?.capabilities.contains(Capabilities::SSL));
    let flags =
        Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::SSL | Capabilities::PLUGIN_AUTH;
    let request = [&flags.low().to_le_bytes()[..], &(1_u32 << 24).to_le_bytes(), &[45], &[0; 23]].concat();
    client.send(1, &request)?;
    match attacker.round % 3 {
        0 => client.send_bytes(&noise(attacker.round, 20_000))?,
        // The header of a record that does not come.
        1 => client.send_bytes(&[22, 3, 1, 0x40, 0, 1, 0, 0x3F, 0xFC, 3, 3])?,
        // Records of a ClientHello without end.
        _ => {
            let record = [&[22, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF][..], &[0; 0x4000 - 4]].concat();
            (0..1000).try_for_each(|_| client.send_bytes(&record))?;
        }
    }
    attacker.acted();
    attacker.pause(Duration::from_secs(1));
    Ok(())
}

/// Names of accounts and databases that would be lines of the log.
pub(super) fn names_with_lines(attacker: &mut Attacker) -> Result<(), Broken> {
    let name = format!("x\n{FORGED} INFO splitfin: let in\x1b[31m\r{}", attacker.round);
    let (user, database) = if attacker.round.is_multiple_of(5) { (&*name, "hostile") } else { (ACCOUNTS[0], &*name) };
    let socket = attacker.socket(Ipv4Addr::LOCALHOST, false)?;
    attacker.acted();
    RawClient::log_in_over(socket, user, crate::PASSWORD, Some(database), MODERN)?;
    Ok(())
}

/// Bytes without a meaning, other ones for each `seed` (xorshift).
fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 * 2 + 0x9E37_79B9_7F4A_7C15;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}
