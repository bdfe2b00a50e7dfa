//! `corecast config explain`: the settings of a topic, and the rules that decide what a client may
//! do with it.

use clap::Args;

use crate::auth::{Action, Identity, Principal};
use crate::cli::token::{read, verify};
use crate::cli::{ConfigError, Serve};
use crate::settings::Settings;

/// The flags of `corecast config explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// The topic
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// The client is this user [default: an anonymous client]
    #[arg(long, value_name = "NAME", group = "client")]
    user: Option<String>,
    /// The client has the API key of this name
    #[arg(long, value_name = "NAME", group = "client")]
    key: Option<String>,
    /// The client has a certificate with this name
    #[arg(long, value_name = "NAME", group = "client")]
    certificate: Option<String>,
    /// The client has this token, and its claims count as well; - reads it from standard input
    #[arg(long, value_name = "TOKEN", group = "client")]
    token: Option<String>,
    #[command(flatten)]
    serve: Serve,
}

impl Explain {
    pub(super) fn output(&self) -> Result<String, ConfigError> {
        let settings = self.serve.settings()?;
        let topic = settings.explain_topic(&self.topic);
        Ok(format!("{topic}\n{}", self.explain_rules(&settings)?))
    }

    fn explain_rules(&self, settings: &Settings) -> Result<String, ConfigError> {
        if !settings.auth.has_identity() {
            return Ok("no identity is configured: every client may do everything\n".to_owned());
        }
        let of = |identity| Ok(Principal::new(identity));
        let client = match (&self.user, &self.key, &self.certificate, &self.token) {
            (Some(name), ..) => of(Identity::User(name.clone())),
            (_, Some(name), ..) => of(Identity::Key(name.clone())),
            (_, _, Some(name), _) => of(Identity::Certificate(name.clone())),
            (.., Some(token)) => verify(settings, read(token)?.trim()),
            _ => of(Identity::Anonymous),
        }?;
        let auth = settings.auth_of_rules();
        let mut text = format!("{}, topic {:?}:\n", client.identity, self.topic);
        if !auth.serves(&client) {
            text += "anonymous clients are not served (auth.anonymous)\n";
            return Ok(text);
        }
        for action in Action::ALL {
            let verdict = auth.decide(&client, action, &self.topic);
            let word = if verdict.is_allowed {
                "allowed"
            } else {
                "denied"
            };
            text += &format!("{:<9}  {word:<7}  {}\n", action.word(), verdict.by);
        }
        Ok(text)
    }
}
