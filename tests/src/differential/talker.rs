//! One session of a script: a client that can be shaped, and that writes down all it gets.

use super::render::{self, Ids};
use super::script::{Action, How, Step};
use crate::raw::Broken;
use splitfin_protocol::exchange::{Exchange, Part, Seen};
use splitfin_protocol::frame::{FrameHeader, HEADER, write_packet};
use splitfin_protocol::handshake::connect::{self, Connect, Credentials, TlsWish};
use splitfin_protocol::packet::{AuthSwitch, attributes};
use splitfin_protocol::{Capabilities, CommandByte, auth};
use splitfin_testkit::{APP, PASSWORD};
use splitfin_transport::tls::{ClientTls, TlsVersion};
use splitfin_transport::{Framed, Role, dial};
use std::collections::HashMap;
use std::time::Duration;

/// How the client talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Texts are prepared and executed, not sent as COM_QUERY.
    pub prepared: bool,
    /// Neither DEPRECATE_EOF nor SESSION_TRACK, as PyMySQL and PHP, nor query attributes or extended types of columns.
    pub classic: bool,
    /// TLS where it is offered.
    pub tls: bool,
    /// Compression where it is offered: one of [`Capabilities::COMPRESSION`].
    pub compression: Capabilities,
}

/// A client of a server or of Splitfin.
#[derive(Debug)]
pub struct Talker {
    framed: Framed,
    capabilities: Capabilities,
    prepared: bool,
    id: u32,
    port: u16,
    variant: Variant,
    statements: HashMap<String, Handle>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Handle {
    id: u32,
    parameters: u16,
    long: u64,
}

/// Nothing in a script takes longer.
const LIMIT: Duration = Duration::from_secs(20);
const LONGEST: usize = 1 << 30;
/// Where a login has MariaDB's own flags.
const MORE_FLAGS: usize = 28;

impl Talker {
    /// Logs in to what listens on `port`.
    pub async fn open(port: u16, variant: Variant) -> Result<Self, Broken> {
        let mut framed = Framed::new(dial(&format!("127.0.0.1:{port}"), None, LIMIT).await?);
        let shapes = Capabilities::DEPRECATE_EOF | Capabilities::SESSION_TRACK | Capabilities::SHAPING;
        let mut wanted = if variant.classic { Capabilities::empty() } else { shapes };
        let credentials = Credentials {
            user: APP.into(),
            password: auth::Secret::Clear(PASSWORD.as_bytes().to_vec().into()),
            database: Some("shop".into()),
            collation: 45,
            capabilities: Capabilities::MULTI_STATEMENTS | Capabilities::LOCAL_FILES | variant.compression,
            random: [0; 32],
            attributes: vec![],
        };
        let wish = if variant.tls { TlsWish::Preferred } else { TlsWish::Disabled };
        let mut connect = Connect::new(credentials, wish, false);
        let reshape = |payload: &mut Vec<u8>, wanted: Capabilities| {
            let word = |at: usize| payload[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            let asked = (Capabilities::of(word(0), word(MORE_FLAGS)) - shapes) | wanted;
            payload[..4].copy_from_slice(&asked.low().to_le_bytes());
            payload[MORE_FLAGS..MORE_FLAGS + 4].copy_from_slice(&asked.high().to_le_bytes());
        };
        let mut first = true;
        loop {
            let (payload, mut sequence) = framed.read_packet(LONGEST).await?;
            let mut step = connect.handle(&payload)?;
            wanted &= connect.greeting().map_or(wanted, |greeting| greeting.capabilities);
            if let connect::Step::StartTls(mut request) = step {
                reshape(&mut request, wanted);
                sequence = framed.write_packet(sequence, &request).await?;
                framed =
                    framed.connect_tls(&ClientTls::opportunistic(TlsVersion::default(), None)?, "127.0.0.1").await?;
                step = connect.secured();
            }
            match step {
                connect::Step::Send(mut payload) => {
                    if std::mem::take(&mut first) {
                        reshape(&mut payload, wanted);
                    }
                    framed.write_packet(sequence, &payload).await?;
                }
                connect::Step::Encrypt { pem, masked } => {
                    let sealed = splitfin_transport::encrypt_for(&pem, &masked)?;
                    framed.write_packet(sequence, &sealed).await?;
                }
                connect::Step::Read => {}
                connect::Step::Accepted(_) => break,
                other @ connect::Step::StartTls(_) => return Err(format!("{other:?}").into()),
            }
        }
        if let Some(algorithm) = connect.compression() {
            framed.compress(algorithm, Role::Client);
        }
        let id = connect.greeting().map_or(0, |greeting| greeting.connection_id);
        let prepared = variant.prepared;
        let statements = HashMap::new();
        Ok(Self { framed, capabilities: wanted, prepared, id, port, variant, statements })
    }

    /// The connection's id.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Does one thing, and tells what came back.
    pub async fn step(&mut self, step: &Step, ids: &Ids) -> Result<String, Broken> {
        tokio::time::timeout(LIMIT, self.act(&step.action, ids)).await.map_err(|_| "no answer in time")?
    }

    async fn act(&mut self, action: &Action, ids: &Ids) -> Result<String, Broken> {
        match action {
            Action::Sql(text) if self.prepared => self.prepare_and_execute(text, ids).await,
            Action::Sql(text) => self.query(&[], text, ids).await,
            Action::Attributes(attributes, text) => self.query(attributes, text, ids).await,
            Action::Ping => self.ask(CommandByte::Ping, &[], ids).await,
            Action::Reset => {
                self.statements.clear();
                self.ask(CommandByte::ResetConnection, &[], ids).await
            }
            Action::InitDb(name) => self.ask(CommandByte::InitDb, name.as_bytes(), ids).await,
            Action::MultiStatements(on) => self.ask(CommandByte::SetOption, &[u8::from(!on), 0], ids).await,
            Action::FieldList(table) => self.ask(CommandByte::FieldList, &[table.as_bytes(), &[0]].concat(), ids).await,
            Action::ChangeUser(database) => self.change_user(database, ids).await,
            Action::Prepare(name, sql) => {
                let told = self.ask(CommandByte::StmtPrepare, sql.as_bytes(), ids).await?;
                let handle = self.statements.remove("").unwrap_or_default();
                self.statements.insert(name.clone(), handle);
                Ok(told)
            }
            Action::Execute(name, values, how) => self.execute(name, values, how, ids).await,
            Action::Bulk(name, rows) => self.bulk(name, rows, ids).await,
            Action::Fetch(name, count) => {
                let handle = self.handle(name);
                let argument = [handle.id.to_le_bytes(), count.to_le_bytes()].concat();
                self.ask(CommandByte::StmtFetch, &argument, ids).await
            }
            Action::StmtReset(name) => {
                let id = self.handle(name).id;
                self.ask(CommandByte::StmtReset, &id.to_le_bytes(), ids).await
            }
            Action::Close(name) => {
                let id = self.statements.remove(name).unwrap_or_default().id;
                self.ask(CommandByte::StmtClose, &id.to_le_bytes(), ids).await
            }
            Action::LongData(name, parameter, data) => {
                let handle = self.handle(name);
                if let Some(known) = self.statements.get_mut(name) {
                    known.long |= 1 << parameter;
                }
                let argument = [&handle.id.to_le_bytes()[..], &parameter.to_le_bytes(), data.as_bytes()].concat();
                self.ask(CommandByte::StmtSendLongData, &argument, ids).await
            }
            Action::Infile(content, sql) => self.infile(content, sql, ids).await,
            Action::Pipeline(texts) => {
                let mut out = Vec::new();
                for text in texts {
                    write_packet(&mut out, 0, &self.query_payload(&[], text));
                }
                self.framed.write(&out).await?;
                let mut told = String::new();
                for _ in texts {
                    told += &self.reply(CommandByte::Query, &[], ids).await?;
                }
                Ok(told)
            }
            Action::Reconnect => {
                let fresh = Self::open_with_an_id(self.port, self.variant).await?;
                std::mem::replace(self, fresh).quit().await;
                Ok("open again\n".into())
            }
        }
    }

    fn handle(&self, name: &str) -> Handle {
        // An id that nobody has.
        self.statements.get(name).copied().unwrap_or(Handle { id: 987_654, parameters: 0, long: 0 })
    }

    async fn prepare_and_execute(&mut self, text: &str, ids: &Ids) -> Result<String, Broken> {
        let mut told = self.ask(CommandByte::StmtPrepare, text.as_bytes(), ids).await?;
        if let Some(handle) = self.statements.remove("") {
            self.statements.insert("?".into(), handle);
            told += &self.execute("?", &[], &How::default(), ids).await?;
            self.ask(CommandByte::StmtClose, &handle.id.to_le_bytes(), ids).await?;
        }
        Ok(told)
    }

    fn query_payload(&self, attributes: &[(String, String)], text: &str) -> Vec<u8> {
        let pairs: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
        let attributes = match self.capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
            true => attributes::encode(&pairs),
            false => vec![],
        };
        attributes::encode_query(&attributes, text.as_bytes())
    }

