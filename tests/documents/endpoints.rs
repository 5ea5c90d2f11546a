//! The paths of `docs/ref/openapi.json` match `src/net/endpoints.rs`: guards, bodies and answers. The schemas
//! are hand-written.

use crate::stands;
use serde_json::{Map, Value, json};
use synthwire::net::endpoints::{Body, Content, Declared, ENDPOINTS, Method, Who};

const DOCUMENT: &str = "docs/ref/openapi.json";

fn reference(schema: &str) -> Value {
    if schema.is_empty() {
        json!({"type": "object"})
    } else {
        json!({"$ref": format!("#/components/schemas/{schema}")})
    }
}

fn described(when: &str, content: Content) -> Value {
    let holding = |media_type: &str, schema: Value| json!({"description": when, "content": {media_type: {"schema": schema}}});
    match content {
        Content::Empty => json!({"description": when}),
        Content::Cookie => {
            json!({"description": when, "headers": {"Set-Cookie": {"schema": {"type": "string"}}}})
        }
        Content::Text => holding("text/plain", json!({"type": "string"})),
        Content::Json(schema) => holding("application/json", reference(schema)),
        Content::File(media_type) => holding(media_type, json!({"type": "string"})),
    }
}

/// Returns the answers of the guards, which come before the endpoint's own.
fn guards(declared: &Declared) -> Vec<(u16, &'static str)> {
    let mut said = vec![(421, "The `Host` is not a name of this device.")];
    if declared.method.is_guarded() {
        said.push((403, "The request comes from another site's page."));
    }
    if declared.who != Who::Anybody {
        said.extend([
            (401, "A key is needed, or this one is wrong."),
            (429, "Too many tries of keys; Retry-After says when to try again."),
        ]);
    }
    match declared.body {
        Body::Nothing => {}
        Body::Json { .. } => said.extend([
            (400, "The body cannot be understood, or names nothing that can be set."),
            (408, "The body took too long to arrive."),
            (413, "The body is too long."),
        ]),
        Body::Bundle { .. } => {
            said.extend([(408, "The bundle arrived too slowly."), (413, "The bundle is too long.")]);
        }
    }
    said
}

fn operation(declared: &Declared) -> Value {
    let mut responses = Map::new();
    for (status, when) in guards(declared) {
        responses.insert(status.to_string(), described(when, Content::Text));
    }
    for (status, when, content) in declared.answers {
        responses.insert(status.to_string(), described(when, *content));
    }
    let mut operation = json!({"summary": declared.about, "responses": responses});
    if declared.who != Who::Anybody {
        operation["security"] = json!([{}, {"key": []}, {"listening": []}, {"settings": []}]);
    }
    let sent = |media_type: &str, schema: Value, bytes_max: u64| {
        let limit = format!("At most {bytes_max} bytes.");
        json!({"required": true, "description": limit, "content": {media_type: {"schema": schema}}})
    };
    match declared.body {
        Body::Nothing => {}
        Body::Json { schema, bytes_max } => {
            operation["requestBody"] = sent("application/json", reference(schema), bytes_max as u64);
        }
        Body::Bundle { media_type, bytes_max } => {
            operation["requestBody"] =
                sent(media_type, json!({"type": "string", "format": "binary"}), bytes_max);
        }
    }
    if let Some((query, about)) = declared.query {
        let (name, value) = query.split_once('=').expect("a query is name=value");
        let schema = if value.is_empty() {
            json!({"type": "integer"})
        } else {
            json!({"type": "string", "enum": [value]})
        };
        operation["parameters"] = json!([{"name": name, "in": "query", "required": value.is_empty(), "schema": schema, "description": about}]);
    }
    operation
}

#[test]
fn the_documents_paths_are_those_that_are_declared() {
    let mut paths = Map::new();
    for declared in ENDPOINTS {
        let method = if declared.method == Method::Write { "post" } else { "get" };
        paths.insert(declared.path.to_owned(), json!({method: operation(declared)}));
    }
    assert_eq!(paths.len(), ENDPOINTS.len(), "each has a path of its own");
    let text = serde_json::to_string_pretty(&paths).expect("JSON").replace('\n', "\n  ");
    stands(DOCUMENT, ("  \"paths\": ", ",\n  \"components\""), &text);
}

#[test]
fn every_schema_that_is_named_is_described() {
    let document: Value =
        serde_json::from_str(include_str!("../../docs/ref/openapi.json")).expect("the document is JSON");
    for declared in ENDPOINTS {
        let answered = declared.answers.iter().filter_map(|(_, _, content)| match content {
            Content::Json(schema) => Some(*schema),
            _ => None,
        });
        let sent = match declared.body {
            Body::Json { schema, .. } if !schema.is_empty() => Some(schema),
            _ => None,
        };
        for schema in answered.chain(sent) {
            assert!(document["components"]["schemas"][schema].is_object(), "{}: {schema}", declared.path);
        }
    }
}
