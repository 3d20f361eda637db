//! Figures in Prometheus' text format, from the workers' own cells at the moment of asking.

use crate::wiring::Shared;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text::encode};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use splitfin_router::LABELS;
use splitfin_session::Metrics;
use splitfin_topology::Role;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Asks the workers when it is asked.
#[derive(Debug)]
struct Figures {
    shared: Shared,
}

/// All figures as text.
pub(crate) fn render(shared: &Shared) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("splitfin");
    registry.register_collector(Box::new(Figures { shared: shared.clone() }));
    let mut out = String::new();
    encode(&mut out, &registry)?;
    Ok(out)
}

impl Figures {
    fn sum(&self, cell: impl Fn(&Metrics) -> &AtomicU64) -> u64 {
        self.shared.metrics.iter().map(|metrics| cell(metrics).load(Ordering::Relaxed)).sum()
    }

    fn counter(&self, out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(out.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Counter)?)
    }
}

/// One of a worker's counts.
type Cell = fn(&Metrics) -> &AtomicU64;

/// Counted by each worker, over all servers.
const COUNTERS: [(&str, &str, Cell); 8] = [
    ("session_panics", "Sessions that ended by a defect of Splitfin", |metrics| &metrics.panics),
    ("failed_logins", "Logins that failed", |metrics| &metrics.failed_logins),
    ("braked_logins", "Logins that waited, as many failed from their address", |metrics| &metrics.braked_logins),
    ("own_errors", "Statements that Splitfin answered with an error of its own", |metrics| &metrics.own_errors),
    ("retries", "Statements that were tried again on another server", |metrics| &metrics.retries),
    ("corrected", "Statements that a replica refused as writes and that ran on the primary", |metrics| {
        &metrics.corrected
    }),
    ("crowded_out", "Reads refused, as failover.primary_read_cap of them ran on the primary already", |metrics| {
        &metrics.crowded_out
    }),
    ("fenced", "Statements and transactions cut off, as another server became the primary", |metrics| &metrics.fenced),
];

