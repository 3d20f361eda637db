//! A client that sends packets as they are: for what drivers do not do, or do not show.

use splitfin_protocol::compress::DEFAULT_ZSTD_LEVEL;
use splitfin_protocol::exchange::{Exchange, Outcome};
use splitfin_protocol::frame::{FrameHeader, HEADER, write_packet};
use splitfin_protocol::handshake::connect::{Connect, Credentials, Step, TlsWish};
use splitfin_protocol::{Capabilities, CommandByte};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What can go wrong.
pub type Broken = Box<dyn std::error::Error>;

/// A socket, what was read from it, and what was agreed.
#[derive(Debug)]
pub struct RawClient {
    socket: TcpStream,
    input: Vec<u8>,
    capabilities: Capabilities,
    /// What was sent, packet by packet.
    sent: Vec<Vec<u8>>,
}

/// Bytes of a frame; a packet that is as long, or longer, goes on in another one.
const MOST_IN_FRAME: usize = (1 << 24) - 1;

impl RawClient {
    /// Connects, and gives the greeting, with its header.
    pub fn connect(port: u16, shape: Capabilities) -> Result<(Self, Vec<u8>), Broken> {
        Self::over(TcpStream::connect(("127.0.0.1", port))?, shape)
    }

    /// Takes a socket that is connected, and gives the greeting, with its header.
    pub fn over(socket: TcpStream, shape: Capabilities) -> Result<(Self, Vec<u8>), Broken> {
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        socket.set_nodelay(true)?;
        let mut client = Self { socket, input: vec![], capabilities: shape, sent: vec![] };
        let (_, greeting) = client.packet()?;
        Ok((client, greeting))
    }

    /// Logs in with exactly these of the flags that change shapes. Gives the greeting too, with its header.
    pub fn log_in(
        port: u16,
        user: &str,
        password: &str,
        database: Option<&str>,
        shape: Capabilities,
    ) -> Result<(Self, Vec<u8>), Broken> {
        Self::log_in_over(TcpStream::connect(("127.0.0.1", port))?, user, password, database, shape)
    }

    /// The same, over a socket that is connected.
    pub fn log_in_over(
        socket: TcpStream,
        user: &str,
        password: &str,
        database: Option<&str>,
        shape: Capabilities,
    ) -> Result<(Self, Vec<u8>), Broken> {
        let (mut client, greeting) = Self::over(socket, shape)?;
        let credentials = Credentials {
            user: user.into(),
            password: splitfin_protocol::auth::Secret::Clear(password.as_bytes().to_vec().into()),
            database: database.map(str::to_owned),
            collation: 45,
            capabilities: Capabilities::MULTI_STATEMENTS,
            random: [0; 32],
            attributes: vec![],
        };
        let mut connect = Connect::new(credentials, TlsWish::Disabled, false);
        let mut step = connect.handle(&greeting[HEADER..])?;
        let mut sequence = 1;
        loop {
            match step {
                Step::Send(mut payload) => {
                    if sequence == 1 {
                        // The flags under test instead of those that Splitfin itself would ask for.
                        let shapes = Capabilities::DEPRECATE_EOF | Capabilities::SESSION_TRACK;
                        let bits = u32::from_le_bytes([payload[0], payload[1], payload[2], payload[3]]);
                        let asked = (Capabilities::of(bits, 0) - shapes) | shape;
                        payload[..4].copy_from_slice(&asked.low().to_le_bytes());
                        if shape.contains(Capabilities::ZSTD_COMPRESSION) {
                            payload.push(DEFAULT_ZSTD_LEVEL);
                        }
                    }
                    client.send(sequence, &payload)?;
                }
                Step::Encrypt { pem, masked } => {
                    client.send(sequence, &splitfin_transport::encrypt_for(&pem, &masked)?)?;
                }
                Step::Read => {}
                Step::Accepted(_) => return Ok((client, greeting)),
                other => return Err(format!("{other:?}").into()),
            }
            let (header, frame) = client.packet()?;
            sequence = header.sequence.wrapping_add(1);
            step = connect.handle(&frame[HEADER..])?;
        }
    }

    /// The next frame, header included.
    pub fn packet(&mut self) -> Result<(FrameHeader, Vec<u8>), Broken> {
        loop {
            if let Some(header) = FrameHeader::parse(&self.input)
                && self.input.len() >= HEADER + header.length
            {
                let frame: Vec<u8> = self.input.drain(..HEADER + header.length).collect();
                return Ok((header, frame));
            }
            let mut chunk = [0; 65536];
            match self.socket.read(&mut chunk)? {
                0 => return Err("closed".into()),
                read => self.input.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// The socket, past everything that is kept of it here.
    pub const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// What was sent so far, packet by packet.
    pub fn sent(&self) -> &[Vec<u8>] {
        &self.sent
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        Ok(self.socket.write_all(bytes)?)
    }

    /// Sends one packet.
    pub fn send(&mut self, sequence: u8, payload: &[u8]) -> Result<(), Broken> {
        self.sent.push(payload.to_vec());
        let mut out = Vec::new();
        write_packet(&mut out, sequence, payload);
        Ok(self.socket.write_all(&out)?)
    }

    /// Says that nothing more will be sent, and goes on listening.
    pub fn half_close(&self) -> Result<(), Broken> {
        Ok(self.socket.shutdown(std::net::Shutdown::Write)?)
    }

    /// Sends several commands in one write.
    pub fn send_all(&mut self, commands: &[Vec<u8>]) -> Result<(), Broken> {
        let mut out = Vec::new();
        for command in commands {
            write_packet(&mut out, 0, command);
        }
        Ok(self.socket.write_all(&out)?)
    }

    /// Reads a reply to its end; sequence ids must be those that follow.
    pub fn reply(&mut self, command: CommandByte) -> Result<(Outcome, Vec<u8>), Broken> {
        self.reply_from(command, 1)
    }

    fn reply_from(&mut self, command: CommandByte, first: u8) -> Result<(Outcome, Vec<u8>), Broken> {
        let mut exchange = Exchange::new(command, self.capabilities);
        let (mut reply, mut sequence) = (Vec::new(), first);
        while !exchange.is_done() {
            let (header, frame) = self.packet()?;
            assert_eq!(header.sequence, sequence, "{command:?}");
            sequence = sequence.wrapping_add(1);
            exchange.frame(header, &frame[HEADER..])?;
            reply.extend_from_slice(&frame);
        }
        Ok((exchange.into_outcome(), reply))
    }

    /// Sends a command and reads its reply.
    pub fn ask(&mut self, command: CommandByte, argument: &[u8]) -> Result<(Outcome, Vec<u8>), Broken> {
        self.send(0, &[&[command as u8], argument].concat())?;
        // A long command has several frames.
        self.reply_from(command, ((argument.len() + 1) / MOST_IN_FRAME + 1) as u8)
    }
}