    async fn query(&mut self, attributes: &[(String, String)], text: &str, ids: &Ids) -> Result<String, Broken> {
        self.framed.write_packet(0, &self.query_payload(attributes, text)).await?;
        self.reply(CommandByte::Query, &[], ids).await
    }

    /// Every row has as many values as the statement has parameters.
    async fn bulk(&mut self, name: &str, rows: &[Vec<String>], ids: &Ids) -> Result<String, Broken> {
        let handle = self.handle(name);
        let mut argument = handle.id.to_le_bytes().to_vec();
        argument.extend_from_slice(&128u16.to_le_bytes());
        argument.extend_from_slice(&[0xFD, 0].repeat(handle.parameters.into()));
        for value in rows.iter().flatten() {
            match value.as_str() {
                "NULL" => argument.push(1),
                "DEFAULT" => argument.push(2),
                value => {
                    argument.extend_from_slice(&[0, u8::try_from(value.len())?]);
                    argument.extend_from_slice(value.as_bytes());
                }
            }
        }
        self.ask(CommandByte::StmtBulkExecute, &argument, ids).await
    }

    async fn execute(&mut self, name: &str, values: &[String], how: &How, ids: &Ids) -> Result<String, Broken> {
        let handle = self.handle(name);
        if let Some(known) = self.statements.get_mut(name) {
            known.long = 0;
        }
        let mut argument = handle.id.to_le_bytes().to_vec();
        let named = self.capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
        let attributes = if named { how.attributes.as_slice() } else { &[] };
        argument.push(u8::from(how.cursor) | if named { PARAMETER_COUNT_AVAILABLE } else { 0 });
        argument.extend_from_slice(&1u32.to_le_bytes());
        let count = usize::from(handle.parameters) + attributes.len();
        if named {
            argument.push(u8::try_from(count)?);
        }
        if count > 0 {
            let mut nulls = vec![0u8; count.div_ceil(8)];
            let (mut types, mut data) = (Vec::new(), Vec::new());
            for at in 0..count {
                let attribute = at.checked_sub(handle.parameters.into()).and_then(|at| attributes.get(at));
                types.extend_from_slice(&[0xFD, 0]);
                if named {
                    let name = attribute.map_or("", |(name, _)| name);
                    types.push(u8::try_from(name.len())?);
                    types.extend_from_slice(name.as_bytes());
                }
                let value = attribute.map(|(_, value)| value).or_else(|| values.get(at)).map_or("NULL", String::as_str);
                if handle.long & (1 << at) != 0 {
                    continue;
                }
                match value {
                    "NULL" => nulls[at / 8] |= 1 << (at % 8),
                    value => {
                        data.push(u8::try_from(value.len())?);
                        data.extend_from_slice(value.as_bytes());
                    }
                }
            }
            argument.extend_from_slice(&nulls);
            argument.push(u8::from(!how.untyped));
            if !how.untyped {
                argument.extend_from_slice(&types);
            }
            argument.extend_from_slice(&data);
        }
        self.ask(CommandByte::StmtExecute, &argument, ids).await
    }