impl Collector for Figures {
    fn encode(&self, mut out: DescriptorEncoder<'_>) -> fmt::Result {
        use prometheus_client::metrics::MetricType;
        let snapshot = self.shared.topology.snapshot();
        let metrics = &self.shared.metrics;

        let clients = ConstGauge::new(self.sum(|metrics| &metrics.clients) as i64);
        clients.encode(out.encode_descriptor("clients", "Clients that are connected", None, MetricType::Gauge)?)?;
        for (name, help, cell) in COUNTERS {
            self.counter(&mut out, name, help, self.sum(cell))?;
        }
        let help = "Tasks that ended although they must not, and were started again";
        let mut restarts = out.encode_descriptor("task_restarts", help, None, MetricType::Counter)?;
        for (task, count) in self.shared.restarts.counts() {
            ConstCounter::new(count).encode(restarts.encode_family(&[("task", task)])?)?;
        }
        let help = "Lines of the log that were left out, as they were not read in time or could not be written";
        self.counter(&mut out, "log_lines_dropped", help, crate::logging::dropped())?;
        let stand_ins = ConstGauge::new(self.shared.pools.limits.stand_ins().0 as i64);
        let help = "Reads that run on the primary now, as no replica can serve them";
        stand_ins.encode(out.encode_descriptor("primary_reads", help, None, MetricType::Gauge)?)?;

        let mut statements = out.encode_descriptor(
            "statements",
            "Statements by backend and by the reason for going there",
            None,
            MetricType::Counter,
        )?;
        for view in snapshot.ours() {
            for (reason, label) in LABELS.iter().enumerate() {
                let count: u64 = metrics.iter().map(|metrics| metrics.statements(view.id, reason)).sum();
                if count > 0 {
                    let labels = [("backend", view.spec.name.as_str()), ("reason", *label)];
                    ConstCounter::new(count).encode(statements.encode_family(&labels)?)?;
                }
            }
        }
        self.times(&mut out)?;
        self.consistency(&mut out)?;

        let mut up =
            out.encode_descriptor("backend_usable", "Whether a backend may serve statements", None, MetricType::Gauge)?;
        for view in snapshot.ours() {
            let labels = [("backend", view.spec.name.as_str()), ("role", role(view.role))];
            ConstGauge::new(i64::from(view.fit.is_ok())).encode(up.encode_family(&labels)?)?;
        }
        let mut lag = out.encode_descriptor(
            "backend_lag",
            "How late a replica is, if it is known",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for view in snapshot.ours() {
            if let Some(seconds) = view.lag {
                ConstGauge::new(seconds.as_secs_f64())
                    .encode(lag.encode_family(&[("backend", view.spec.name.as_str())])?)?;
            }
        }
        let help = "About how many transactions of the primary a replica lacks, as both were seen last";
        let mut after = out.encode_descriptor("backend_behind_transactions", help, None, MetricType::Gauge)?;
        for view in snapshot.ours() {
            if let Some(count) = view.after {
                let labels = [("backend", view.spec.name.as_str())];
                ConstGauge::new(count as i64).encode(after.encode_family(&labels)?)?;
            }
        }
        let mut open =
            out.encode_descriptor("backend_connections", "Open connections to a backend", None, MetricType::Gauge)?;
        for view in snapshot.ours() {
            let count = self.shared.pools.limits.open(view.id) as i64;
            ConstGauge::new(count).encode(open.encode_family(&[("backend", view.spec.name.as_str())])?)?;
        }
        Ok(())
    }
}

impl Figures {
    fn consistency(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        use prometheus_client::metrics::MetricType;
        let snapshot = self.shared.topology.snapshot();
        let backends = || snapshot.ours();
        let sum = |id, at: usize| -> u64 { self.shared.metrics.iter().map(|metrics| metrics.waits(id)[at]).sum() };
        let help = "Reads that waited for a replica to have what they must see, by how that ended";
        let mut waits = out.encode_descriptor("consistency_waits", help, None, MetricType::Counter)?;
        for view in backends() {
            for (at, outcome) in ["in_time", "in_vain"].into_iter().enumerate() {
                let labels = [("backend", view.spec.name.as_str()), ("outcome", outcome)];
                ConstCounter::new(sum(view.id, at)).encode(waits.encode_family(&labels)?)?;
            }
        }
        let help = "Time that reads waited for a replica";
        let unit = Some(&Unit::Seconds);
        let mut waited = out.encode_descriptor("consistency_waited", help, unit, MetricType::Counter)?;
        for view in backends() {
            let labels = [("backend", view.spec.name.as_str())];
            ConstCounter::new(sum(view.id, 2) as f64 / 1e6).encode(waited.encode_family(&labels)?)?;
        }
        let help = "Servers asked for their position, so that a session could read elsewhere";
        self.counter(out, "consistency_asked", help, self.sum(|metrics| &metrics.asked))?;
        let help = "Marks of writes dropped, as the primary does not have them any more";
        self.counter(out, "consistency_marks_dropped", help, self.sum(|metrics| &metrics.marks_dropped))
    }

    fn times(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        use prometheus_client::metrics::MetricType;
        let mut histogram = out.encode_descriptor(
            "statement_time",
            "Time from a command's arrival to its reply's last byte",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for view in self.shared.topology.snapshot().ours() {
            let mut buckets: Vec<(f64, u64)> = Vec::new();
            for metrics in &self.shared.metrics {
                for (at, (bound, count)) in metrics.times(view.id).enumerate() {
                    match buckets.get_mut(at) {
                        Some(bucket) => bucket.1 += count,
                        None => buckets.push((bound as f64 / 1e6, count)),
                    }
                }
            }
            if let Some(last) = buckets.last_mut() {
                last.0 = f64::MAX;
            }
            let count = buckets.iter().map(|(_, count)| count).sum();
            let sum: u64 = self.shared.metrics.iter().map(|metrics| metrics.time_sum(view.id)).sum();
            let labels = [("backend", view.spec.name.as_str())];
            let mut encoder = histogram.encode_family(&labels)?;
            encoder.encode_histogram::<prometheus_client::encoding::NoLabelSet>(
                sum as f64 / 1e6,
                count,
                &buckets,
                None,
            )?;
        }
        Ok(())
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Replica => "replica",
    }
}
