//! What the admin port answers.

use crate::admin::metrics;
use crate::handle::Handle;
use crate::proto::http::Response;

/// The answer to a request.
pub(super) fn answer(method: &str, path: &str, handle: &Handle) -> Response {
    if !matches!(method, "GET" | "HEAD") {
        return Response::method_not_allowed("GET, HEAD");
    }
    match path {
        "/metrics" => measured(handle),
        "/livez" => Response::text(200, "alive"),
        "/readyz" if handle.is_serving() => Response::text(200, "ready"),
        "/readyz" => Response::text(503, "draining"),
        _ => Response::text(404, "there are /metrics, /livez and /readyz"),
    }
}

fn measured(handle: &Handle) -> Response {
    match metrics::encode(handle.is_serving(), handle.shard_counters()) {
        Ok(text) => Response::new(200, CONTENT_TYPE, text.into_bytes()),
        Err(err) => Response::text(500, &err.to_string()),
    }
}

/// OpenMetrics 1.0, section 5.1.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
