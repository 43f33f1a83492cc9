// SPDX-License-Identifier: MPL-2.0
//! Manifests: reading them, and the published schema held against what is written.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

pub use vdoroom_recordings::manifest::{Manifest, Part, Run, Track};

const SCHEMA: &str = include_str!("../../../docs/manifest.schema.json");

/// The schema for readers, who ignore what they do not know.
pub fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The schema for writers: what is not described must not be there.
fn strict_schema() -> Value {
    let mut schema = schema();
    for object in schema["$defs"].as_object_mut().unwrap().values_mut() {
        object["additionalProperties"] = json!(false);
    }
    schema
}

/// Why a line is not what the schema says, if so.
pub fn violation(schema: Value, line: &Value) -> Option<String> {
    let (schemas, index) = compile(schema);
    schemas
        .validate(line, index)
        .err()
        .map(|e| format!("{e:#}"))
}

fn compile(schema: Value) -> (Schemas, SchemaIndex) {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    let id = "manifest.schema.json";
    compiler.add_resource(id, schema).unwrap();
    let index = compiler.compile(id, &mut schemas).unwrap();
    (schemas, index)
}

/// Panics unless a line follows the schema and has no field that the schema lacks.
pub fn assert_follows_schema(line: &Value) {
    if let Some(violation) = violation(strict_schema(), line) {
        panic!("{line:#}\nis not what docs/manifest.schema.json says: {violation}");
    }
}
