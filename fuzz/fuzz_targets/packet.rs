//! Any bytes as any packet: nothing panics, and what was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::packet::{
    AuthSwitch, Bound, BulkExecute, ChangeUser, ErrPacket, Greeting, Login, OkPacket, PrepareOk, StmtExecute,
};
use splitfin_protocol::{Capabilities, Command, frame};

fuzz_target!(|data: &[u8]| {
    for agreed in [Capabilities::empty(), Capabilities::all()] {
        if let Ok(Command::Query { attributes, text }) = Command::parse(data, agreed) {
            assert_eq!([&data[..1], attributes, text].concat(), data);
        }
    }
    let _ = frame::boundary(data);
    let _ = PrepareOk::parse(data);
    let _ = AuthSwitch::parse(data);
    let _ = ChangeUser::parse(data, Capabilities::all());
    for parameters in [0, 1, 7, 8, 9, u16::MAX] {
        for agreed in [Capabilities::empty(), Capabilities::QUERY_ATTRIBUTES] {
            let Ok(execute) = StmtExecute::parse(data, parameters, agreed) else { continue };
            let _ = (execute.first_as_id(None), execute.first_as_id(Some(data)));
            if let Bound::Types(types) = execute.types {
                let written = execute.encode_with_types(7, types);
                let again = StmtExecute::parse(&written[5..], parameters, agreed).expect("what was written can be read");
                assert_eq!((again.types, again.values), (execute.types, execute.values));
            }
        }
        let _ = BulkExecute::parse(data, parameters);
    }
    if let Ok(greeting) = Greeting::parse(data) {
        let again = Greeting::parse(&greeting.encode()).expect("what was written can be read");
        assert_eq!(again.capabilities, greeting.capabilities);
    }
    if let Ok(login) = Login::parse(data, Capabilities::all()) {
        let _ = Login::parse(&login.encode(), Capabilities::all());
    }
    if let Ok(ok) = OkPacket::parse(data) {
        let written = ok.encode(0, Capabilities::all());
        let again = OkPacket::parse(&written).expect("what was written can be read");
        assert_eq!((again.affected_rows, again.warnings, again.changes), (ok.affected_rows, ok.warnings, ok.changes));
    }
    if let Ok(err) = ErrPacket::parse(data) {
        assert_eq!(ErrPacket::parse(&err.encode()).expect("what was written can be read").code, err.code);
    }
});
