//! What operators and their tools ask over HTTP.
//!
//! - `/metrics`: figures, in Prometheus' text format
//! - `/healthz`: 200 while the process lives
//! - `/readyz`: 200 while clients can be served: not draining, and some backend may serve them
//! - `/api/v1/backends`: every backend and how it is, in JSON
//! - `/api/v1/learned`: statements that a replica refused as writes; they go to the primary for an hour
//! - `PUT` and `DELETE /api/v1/backends/NAME/drain`: a backend gets nothing new any more, or does again
//! - `PUT /api/v1/switchover/NAME`: a replica becomes the primary, as planned
//! - `PUT /api/v1/reload`: the configuration is read again
//!
//! Those from `learned` on change something or show what clients said: they are for programs on this machine only, not for
//! others, and not for web pages.

pub(crate) mod client;
mod serve;
mod who;

use crate::reload::Reloaded;
use crate::wiring::Shared;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use splitfin_topology::Role;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

#[derive(Debug, Clone)]
struct Admin {
    shared: Shared,
    draining: Arc<AtomicBool>,
    wishes: mpsc::Sender<Wish>,
}

/// What an operator asks for, and where the answer goes.
#[derive(Debug)]
pub enum Wish {
    /// Read the configuration again.
    Reload(oneshot::Sender<Result<Reloaded, String>>),
}

/// Answers until the future is dropped.
pub(crate) async fn serve(
    listener: Arc<TcpListener>,
    shared: Shared,
    draining: Arc<AtomicBool>,
    wishes: mpsc::Sender<Wish>,
) -> std::io::Result<Infallible> {
    let here = listener.local_addr()?;
    let for_this_machine = Router::new()
        .route("/api/v1/learned", get(learned))
        .route("/api/v1/backends/{name}/drain", put(drain).delete(resume))
        .route("/api/v1/switchover/{name}", put(switchover))
        .route("/api/v1/reload", put(reload))
        .route_layer(from_fn_with_state(here, who::from_this_machine));
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/api/v1/backends", get(backends))
        .merge(for_this_machine)
        .with_state(Admin { shared, draining, wishes });
    Ok(serve::forever(&listener, routes, serve::Limits::default()).await)
}

async fn drain(admin: State<Admin>, name: Path<String>) -> (StatusCode, String) {
    set_drained(&admin, &name, true)
}

async fn resume(admin: State<Admin>, name: Path<String>) -> (StatusCode, String) {
    set_drained(&admin, &name, false)
}

fn set_drained(admin: &Admin, name: &str, on: bool) -> (StatusCode, String) {
    match admin.shared.fleet().drain(name, on) {
        true => {
            tracing::info!(backend = name, drained = on, "an operator's wish");
            (StatusCode::OK, format!("{name}: {}\n", if on { "drained" } else { "resumed" }))
        }
        false => (StatusCode::NOT_FOUND, format!("there is no backend `{name}`\n")),
    }
}

async fn switchover(State(admin): State<Admin>, Path(name): Path<String>) -> (StatusCode, String) {
    // It is done to its end, also if whoever asked does not wait for that.
    let switched = tokio::spawn(async move { crate::failover::switch_over(&admin.shared, &name).await });
    match switched.await {
        Ok(Ok(promoted)) => {
            let left = promoted.left_behind.iter().map(|why| format!("left behind: {why}\n")).collect::<String>();
            (StatusCode::OK, format!("{} is the primary\n{left}", promoted.name))
        }
        Ok(Err(why)) => (StatusCode::CONFLICT, format!("{why}\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

async fn reload(State(admin): State<Admin>) -> (StatusCode, String) {
    let (answer, answered) = oneshot::channel();
    let nobody = (StatusCode::CONFLICT, "there is no configuration file to read\n".to_owned());
    if admin.wishes.send(Wish::Reload(answer)).await.is_err() {
        return nobody;
    }
    match answered.await {
        Ok(Ok(reloaded)) => (StatusCode::OK, format!("{reloaded}\n")),
        Ok(Err(why)) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{why}; nothing has changed\n")),
        Err(_) => nobody,
    }
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
    } else if snapshot.primary.is_none() && snapshot.fit_replicas().next().is_none() && snapshot.resort.is_none() {
        (StatusCode::SERVICE_UNAVAILABLE, "no backend may serve\n")
    } else if snapshot.primary.is_none() {
        (StatusCode::OK, "ready for reads; there is no primary that takes writes\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn learned(State(admin): State<Admin>) -> Json<Value> {
    let rows = admin.shared.learned.lessons().into_iter().map(|lesson| {
        let ago = lesson.when.elapsed().unwrap_or_default().as_secs();
        json!({ "digest": lesson.digest.to_string(), "statement": lesson.text, "seconds_ago": ago })
    });
    Json(rows.collect())
}

async fn backends(State(admin): State<Admin>) -> Json<Value> {
    let snapshot = admin.shared.topology.snapshot();
    let rows = snapshot.ours().map(|view| {
        json!({
            "name": view.spec.name,
            "address": view.spec.address,
            "role": match view.role { Role::Primary => "primary", Role::Replica => "replica" },
            "usable": view.fit.is_ok(),
            "why_not": view.fit.as_ref().err().map(ToString::to_string),
            "lag_seconds": view.lag.map(|lag| lag.as_secs_f64()),
            "version": view.version,
            "behind_transactions": view.after,
            "clock_ahead_seconds": view.clock.map(|clock| clock as f64 / 1e6),
            "position": view.progress.position.to_string(),
            "weight": view.spec.weight,
            "connections": admin.shared.pools.limits.open(view.id),
        })
    });
    Json(json!({ "epoch": snapshot.epoch, "backends": rows.collect::<Vec<_>>() }))
}
