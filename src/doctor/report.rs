//! What was found, for a person and for a program.

use serde_json::{Value, json};

use crate::doctor::{Finding, Need, Severity, worst};

/// The findings as text: a line for each check, and what to do below those that are not as they
/// should be.
pub fn text(need: &Need, findings: &[Finding]) -> String {
    let mut text = format!("{}:\n\n", subject(need));
    for found in findings {
        text += &paragraph(found);
    }
    text += &format!("\n{}\n", summary(findings));
    text
}

/// One finding.
pub fn paragraph(found: &Finding) -> String {
    let word = found.severity.map_or("ok", Severity::word);
    let name = found.check.name;
    let mut lines = wrap(&found.is, COLUMNS - INDENT);
    if found.severity.is_some() {
        lines.extend(wrap(
            &format!("should be {}; otherwise {}", found.should, found.check.why),
            COLUMNS - INDENT,
        ));
        for (at, remedy) in found.remedies.iter().enumerate() {
            let or = if at == 0 { "" } else { "or: " };
            lines.push(format!("  {or}{remedy}"));
        }
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let head = if at == 0 {
            format!("{word:<8} {name:<17} ")
        } else {
            " ".repeat(INDENT)
        };
        text += &format!("{head}{line}\n");
    }
    text
}

/// How many there are of each severity.
pub fn summary(findings: &[Finding]) -> String {
    let all = [Severity::Fault, Severity::Warning, Severity::Note];
    let told = all.into_iter().filter_map(|severity| {
        let found = findings.iter();
        let count = found
            .filter(|found| found.severity == Some(severity))
            .count();
        let many = if count == 1 { "" } else { "s" };
        (0 < count).then(|| format!("{count} {}{many}", severity.word()))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        return "nothing stands in the way".to_owned();
    }
    let fix = "`corecast doctor --fix`, with the same flags, writes files with the settings";
    format!("{}; {fix}", told.join(", "))
}

/// For what the host was examined.
pub fn subject(need: &Need) -> String {
    let shards = match need.shards() {
        1 => "1 shard".to_owned(),
        shards => format!("{shards} shards"),
    };
    format!("for {} connections on {shards}", need.connections)
}

/// One line for the log of a server whose number of connections is configured.
pub fn line(found: &Finding) -> String {
    let remedies: Vec<String> = found.remedies.iter().map(ToString::to_string).collect();
    let (name, is, should) = (found.check.name, &found.is, &found.should);
    format!(
        "{name}: {is}; should be {should}: {}",
        remedies.join(", or ")
    )
}

/// The findings for a program.
pub fn json(need: &Need, findings: &[Finding]) -> String {
    let word = |severity: Option<Severity>| severity.map_or("ok", Severity::word);
    let checks = findings.iter().map(|found| {
        let remedies = found.remedies.iter().map(ToString::to_string);
        json!({
            "name": found.check.name,
            "state": word(found.severity),
            "is": found.is,
            "should": found.should,
            "why": found.check.why,
            "read": found.check.read,
            "source": found.check.source,
            "remedies": remedies.collect::<Vec<_>>(),
        })
    });
    let checks: Vec<Value> = checks.collect();
    let whole = json!({
        "connections": need.connections,
        "shards": need.shards(),
        "state": word(worst(findings)),
        "checks": checks,
    });
    format!("{whole:#}\n")
}

/// The words of a text in lines of at most so many columns.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

const COLUMNS: usize = 100;
/// Columns of severity and name.
const INDENT: usize = 27;
