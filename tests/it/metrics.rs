//! The metrics of a server.

use crate::harness::{ADMIN, GUEST, Server};

/// The value of a sample, or `None` if it is missing.
pub(crate) fn sample(server: &Server, name: &str) -> Option<f64> {
    let page = server.request("GET", "/metrics").login(ADMIN).send();
    assert_eq!(page.status, 200);
    let page = String::from_utf8(page.body).unwrap();
    let line =
        page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.map(|line| line[name.len() + 1..].parse().expect(line))
}

#[test]
fn requests_records_and_the_disk_are_counted() {
    let server = Server::start_with(&["--demo"]);
    let route = "method=\"GET\",route=\"/rest/instance/{kind}/{name}\"";
    let asked = |status: &str| format!("satchel_requests_total{{{route},status=\"{status}\"}}");
    assert_eq!(sample(&server, &asked("4xx")), None);
    for _ in 0..3 {
        let missing = server.request("GET", "/rest/instance/device/R%201%25").login(ADMIN).send();
        assert_eq!(missing.status, 404);
    }
    assert_eq!(server.request("GET", "/no%22where").send().status, 404);

    assert_eq!(sample(&server, &asked("4xx")), Some(3.0));
    let routeless = "satchel_requests_total{method=\"\",route=\"\",status=\"4xx\"}";
    assert_eq!(sample(&server, routeless), Some(1.0));
    let durations = format!("satchel_request_duration_seconds_count{{{route}}}");
    assert_eq!(sample(&server, &durations), Some(3.0));
    let all = format!("satchel_request_duration_seconds_bucket{{{route},le=\"+Inf\"}}");
    assert_eq!(sample(&server, &all), Some(3.0));
    assert_eq!(sample(&server, "satchel_records{type=\"device\"}"), Some(17.0));
    assert_eq!(sample(&server, "satchel_writable"), Some(1.0));
    // The request that asks.
    assert_eq!(sample(&server, "satchel_requests_in_progress"), Some(1.0));
    for name in [
        "satchel_data_directory_free_bytes",
        "satchel_data_directory_size_bytes",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
        "satchel_response_bytes_total",
        "satchel_connections_accepted_total",
    ] {
        assert!(sample(&server, name).is_some_and(|value| value > 0.0), "{name}");
    }
}

#[test]
fn metrics_need_a_login() {
    let server = Server::start_with(&["--demo"]);
    assert_eq!(server.request("GET", "/metrics").send().status, 401);
    let unknown = server.request("GET", "/metrics").login(GUEST).send();
    assert_eq!(unknown.status, 401);
}

/// Each name is introduced once, before its samples, and every line is one that Prometheus reads.
#[test]
fn the_metrics_have_the_format_of_prometheus() {
    let server = Server::start();
    server.request("GET", "/rest/count").login(ADMIN).send();
    let page = server.request("GET", "/metrics").login(ADMIN).send();
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut introduced = Vec::new();
    for line in String::from_utf8(page.body).unwrap().lines() {
        if let Some(type_) = line.strip_prefix("# TYPE ") {
            let (name, type_) = type_.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&type_), "{line}");
            assert!(!introduced.contains(&name.to_owned()), "{line}");
            introduced.push(name.to_owned());
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            assert!(introduced.last().is_some_and(|last| name.starts_with(last)), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(introduced.len() > 10);
}

/// An alert on a metric that does not exist never fires.
#[test]
fn the_alerting_rules_and_the_dashboard_use_existing_metrics() {
    let written = include_str!("../../src/http/handlers/metrics.rs");
    for example in [
        include_str!("../../packaging/examples/prometheus-alerts.yml"),
        include_str!("../../packaging/examples/grafana-dashboard.json"),
    ] {
        let is_word = |character: char| character.is_ascii_lowercase() || character == '_';
        let words = example.split(|character| !is_word(character));
        let metrics: Vec<&str> = words.filter(|word| word.starts_with("satchel_")).collect();
        assert!(metrics.len() > 10, "{metrics:?}");
        for metric in metrics {
            let name = metric.strip_suffix("_bucket").unwrap_or(metric);
            assert!(written.contains(&format!("\"{name}\"")), "{metric}");
        }
    }
    let dashboard = include_str!("../../packaging/examples/grafana-dashboard.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
}
