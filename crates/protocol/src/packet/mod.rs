//! One packet per file, named as in the servers' manuals.

pub mod attributes;
pub mod auth_switch;
pub mod change_user;
pub mod column;
pub mod eof;
pub mod err;
pub mod greeting;
pub mod login;
pub mod ok;
pub mod prepare_ok;
pub mod stmt_execute;

pub use auth_switch::AuthSwitch;
pub use change_user::ChangeUser;
pub use column::{Column, ResultSet};
pub use eof::Eof;
pub use err::ErrPacket;
pub use greeting::Greeting;
pub use login::Login;
pub use ok::OkPacket;
pub use prepare_ok::PrepareOk;
pub use stmt_execute::{Bound, BulkExecute, StmtExecute};
