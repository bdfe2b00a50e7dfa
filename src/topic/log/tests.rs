use super::Log;
use crate::payload::Form;
use crate::proto::Kind;
use crate::topic::segment::Pool;

#[test]
fn a_cleared_log_goes_on_where_it_was() {
    let mut pool = Pool::default();
    let mut log = Log::default();
    log.append(Form::LengthPrefix, Kind::Binary, b"ab", &mut pool);
    assert_eq!((log.base(), log.head(), pool.backlog()), (0, 6, 6));
    log.clear(&mut pool);
    assert_eq!((log.base(), log.head(), pool.backlog()), (6, 6, 0));
    log.append(Form::LengthPrefix, Kind::Binary, b"c", &mut pool);
    assert_eq!(log.tail(6), b"\0\0\0\x01c");
}
