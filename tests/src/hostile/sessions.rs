//! Those that are let in, and make the most of what a session may have.

use super::{ACCOUNTS, Attacker, MODERN, SITTING, command, query};
use crate::PASSWORD;
use crate::raw::{Broken, RawClient};
use mysql_async::prelude::Queryable as _;
use mysql_async::{ChangeUserOpts, Conn, OptsBuilder};
use splitfin_protocol::frame::HEADER;
use splitfin_protocol::packet::Greeting;
use splitfin_protocol::{Capabilities, CommandByte};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Becomes somebody else again and again, and then begins to and does not.
pub(super) fn change_user(attacker: &mut Attacker) -> Result<(), Broken> {
    let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(attacker.port).prefer_socket(false);
    let options =
        options.user(Some(ACCOUNTS[0])).pass(Some(PASSWORD)).max_allowed_packet(Some(1 << 24)).wait_timeout(Some(100));
    let changing = async {
        let mut conn = Conn::new(options).await?;
        for number in 0..20 {
            let account = ChangeUserOpts::new().with_user(Some(ACCOUNTS[number % 2].into()));
            conn.change_user(account.with_pass(Some(PASSWORD.into()))).await?;
            conn.query_drop("SET @mine = 1").await?;
        }
        conn.disconnect().await
    };
    attacker.runtime.block_on(async { tokio::time::timeout(super::SILENT, changing).await })??;
    attacker.acted();
    let mut client = attacker.log_in(MODERN)?;
    client.send_bytes(&[200, 0, 0, 0, CommandByte::ChangeUser as u8, b'm'])?;
    attacker.pause(Duration::from_secs(1));
    let mut client = attacker.log_in(MODERN)?;
    client.send_bytes(&command(
        CommandByte::ChangeUser,
        b"mallet\0\x14aaaaaaaaaaaaaaaaaaaahostile\0\x2d\0mysql_native_password\0",
    ))?;
    attacker.pause(Duration::from_secs(1));
    Ok(())
}

/// Kills whatever has a number near its own.
pub(super) fn kills(attacker: &mut Attacker) -> Result<(), Broken> {
    let socket = attacker.socket(Ipv4Addr::LOCALHOST, false)?;
    let (mut client, greeting) = RawClient::log_in_over(socket, ACCOUNTS[2], PASSWORD, None, MODERN)?;
    let own = Greeting::parse(&greeting[HEADER..])?.connection_id;
    for distance in 1..40 {
        for id in [own.wrapping_sub(distance), distance, own.wrapping_add(distance)] {
            // Most of these fail: that is what they are for.
            let _ = query(&mut client, &format!("KILL QUERY {id}"));
            let _ = query(&mut client, &format!("KILL {id}"));
            client.send_bytes(&command(CommandByte::ProcessKill, &id.to_le_bytes()))?;
            client.reply(CommandByte::ProcessKill)?;
            attacker.acted();
        }
        attacker.pause(Duration::from_millis(50));
    }
    Ok(())
}

/// One transaction with ever more savepoints. A server looks through all of them for each, which is what paces this.
pub(super) fn savepoints(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    query(&mut client, "BEGIN")?;
    query(&mut client, "INSERT INTO own (text) VALUES ('saved')")?;
    for some in 0..2000 {
        let text: Vec<String> = (0..50).map(|number| format!("SAVEPOINT s{}", some * 50 + number)).collect();
        query(&mut client, &text.join(";"))?;
        attacker.acted();
        if attacker.is_over() {
            break;
        }
        attacker.pause(Duration::from_millis(50));
    }
    Ok(())
}

/// Ever more user variables, and ever longer ones.
pub(super) fn variables(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    let length = if attacker.round.is_multiple_of(2) { 10 } else { 10_000 };
    for number in 0..5000 {
        query(&mut client, &format!("SET @v{number} = REPEAT('x', {length})"))?;
        // On whichever connection that is.
        query(&mut client, &format!("SELECT @v{number} = '', id FROM own"))?;
        attacker.acted();
        if attacker.is_over() {
            break;
        }
        attacker.pause(Duration::from_millis(20));
    }
    Ok(())
}

/// Holds locks, temporary tables and a snapshot, and leaves without a word.
pub(super) fn long_transactions(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN)?;
    query(&mut client, "CREATE TEMPORARY TABLE mine AS SELECT * FROM held LIMIT 100")?;
    query(&mut client, "DO GET_LOCK('mine', 0)")?;
    query(&mut client, "START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
    query(&mut client, "SELECT COUNT(*) FROM held WHERE id < 3 FOR UPDATE")?;
    query(&mut client, "INSERT INTO held (text) VALUES ('never there')")?;
    attacker.acted();
    attacker.pause(SITTING / 2);
    Ok(())
}

/// Is gone in the middle of a result, with a reset.
pub(super) fn resets(attacker: &mut Attacker) -> Result<(), Broken> {
    let socket = attacker.socket(Ipv4Addr::LOCALHOST, true)?;
    let (mut client, _) = RawClient::log_in_over(socket, ACCOUNTS[0], PASSWORD, None, MODERN)?;
    let sql = b"SELECT REPEAT('x', 100000) FROM information_schema.COLLATIONS";
    client.send_bytes(&command(CommandByte::Query, sql))?;
    client.packet()?;
    attacker.acted();
    Ok(())
}

/// Says that there will be a file, and sends half of it.
pub(super) fn files(attacker: &mut Attacker) -> Result<(), Broken> {
    let mut client = attacker.log_in(MODERN | Capabilities::LOCAL_FILES)?;
    let sql = b"LOAD DATA LOCAL INFILE 'rows' INTO TABLE own (text)";
    client.send_bytes(&command(CommandByte::Query, sql))?;
    let (_, request) = client.packet()?;
    if request.get(HEADER) != Some(&0xFB) {
        return Err(format!("{:?}", String::from_utf8_lossy(&request)).into());
    }
    for sequence in 2..10 {
        client.send(sequence, &b"a line of a file\n".repeat(500))?;
    }
    // What is announced does not come.
    client.send_bytes(&[0, 0, 1, 10, b'x'])?;
    attacker.acted();
    attacker.pause(SITTING / 2);
    Ok(())
}
