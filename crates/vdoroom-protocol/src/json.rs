// SPDX-License-Identifier: MPL-2.0
//! JSON that anybody may have written: of bounded length and depth, and read field by field.

use serde_json::{Map, Value};

use crate::limits::{MAX_DEPTH, MAX_MESSAGE};

pub type Fields = Map<String, Value>;

/// What is wrong with a message; reads as the end of a sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("longer than {MAX_MESSAGE} bytes")]
    TooLong,
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("no JSON object")]
    NotAnObject,
}

/// Parses JSON of bounded length and depth.
pub fn bounded_json(text: &str) -> Result<Value, JsonError> {
    if text.len() > MAX_MESSAGE {
        return Err(JsonError::TooLong);
    }
    if depth(text) > MAX_DEPTH {
        return Err(JsonError::TooDeep);
    }
    serde_json::from_str(text).map_err(|_| JsonError::NotAnObject)
}

fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A message that we send.
pub fn fields<const N: usize>(entries: [(&str, Value); N]) -> Fields {
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

pub fn text<'a>(fields: &'a Fields, field: &str) -> Option<&'a str> {
    fields.get(field)?.as_str()
}

/// Whether JavaScript would take the field for true.
pub fn truthy(fields: &Fields, field: &str) -> bool {
    match fields.get(field) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_and_deep_messages_are_refused() {
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        assert_eq!(bounded_json(&deep), Err(JsonError::TooDeep));
        let text = json!("[".repeat(1000) + "\\\"[").to_string();
        assert!(bounded_json(&text).is_ok());
        let long = json!("x".repeat(MAX_MESSAGE)).to_string();
        assert_eq!(bounded_json(&long), Err(JsonError::TooLong));
    }
}
