//! The service as seen from outside: its answers match the documents, and its metrics count what happened.

use crate::fan_out::wait_until;
use crate::service::Service;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn document() -> Value {
    serde_json::from_str(include_str!("../../docs/ref/openapi.json")).expect("the document is JSON")
}

/// Lists where `value` does not match `schema`. Supports the schema keywords which the document uses, and
/// refuses others.
fn faults(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => {
            root.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere")
        }
        None => schema,
    };
    let known = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "minimum",
        "anyOf",
        "description",
    ];
    let unknown: Vec<&String> =
        schema.as_object().unwrap().keys().filter(|key| !known.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "{place}: this test does not know {unknown:?}");
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| faults(root, choice, value, place).is_empty());
        return if fits { vec![] } else { vec![format!("{place}: {value} fits none of the choices")] };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{place}: this test does not know the type {other}"),
    };
    if !types.iter().any(|kind| is(kind)) {
        return vec![format!("{place}: {value} is no {types:?}")];
    }
    let mut found = Vec::new();
    if schema["minimum"].as_f64().is_some_and(|least| value.as_f64().is_some_and(|value| value < least)) {
        found.push(format!("{place}: {value} is too small"));
    }
    if schema["enum"].as_array().is_some_and(|choices| !choices.contains(value)) {
        found.push(format!("{place}: {value} is not listed"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(root, &schema["items"], item, &format!("{place}[{index}]")));
    }
    for (key, item) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => found.push(format!("{place} is not documented")),
            (Value::Null, further) => found.extend(faults(root, further, item, &place)),
            (property, _) => found.extend(faults(root, property, item, &place)),
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    found.extend(
        required.filter(|key| value.get(key).is_none()).map(|key| format!("{place}.{key} is missing")),
    );
    found
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("an answer has a head").1
}

#[test]
fn whatever_a_browser_calls_itself_can_be_shown() {
    let service = Service::playing(&["--source", "exact:music"]);
    // HTTP permits no control characters; this tests characters that reverse or hide text.
    for (said, shown) in [
        ("\u{202e}gnp.exe\u{202c}", "gnp.exe"),
        ("zero\u{200b}wi\u{200d}dth\u{feff}", "zerowidth"),
        ("C1 \u{9b}31mcsi", "C1 csi"),
        ("tab\tand   room", "tab and room"),
    ] {
        let ear = service.listen_with(&[("User-Agent", said)]);
        let clients: Value = serde_json::from_str(body(&service.http("GET /api/clients HTTP/1.1"))).unwrap();
        assert_eq!(clients[0]["agent"], shown);
        drop(ear);
        while service.status()["listeners"]["now"] != 0 {}
    }
}

