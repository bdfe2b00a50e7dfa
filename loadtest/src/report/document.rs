//! A run as it is written and read again: its figures, and how it was made.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::host::environment::Environment;
use crate::host::warning::Warning;
use crate::report::Findings;
use crate::run::leader::RunError;

/// A run with all that is told of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Document {
    /// Number of this form of the file; another one cannot be read.
    format: u32,
    /// What was run, as `fanout`.
    command: String,
    /// Its flags, as they were given or by default.
    parameters: Map<String, Value>,
    /// Where it was run.
    environment: Environment,
    /// What it found, `passed` among it.
    #[serde(flatten)]
    pub(crate) figures: Map<String, Value>,
}

/// The form of the file.
pub(super) const FORMAT: u32 = 1;

impl Document {
    /// Adds to what was found how it was made.
    pub(crate) fn new(
        command: &str,
        parameters: Map<String, Value>,
        environment: Environment,
        findings: &impl Findings,
    ) -> Result<Self, RunError> {
        let Ok(Value::Object(figures)) = serde_json::to_value(findings) else {
            return Err(RunError::Failed("the figures have no names".to_owned()));
        };
        Ok(Self {
            format: FORMAT,
            command: command.to_owned(),
            parameters,
            environment,
            figures,
        })
    }

    /// Adds warnings to those of the run itself.
    pub(crate) fn warn(&mut self, warnings: &[Warning]) {
        let list = self.figures.entry("warnings").or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.extend(warnings.iter().map(|warning| json!(warning)));
        }
    }
}
