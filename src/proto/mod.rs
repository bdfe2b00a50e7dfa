//! Bytes to meaning and back, for every protocol. No sockets, no clock, no log.
