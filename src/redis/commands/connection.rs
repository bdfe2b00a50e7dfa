//! A connection for commands: made, checked, and used for pipelines.

use ::redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ConnectionLike, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisError, Value, cmd,
};

use crate::redis::scripts::Scripts;
use crate::redis::settings::RedisSettings;

/// The oldest version that has what the scripts use: ranges that exclude their start.
const OLDEST: (u32, u32) = (6, 2);

/// A connection whose Redis knows the scripts.
pub(crate) struct Connection {
    connection: ::redis::Connection,
    version: String,
}

/// Why there is no connection, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot reach Redis at {at}: {error}; check cluster.address, and that it runs")]
    Unreachable { at: String, error: RedisError },
    #[error("Redis at {at} refuses the user or the password: {error}; check cluster.password")]
    Refused { at: String, error: RedisError },
    #[error("Redis at {at} has version {version}; 6.2 is the oldest that works")]
    Old { at: String, version: String },
    #[error(
        "Redis at {at} refuses a script: {error}; its ACL must permit evalsha, script and the \
         commands of docs/CLUSTER.md"
    )]
    Script { at: String, error: String },
}

impl Connection {
    pub(crate) fn open(settings: &RedisSettings, scripts: &Scripts) -> Result<Self, ConnectError> {
        let at = format!("{}:{}", settings.host, settings.port);
        let wrong = |error: RedisError| {
            let at = at.clone();
            match error.code() {
                Some("WRONGPASS" | "NOAUTH" | "NOPERM") => ConnectError::Refused { at, error },
                _ if error.kind() == ::redis::ErrorKind::AuthenticationFailed => {
                    ConnectError::Refused { at, error }
                }
                _ => ConnectError::Unreachable { at, error },
            }
        };
        let client = Client::open(info(settings).map_err(wrong)?).map_err(wrong)?;
        let connection = client
            .get_connection_with_timeout(settings.timeout)
            .map_err(wrong)?;
        let timeout = Some(settings.timeout);
        connection.set_read_timeout(timeout).map_err(wrong)?;
        connection.set_write_timeout(timeout).map_err(wrong)?;
        let mut connection = Self {
            connection,
            version: String::new(),
        };
        connection.check_version(&at).map_err(|error| match error {
            Check::Redis(error) => wrong(error),
            Check::Old(error) => error,
        })?;
        let loaded = connection.send(&scripts.load());
        let loaded = loaded.map_err(|error| ConnectError::Script {
            at: at.clone(),
            error,
        })?;
        match loaded.iter().find_map(error_of) {
            Some(error) => Err(ConnectError::Script { at, error }),
            None => Ok(connection),
        }
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    fn check_version(&mut self, at: &str) -> Result<(), Check> {
        let info: String = cmd("INFO")
            .arg("server")
            .query(&mut self.connection)
            .map_err(Check::Redis)?;
        let version = info
            .lines()
            .find_map(|line| line.strip_prefix("redis_version:"));
        self.version = version.unwrap_or("without a version").trim().to_owned();
        if is_old(&self.version) {
            return Err(Check::Old(ConnectError::Old {
                at: at.to_owned(),
                version: self.version.clone(),
            }));
        }
        Ok(())
    }

    /// Sends commands at once; the answers in the same order, errors of Redis among them.
    ///
    /// # Errors
    ///
    /// The connection has ended, or is not to be used any more.
    pub(crate) fn send(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, String> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        let packed = pipeline.get_packed_pipeline();
        let answers = self
            .connection
            .req_packed_commands(&packed, 0, commands.len())
            .map_err(|error| error.to_string())?;
        if answers.len() != commands.len() {
            return Err("it has answered less than it was asked".to_owned());
        }
        Ok(answers)
    }
}

enum Check {
    Redis(RedisError),
    Old(ConnectError),
}

fn info(settings: &RedisSettings) -> Result<ConnectionInfo, RedisError> {
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = &settings.user {
        login = login.set_username(user);
    }
    if let Some(password) = &settings.password {
        login = login.set_password(password);
    }
    let address = ConnectionAddr::Tcp(settings.host.clone(), settings.port);
    Ok(address.into_connection_info()?.set_redis_settings(login))
}

/// Whether a version such as `7.0.15` is too old; one that is none is not.
pub(crate) fn is_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        _ => false,
    }
}

/// The error that an answer is.
pub(super) fn error_of(value: &Value) -> Option<String> {
    match value {
        Value::ServerError(error) => {
            let details = error.details().unwrap_or_default();
            Some(format!("{} {details}", error.code()))
        }
        _ => None,
    }
}

fn code_of(value: &Value) -> Option<&str> {
    match value {
        Value::ServerError(error) => Some(error.code()),
        _ => None,
    }
}

/// Why a command was not begun: the scripts were flushed, or this is no primary. It may go again.
pub(super) fn not_begun(value: &Value) -> Option<&str> {
    const CODES: &[&str] = &["NOSCRIPT", "READONLY", "LOADING", "MASTERDOWN", "TRYAGAIN"];
    code_of(value).filter(|code| CODES.contains(code))
}
