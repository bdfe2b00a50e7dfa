//! What the admin port answers.

use crate::admin::format::Format;
use crate::admin::metrics;
use crate::handle::Handle;
use crate::proto::http::{Request, Response};

/// The answer to a request.
pub(super) fn answer(request: &Request<'_>, handle: &Handle) -> Response {
    if !matches!(request.method, "GET" | "HEAD") {
        return Response::method_not_allowed("GET, HEAD");
    }
    match request.path {
        "/metrics" => measured(Format::preferred(request.headers("accept")), handle),
        "/livez" => Response::text(200, "alive"),
        "/readyz" if handle.is_serving() => Response::text(200, "ready"),
        "/readyz" => Response::text(503, "draining"),
        _ => Response::text(404, "there are /metrics, /livez and /readyz"),
    }
}

fn measured(format: Format, handle: &Handle) -> Response {
    match metrics::encode(handle.is_serving(), handle.shard_counters()) {
        Ok(text) => {
            let text = format.write(text).into_bytes();
            // RFC 9110 12.5.5: a cache between them must not give one what the other asked for.
            Response::new(200, format.content_type(), text).with_header("Vary", "Accept")
        }
        Err(err) => Response::text(500, &err.to_string()),
    }
}
