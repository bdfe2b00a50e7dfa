//! The two text formats of metrics, and the choice between them (RFC 9110 12.5.1).

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The Prometheus text format, version 0.0.4, which every scraper reads.
    Prometheus,
    /// OpenMetrics 1.0, section 5.1.
    OpenMetrics,
}

impl Format {
    /// The format that the values of `Accept` prefer; Prometheus if they prefer neither or accept
    /// neither.
    pub(super) fn preferred<'b>(accept: impl Iterator<Item = &'b [u8]>) -> Self {
        let accept: Vec<&str> = accept
            .filter_map(|value| str::from_utf8(value).ok())
            .collect();
        let ranges = || {
            let ranges = accept.iter().flat_map(|value| value.split(','));
            ranges.filter_map(Range::parse)
        };
        let best = |media: [&str; 2], version| {
            let matching = ranges().filter_map(|range| range.matches(media, version));
            matching.max_by_key(|(precision, _)| *precision)
        };
        let plain = best(["text", "plain"], "0.0.4");
        let open = best(["application", "openmetrics-text"], "1.0.0");
        let weight = |best: Option<(Precision, u16)>| best.map_or(0, |(_, weight)| weight);
        let is_named = open.is_some_and(|(precision, _)| Precision::Type <= precision);
        if weight(plain) < weight(open)
            || (is_named && 0 < weight(open) && weight(plain) == weight(open))
        {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The media type for `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Converts metrics from OpenMetrics to this format.
    pub(super) fn write(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Prometheus => to_prometheus(&open_metrics),
        }
    }
}

/// How specific a range of `Accept` is: the most specific one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Any,
    AnySubtype,
    Type,
    Version,
}

/// A media range, and its weight in thousandths.
#[derive(Clone, Copy, Debug)]
struct Range<'b> {
    media: [&'b str; 2],
    version: Option<&'b str>,
    weight: u16,
}

impl<'b> Range<'b> {
    fn parse(text: &'b str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self {
            media: [kind, subtype],
            version: None,
            weight: 1000,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            if name.eq_ignore_ascii_case("version") {
                range.version = Some(value.trim_matches('"'));
            } else if name.eq_ignore_ascii_case("q") {
                range.weight = parse_weight(value)?;
            }
        }
        Some(range)
    }

    /// How specifically the range matches a media type, if it does, and its weight.
    fn matches(self, media: [&str; 2], version: &str) -> Option<(Precision, u16)> {
        let [is_kind, is_subtype] =
            [0, 1].map(|part| self.media[part].eq_ignore_ascii_case(media[part]));
        let precision = match (self.media, self.version) {
            (["*", "*"], _) => Precision::Any,
            ([_, "*"], _) if is_kind => Precision::AnySubtype,
            (_, None) if is_kind && is_subtype => Precision::Type,
            (_, Some(asked)) if is_kind && is_subtype && asked == version => Precision::Version,
            _ => return None,
        };
        Some((precision, self.weight))
    }
}

/// RFC 9110 12.4.2: from 0 to 1, with at most three digits after the point.
fn parse_weight(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_short = rest.len() <= 3 && rest.bytes().all(|digit| digit.is_ascii_digit());
    let thousandths: u16 = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "0" if is_short => Some(thousandths),
        "1" if is_short && thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// Converts to the Prometheus format. There, a family is declared with the name of its samples, so
/// that counters also end in `_total` in their declaration. It has no info type, no unit, and no
/// end mark.
fn to_prometheus(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        if let Some(text) = line.strip_prefix("# HELP ") {
            // The type is in the next line, and decides the name of the family.
            help = text;
        } else if let Some((name, kind)) = type_of(line) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                kind => ("", kind),
            };
            let text = help.strip_prefix(name).unwrap_or_default();
            out += &format!("# HELP {name}{suffix}{text}\n# TYPE {name}{suffix} {kind}\n");
        } else {
            out += line;
            out.push('\n');
        }
    }
    out
}

fn type_of(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("# TYPE ")?.split_once(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(accept: &[&str]) -> Format {
        Format::preferred(accept.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn open_metrics_go_to_scrapers_that_prefer_them() {
        for accept in [
            &["application/openmetrics-text"][..],
            &["Application/OpenMetrics-Text; Version=1.0.0"],
            &["application/openmetrics-text;version=\"1.0.0\", text/plain"],
            &[
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;\
               q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ],
            &[
                "application/openmetrics-text;version=1.0.0;q=0.6",
                "text/plain;q=0.5",
            ],
            &["*/*;q=0.1", "application/openmetrics-text;q=0.2"],
            &["application/*"],
            &["text/plain;q=0, */*"],
        ] {
            assert_eq!(preferred(accept), Format::OpenMetrics, "{accept:?}");
        }
    }

    #[test]
    fn every_other_client_gets_the_format_of_prometheus() {
        for accept in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/*, application/*"],
            &["text/plain"],
            &["text/plain;version=0.0.4"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["application/json"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=0, */*"],
            &["application/openmetrics-text;q=0.000"],
            &["application/openmetrics-text;version=0.0.1"],
            &["application/openmetrics-text;version=2.0.0, */*"],
            &["application/openmetrics-text;q=0.4, text/plain;q=0.5"],
            &["application/openmetrics-text;q=1.1"],
            &["application/openmetrics-text;q=x"],
            &["application/openmetrics-text;q=0.1234"],
            &["/", ";", ",;q=,"],
        ] {
            assert_eq!(preferred(accept), Format::Prometheus, "{accept:?}");
        }
        let no_text = Format::preferred([&b"\xff"[..]].into_iter());
        assert_eq!(no_text, Format::Prometheus);
    }

    #[test]
    fn families_are_called_as_their_samples_are() {
        let open_metrics = "\
            # HELP a Help of a.\n# TYPE a counter\na_total 1\n\
            # HELP b_bytes Help of b.\n# TYPE b_bytes gauge\n# UNIT b_bytes bytes\nb_bytes 2\n\
            # HELP c Help of c.\n# TYPE c info\nc_info{version=\"3\"} 1\n\
            # HELP d Help of d.\n# TYPE d histogram\nd_sum 1\nd_count 1\nd_bucket{le=\"1\"} 1\n\
            # EOF\n";
        let expected = "\
            # HELP a_total Help of a.\n# TYPE a_total counter\na_total 1\n\
            # HELP b_bytes Help of b.\n# TYPE b_bytes gauge\nb_bytes 2\n\
            # HELP c_info Help of c.\n# TYPE c_info gauge\nc_info{version=\"3\"} 1\n\
            # HELP d Help of d.\n# TYPE d histogram\nd_sum 1\nd_count 1\nd_bucket{le=\"1\"} 1\n";
        assert_eq!(Format::Prometheus.write(open_metrics.to_owned()), expected);
        assert_eq!(
            Format::OpenMetrics.write(open_metrics.to_owned()),
            open_metrics
        );
    }
}
