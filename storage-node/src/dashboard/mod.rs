//! What an operator sees: `/metrics` for Prometheus, `/health` for a person or a probe.

mod http;
mod metrics;

pub use http::serve;
pub use metrics::{Alarm, Counter, Gauge, Health, Metrics};