    async fn ask(&mut self, command: CommandByte, argument: &[u8], ids: &Ids) -> Result<String, Broken> {
        self.framed.write_packet(0, &[&[command as u8], argument].concat()).await?;
        self.reply(command, &[], ids).await
    }

    async fn infile(&mut self, content: &str, sql: &str, ids: &Ids) -> Result<String, Broken> {
        self.framed.write_packet(0, &self.query_payload(&[], sql)).await?;
        self.reply(CommandByte::Query, content.as_bytes(), ids).await
    }

    /// Reads a reply to its end. Sequence ids must be those that follow.
    async fn reply(&mut self, command: CommandByte, file: &[u8], ids: &Ids) -> Result<String, Broken> {
        let mut exchange = Exchange::new(command, self.capabilities);
        let (mut told, mut sequence) = (String::new(), 1u8);
        let binary = matches!(command, CommandByte::StmtExecute | CommandByte::StmtFetch);
        while !exchange.is_done() {
            let (length, ..) = self.framed.packet(LONGEST).await?;
            let packet = self.framed.input().get(..length).unwrap_or_default();
            let header = FrameHeader::parse(packet).ok_or("no header")?;
            // Under compression servers number packets anew now and then (net_serv.cc), and no client looks.
            if header.sequence != sequence && self.variant.compression.is_empty() {
                return Err(format!("packet {} where {sequence} should be, after: {told}", header.sequence).into());
            }
            let frame = packet.get(HEADER..HEADER + header.length).unwrap_or_default();
            let Seen::Part(part) = exchange.frame(header, frame)? else { return Err("half a packet".into()) };
            if !matches!(part, Part::Row) || told.len() < MOST_TOLD {
                told += &render::packet(&part, frame, binary, ids)?;
            }
            sequence = sequence.wrapping_add(1);
            self.framed.consume(HEADER + header.length);
            if exchange.client_speaks() {
                sequence = header.sequence.wrapping_add(1);
                if !file.is_empty() {
                    sequence = self.framed.write_packet(sequence, file).await?;
                }
                sequence = self.framed.write_packet(sequence, &[]).await?;
                exchange.client_is_done();
            }
        }
        if let Some(prepared) = exchange.outcome().prepared {
            let handle = Handle { id: prepared.statement, parameters: prepared.parameters, long: 0 };
            self.statements.insert(String::new(), handle);
        }
        Ok(told)
    }

