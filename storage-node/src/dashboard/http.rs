//! The two pages over HTTP. Nothing here takes input.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::dashboard::Metrics;
use crate::error::NodeError;

/// Serves `/metrics` and `/health` until `stop` says so. Returns the address and the task.
///
/// # Errors
/// The address is taken or not ours.
pub async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    provider: String,
    listen: String,
    mut stop: watch::Receiver<bool>,
) -> Result<(SocketAddr, tokio::task::JoinHandle<()>), NodeError> {
    let start = |error: std::io::Error| NodeError::Start {
        doing: "opening the dashboard",
        reason: format!("{address}: {error}"),
    };
    let listener = TcpListener::bind(address).await.map_err(start)?;
    let bound = listener.local_addr().map_err(start)?;
    let for_metrics = Arc::clone(&metrics);
    let router = Router::new()
        .route(
            "/metrics",
            get(move || async move { metrics_page(&for_metrics) }),
        )
        .route(
            "/health",
            get(move || async move { health_page(&metrics, provider, listen) }),
        );
    let task = tokio::spawn(async move {
        let stopped = async move {
            if stop.wait_for(|stopped| *stopped).await.is_err() {
                tracing::debug!("the node is gone, the dashboard closes");
            }
        };
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(%error, "the dashboard stopped");
        }
    });
    Ok((bound, task))
}

fn metrics_page(metrics: &Metrics) -> impl IntoResponse + use<> {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics.render(),
    )
}

fn health_page(metrics: &Metrics, provider: String, listen: String) -> impl IntoResponse + use<> {
    let health = metrics.health(provider, listen);
    let status = if health.status == "ok" {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::to_string(&health)
        .unwrap_or_else(|error| format!("{{\"status\":\"{error}\"}}"));
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}
