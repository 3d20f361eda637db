//! Capability flags: what two peers agree on at login.

use bitflags::bitflags;

bitflags! {
    /// `CLIENT_*` flags of `mysql_com.h`. The upper half are MariaDB's own, which stand in four bytes of their own where bit
    /// 0 is clear.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Capabilities: u64 {
        /// Bit 0: LONG_PASSWORD to MySQL; to MariaDB "this peer is MySQL", so clear means MariaDB flags are present.
        const LONG_PASSWORD = 1;
        /// `affected_rows` counts matched instead of changed rows.
        const FOUND_ROWS = 1 << 1;
        /// Always set.
        const LONG_FLAG = 1 << 2;
        /// The login names a database.
        const CONNECT_WITH_DB = 1 << 3;
        /// zlib compression.
        const COMPRESS = 1 << 5;
        /// The client can answer LOCAL INFILE requests.
        const LOCAL_FILES = 1 << 7;
        /// A space may stand between a function's name and its parenthesis.
        const IGNORE_SPACE = 1 << 8;
        /// The 4.1 protocol; required.
        const PROTOCOL_41 = 1 << 9;
        /// `wait_timeout` starts as `interactive_timeout`.
        const INTERACTIVE = 1 << 10;
        /// TLS.
        const SSL = 1 << 11;
        /// Status flags in OK; always set.
        const TRANSACTIONS = 1 << 13;
        /// The 4.1 authentication; required.
        const SECURE_CONNECTION = 1 << 15;
        /// Several statements in one COM_QUERY.
        const MULTI_STATEMENTS = 1 << 16;
        /// Several results for one COM_QUERY.
        const MULTI_RESULTS = 1 << 17;
        /// Several results for one COM_STMT_EXECUTE.
        const PS_MULTI_RESULTS = 1 << 18;
        /// Authentication plugins.
        const PLUGIN_AUTH = 1 << 19;
        /// Connection attributes in the login.
        const CONNECT_ATTRS = 1 << 20;
        /// The login's authentication data has a length-encoded length.
        const PLUGIN_AUTH_LENENC = 1 << 21;
        /// An expired password gives a sandbox instead of an error.
        const CAN_HANDLE_EXPIRED_PASSWORDS = 1 << 22;
        /// OK packets announce changes of session state.
        const SESSION_TRACK = 1 << 23;
        /// Result sets end with an OK packet (header 0xFE) instead of EOF packets.
        const DEPRECATE_EOF = 1 << 24;
        /// Result set metadata can be left out (MySQL).
        const OPTIONAL_RESULTSET_METADATA = 1 << 25;
        /// zstd compression (MySQL).
        const ZSTD_COMPRESSION = 1 << 26;
        /// Query attributes (MySQL).
        const QUERY_ATTRIBUTES = 1 << 27;
        /// Several authentication factors (MySQL).
        const MULTI_FACTOR_AUTHENTICATION = 1 << 28;
        /// COM_STMT_BULK_EXECUTE (MariaDB).
        const STMT_BULK_OPERATIONS = 1 << 34;
        /// Extended types in column definitions (MariaDB).
        const EXTENDED_METADATA = 1 << 35;
        /// Flags without a name here.
        const _ = !0;
    }
}

impl Capabilities {
    /// What is offered to clients whatever the backends are. SSL and compression are added where the listener has them,
    /// [`Capabilities::BY_BACKENDS`] where all backends have it.
    ///
    /// Left out on purpose: metadata that can be missing, which only its own connection knows the client has, progress
    /// reports, and several factors.
    pub const OFFERED: Self = Self::LONG_PASSWORD
        .union(Self::FOUND_ROWS)
        .union(Self::LONG_FLAG)
        .union(Self::CONNECT_WITH_DB)
        .union(Self::IGNORE_SPACE)
        .union(Self::PROTOCOL_41)
        .union(Self::INTERACTIVE)
        .union(Self::TRANSACTIONS)
        .union(Self::SECURE_CONNECTION)
        .union(Self::MULTI_STATEMENTS)
        .union(Self::MULTI_RESULTS)
        .union(Self::PS_MULTI_RESULTS)
        .union(Self::PLUGIN_AUTH)
        .union(Self::CONNECT_ATTRS)
        .union(Self::PLUGIN_AUTH_LENENC)
        .union(Self::CAN_HANDLE_EXPIRED_PASSWORDS)
        .union(Self::SESSION_TRACK)
        .union(Self::DEPRECATE_EOF);

    /// What is offered to clients if every backend has it.
    pub const BY_BACKENDS: Self = Self::LOCAL_FILES
        .union(Self::QUERY_ATTRIBUTES)
        .union(Self::STMT_BULK_OPERATIONS)
        .union(Self::EXTENDED_METADATA);

    /// What every backend connection asks for, whatever the client is like: one shape towards backends.
    pub const TOWARDS_BACKENDS: Self = Self::LONG_PASSWORD
        .union(Self::LONG_FLAG)
        .union(Self::PROTOCOL_41)
        .union(Self::TRANSACTIONS)
        .union(Self::SECURE_CONNECTION)
        .union(Self::MULTI_RESULTS)
        .union(Self::PS_MULTI_RESULTS)
        .union(Self::PLUGIN_AUTH)
        .union(Self::PLUGIN_AUTH_LENENC)
        .union(Self::CONNECT_ATTRS)
        .union(Self::SESSION_TRACK)
        .union(Self::DEPRECATE_EOF)
        .union(Self::STMT_BULK_OPERATIONS);

    /// Compression of one hop.
    pub const COMPRESSION: Self = Self::COMPRESS.union(Self::ZSTD_COMPRESSION);

    /// Flags that change what statements mean or how packets look, and can only be set at login: connections are shared
    /// only between clients that agree on these.
    pub const SEMANTIC: Self = Self::FOUND_ROWS
        .union(Self::IGNORE_SPACE)
        .union(Self::INTERACTIVE)
        .union(Self::LOCAL_FILES)
        .union(Self::CAN_HANDLE_EXPIRED_PASSWORDS)
        .union(Self::QUERY_ATTRIBUTES)
        .union(Self::EXTENDED_METADATA);

    /// What a server must speak to be a backend.
    pub const REQUIRED_OF_BACKENDS: Self = Self::PROTOCOL_41
        .union(Self::SECURE_CONNECTION)
        .union(Self::PLUGIN_AUTH)
        .union(Self::SESSION_TRACK)
        .union(Self::DEPRECATE_EOF);

    /// Flags that the two peers must agree on, or they misread each other's packets.
    pub const SHAPING: Self = Self::QUERY_ATTRIBUTES.union(Self::EXTENDED_METADATA);

    /// The flags that stand in the first four bytes.
    pub const fn low(self) -> u32 {
        self.bits() as u32
    }

    /// The flags that stand in MariaDB's four bytes, which are MySQL's filler.
    pub const fn high(self) -> u32 {
        match self.contains(Self::LONG_PASSWORD) {
            true => 0,
            false => (self.bits() >> 32) as u32,
        }
    }

    /// From both places. The second counts only where bit 0 of the first is clear.
    pub const fn of(low: u32, high: u32) -> Self {
        let flags = Self::from_bits_retain(low as u64);
        match flags.contains(Self::LONG_PASSWORD) {
            true => flags,
            false => Self::from_bits_retain(low as u64 | (high as u64) << 32),
        }
    }
}
