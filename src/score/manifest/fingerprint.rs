//! The hash of what decides numbers.

use serde_json::json;

use crate::domain::ContentHash;

/// SHA-256 of a JSON value written with sorted keys and no spaces.
pub(in crate::score) fn fingerprint(value: &serde_json::Value) -> ContentHash {
    let mut text = String::new();
    canonical(value, &mut text);
    ContentHash::of(text.as_bytes())
}

/// Sorts the keys itself: whether serde_json does depends on the features that other crates switch on.
fn canonical(value: &serde_json::Value, into: &mut String) {
    use serde_json::Value::{Array, Object};
    let separated = |into: &mut String, index: usize| {
        if index > 0 {
            into.push(',');
        }
    };
    match value {
        Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            into.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                separated(into, index);
                into.push_str(&json!(key).to_string());
                into.push(':');
                canonical(value, into);
            }
            into.push('}');
        }
        Array(values) => {
            into.push('[');
            for (index, value) in values.iter().enumerate() {
                separated(into, index);
                canonical(value, into);
            }
            into.push(']');
        }
        scalar => into.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_has_sorted_keys_and_no_spaces() {
        let mut text = String::new();
        canonical(&json!({"b": [1, 0.5, null], "a": {"d": "x\"y", "c": true}}), &mut text);
        assert_eq!(text, r#"{"a":{"c":true,"d":"x\"y"},"b":[1,0.5,null]}"#);
    }
}