#[test]
fn answers_are_as_documented() {
    let service = Service::playing(&["--source", "exact:music"]);
    let mut ear = service.listen_with(&[("User-Agent", "Ear/1.0 (a test)")]);
    ear.say(r#"{"type":"report","mode":"auto","delay_ms":41.5,"level_ms":9,"target_ms":8.5,"glitches":{"network_late":2}}"#);
    ear.say(r#"{"type":"ping","id":1}"#);
    ear.text("pong");
    let root = document();
    for path in ["/api/status", "/api/clients", "/api/access"] {
        let schema = &root["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let answer: Value =
            serde_json::from_str(body(&service.http(&format!("GET {path} HTTP/1.1")))).unwrap();
        assert_eq!(faults(&root, schema, &answer, path), Vec::<String>::new());
        if path == "/api/clients" {
            let client = &answer[0];
            assert_eq!(
                (&client["agent"], &client["address"]),
                (&json!("Ear/1.0 (a test)"), &json!("127.0.0.1"))
            );
            assert_eq!(client["report"]["glitches"]["network_late"], 2);
        }
    }
    drop(ear);
    while service.status()["listeners"]["now"] != 0 {}
    assert_eq!(body(&service.http("GET /api/clients HTTP/1.1")), "[]", "who has gone is forgotten");
    for (path, methods) in root["paths"].as_object().unwrap() {
        let method = if methods["post"].is_object() { "POST" } else { "GET" };
        let answer = service.http(&format!("{method} {path} HTTP/1.1"));
        let code: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let documented = &methods[method.to_lowercase()]["responses"][code.to_string()];
        assert!(documented.is_object(), "{method} {path} answers {code}, which is not documented");
    }
}

#[test]
fn the_judge_of_answers_finds_what_is_wrong() {
    let root = document();
    let schema = &root["components"]["schemas"]["Loss"];
    assert!(faults(&root, schema, &json!({"events": 1, "frames": 2}), "x").is_empty());
    for (wrong, said) in [
        (json!({"events": 1}), "x.frames is missing"),
        (json!({"events": 1, "frames": 2, "more": 3}), "x.more is not documented"),
        (json!({"events": "1", "frames": 2}), "is no"),
        (json!({"events": -1, "frames": 2}), "too small"),
        (json!([]), "is no"),
    ] {
        let found = faults(&root, schema, &wrong, "x").join(", ");
        assert!(found.contains(said), "{wrong}: {found}");
    }
    let source = &root["components"]["schemas"]["Source"]["properties"]["state"];
    assert!(!faults(&root, source, &json!("dancing"), "x").is_empty());
}

/// Every sample of `/metrics`, keyed by name and labels.
fn samples(service: &Service) -> BTreeMap<String, f64> {
    let answer = service.http("GET /metrics HTTP/1.1");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    let lines = body(&answer).lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            line.rsplit_once(' ').map(|(name, value)| (name.to_owned(), value.parse().unwrap())).unwrap()
        })
        .collect()
}

#[test]
#[allow(clippy::float_cmp, reason = "counts are whole")]
fn metrics_tell_what_happened() {
    let service = Service::playing(&["--source", "exact:counter", "--rt-priority", "0"]);
    let before = samples(&service);
    let mut ear = service.listen();
    let heard_bytes: usize = (0..50).map(|_| ear.message().len()).sum();
    service.http("POST / HTTP/1.1");
    // Messages are counted after they are written, so a listener may receive one before it is counted.
    let mut after = samples(&service);
    wait_until("the bytes that were heard are counted", || {
        after = samples(&service);
        after["synthwire_sent_bytes_total"] - before["synthwire_sent_bytes_total"] >= heard_bytes as f64
    });
    let grown = |name: &str| after[name] - before[name];
    assert_eq!(grown(r#"synthwire_refused_total{reason="method"}"#), 1.0);
    assert!(
        grown("synthwire_queue_age_seconds_count") >= 40.0 && grown("synthwire_queue_age_seconds_sum") > 0.0
    );
    assert!(grown("synthwire_wake_late_seconds_count") >= 40.0);
    assert_eq!(after["synthwire_listeners"], 1.0);
    assert!(
        after["synthwire_capture_cpu_seconds_total"] > 0.0 && after["process_resident_memory_bytes"] > 1e6
    );
    for (name, value) in &before {
        let only_grows = name.contains("_total") || name.contains("_bucket") || name.ends_with("_count");
        assert!(!only_grows || after[name] >= *value, "{name} fell");
    }
}

/// Words in a file that look like names of our metrics.
fn metrics_named_in(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("synthwire_")).map(str::to_owned).collect()
}

#[test]
fn dashboard_and_alerts_speak_of_metrics_that_exist() {
    let service = Service::playing(&["--source", "exact:music"]);
    let exist: BTreeSet<String> =
        samples(&service).into_keys().map(|name| name.split('{').next().unwrap().to_owned()).collect();
    for file in ["docs/ref/metrics/dashboard.json", "docs/ref/metrics/alerts.yml"] {
        let named = metrics_named_in(file);
        assert!(named.len() >= 5, "{file} names metrics");
        // This metric appears only after a listener has sent a report.
        let gone: Vec<&String> =
            named.difference(&exist).filter(|name| *name != "synthwire_listener_glitches_total").collect();
        assert!(gone.is_empty(), "{file} names {gone:?}");
    }
}
