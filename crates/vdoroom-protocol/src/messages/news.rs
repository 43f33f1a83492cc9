// SPDX-License-Identifier: MPL-2.0
//! What a publisher says about itself on the data channel (protocol 5.7).

use serde_json::Value;

use crate::api::StreamInfo;
use crate::json::{Fields, truthy};
use crate::limits::MAX_LABEL;

/// Brings `info` up to date with the fields of one message.
pub fn apply(info: &mut StreamInfo, news: &Fields) {
    if let Some(Value::Object(about)) = news.get("info") {
        if let Some(said) = about.get("label") {
            info.label = label(said);
        }
        set(&mut info.audio_muted, about.get("muted"));
        set(&mut info.video_muted, about.get("video_muted_init"));
        set(&mut info.screen_shared, about.get("screenShareState"));
    }
    if truthy(news, "changeLabel") {
        info.label = news.get("value").and_then(label);
    }
    // `altUUID`: about the shared screen beside the camera.
    if !truthy(news, "altUUID") {
        set(&mut info.audio_muted, news.get("muteState"));
        set(&mut info.video_muted, news.get("videoMuted"));
    }
    set(&mut info.screen_shared, news.get("screenShareState"));
    if let Some(Value::Bool(stopped)) = news.get("screenStopped") {
        info.screen_shared = !stopped;
    }
    info.director |= truthy(news, "directorSettings");
}

fn set(flag: &mut bool, said: Option<&Value>) {
    if let Some(Value::Bool(said)) = said {
        *flag = *said;
    }
}

/// Labels come HTML-escaped, and as `false` where there is none.
fn label(said: &Value) -> Option<String> {
    let text = said.as_str()?;
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#039;", "'"),
        ("&amp;", "&"),
    ];
    // Longer than any label that may stay, before work is done on it.
    let mut plain: String = text.chars().take(MAX_LABEL * 8).collect();
    for (escape, character) in escapes {
        plain = plain.replace(escape, character);
    }
    let kept = plain.chars().filter(|c| !c.is_control()).take(MAX_LABEL);
    let label = kept.collect::<String>().trim().to_owned();
    (!label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(messages: &[Value]) -> StreamInfo {
        let mut info = StreamInfo::default();
        for message in messages {
            apply(&mut info, message.as_object().unwrap());
        }
        info
    }

    #[test]
    fn a_browser_introduces_itself() {
        let info = told(&[json!({"info": {"label": "Al &amp; Ice", "muted": true,
            "video_muted_init": true, "screenShareState": true}})]);
        assert_eq!(info.label.as_deref(), Some("Al & Ice"));
        assert!(info.audio_muted && info.video_muted && info.screen_shared);
    }

    #[test]
    fn a_label_can_change_and_go() {
        let named = json!({"changeLabel": true, "value": "Bob"});
        assert_eq!(
            told(std::slice::from_ref(&named)).label.as_deref(),
            Some("Bob")
        );
        let cleared = json!({"changeLabel": true, "value": false});
        assert_eq!(told(&[named, cleared]).label, None);
        assert_eq!(told(&[json!({"info": {"label": false}})]).label, None);
    }

    #[test]
    fn a_label_is_short_and_printable() {
        let label =
            told(&[json!({"info": {"label": format!("a\u{7}b{}", "x".repeat(9999))}})]).label;
        let label = label.unwrap();
        assert!(
            label.starts_with("abxx") && label.len() == MAX_LABEL,
            "{label}"
        );
    }

    #[test]
    fn mutes_and_screens_come_and_go() {
        let muted = json!({"muteState": true, "videoMuted": true});
        assert!(told(std::slice::from_ref(&muted)).audio_muted);
        assert!(!told(&[muted, json!({"muteState": false})]).audio_muted);
        assert!(told(&[json!({"screenStopped": false})]).screen_shared);
        assert!(!told(&[json!({"videoMuted": true, "altUUID": true})]).video_muted);
    }

    #[test]
    fn values_of_another_type_change_nothing() {
        let odd = json!({"info": {"label": 7, "muted": "yes"}, "muteState": null});
        assert_eq!(told(&[odd]), StreamInfo::default());
    }
}
