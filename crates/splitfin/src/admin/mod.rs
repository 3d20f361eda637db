//! What operators and their tools ask over HTTP.
//!
//! - `/metrics`: figures, in Prometheus' text format
//! - `/healthz`: 200 while the process lives
//! - `/readyz`: 200 while clients can be served: not draining, and some backend may serve them
//! - `/api/v1/backends`: every backend and how it is, in JSON

use crate::wiring::Shared;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use splitfin_topology::Role;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;

#[derive(Debug, Clone)]
struct Admin {
    shared: Shared,
    draining: Arc<AtomicBool>,
}

/// Answers until the future is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Shared, draining: Arc<AtomicBool>) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/api/v1/backends", get(backends))
        .with_state(Admin { shared, draining });
    axum::serve(listener, routes).await
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match crate::metrics::render(&admin.shared) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    let snapshot = admin.shared.topology.load();
    if admin.draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else if snapshot.primary.is_none() && snapshot.fit_replicas().next().is_none() {
        (StatusCode::SERVICE_UNAVAILABLE, "no backend may serve\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn backends(State(admin): State<Admin>) -> Json<Value> {
    let snapshot = admin.shared.topology.snapshot();
    let rows = snapshot.backends.iter().map(|view| {
        json!({
            "name": view.spec.name,
            "address": view.spec.address,
            "role": match view.role { Role::Primary => "primary", Role::Replica => "replica" },
            "usable": view.fit.is_ok(),
            "why_not": view.fit.as_ref().err().map(ToString::to_string),
            "lag_seconds": view.lag.map(|lag| lag.as_secs_f64()),
            "version": view.version,
            "position": view.progress.position.to_string(),
            "weight": view.spec.weight,
            "connections": admin.shared.limits.open(view.id),
        })
    });
    Json(json!({ "epoch": snapshot.epoch, "backends": rows.collect::<Vec<_>>() }))
}