    /// Logs in again with nothing to show at first, as libmysqlclient does, and without attributes.
    async fn change_user(&mut self, database: &str, ids: &Ids) -> Result<String, Broken> {
        self.statements.clear();
        let plugin: &[u8] = b"mysql_native_password\0";
        let argument = [APP.as_bytes(), &[0, 0], database.as_bytes(), &[0, 45, 0], plugin, &[0]].concat();
        self.framed.write_packet(0, &[&[CommandByte::ChangeUser as u8], &argument[..]].concat()).await?;
        loop {
            let (payload, sequence) = self.framed.read_packet(LONGEST).await?;
            match payload.first() {
                Some(0xFE) => {
                    let switch = AuthSwitch::parse(&payload)?;
                    let nonce: [u8; 20] = switch.data.get(..20).unwrap_or_default().try_into()?;
                    let answer = match switch.plugin {
                        auth::NATIVE => auth::native::scramble(PASSWORD.as_bytes(), &nonce).to_vec(),
                        _ => auth::caching_sha2::scramble(PASSWORD.as_bytes(), &nonce).to_vec(),
                    };
                    self.framed.write_packet(sequence, &answer).await?;
                }
                Some(0x01) => {
                    // The fast path worked on both; the password itself is never needed after a first login.
                    if payload.get(1) != Some(&3) {
                        return Err("the login is not cached".into());
                    }
                }
                _ => {
                    let mut exchange = Exchange::new(CommandByte::Ping, self.capabilities);
                    let header = FrameHeader { length: payload.len(), sequence: 0 };
                    let Seen::Part(part) = exchange.frame(header, &payload)? else { return Err("half".into()) };
                    return render::packet(&part, &payload, false, ids);
                }
            }
        }
    }

    /// Ids are not compared: they must be none of the numbers that the scripts have, nor bytes of a text and such a number.
    pub async fn open_with_an_id(port: u16, variant: Variant) -> Result<Self, Broken> {
        loop {
            let talker = Self::open(port, variant).await?;
            if talker.id() >= 400 && talker.id() % 256 >= 128 {
                return Ok(talker);
            }
        }
    }

    /// Says goodbye.
    pub async fn quit(mut self) {
        // It may be gone.
        let _ = self.framed.write_packet(0, &[CommandByte::Quit as u8]).await;
        self.framed.close().await;
    }
}

/// Rows after this are counted by their end only.
const MOST_TOLD: usize = 100_000;
/// The client says how many parameters there are, as some may be attributes.
const PARAMETER_COUNT_AVAILABLE: u8 = 8;
