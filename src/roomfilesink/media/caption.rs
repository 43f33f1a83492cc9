// SPDX-License-Identifier: MPL-2.0
//! What a file and its tracks are called, whatever the container. Plain values.

use gst::glib;
use gst_tag::language_codes::{
    language_code_iso_639_1, language_code_iso_639_2b, language_code_iso_639_2t,
};

/// The longest name that goes into a header, in bytes: names come from strangers.
const MAX_NAME: usize = 255;

/// What a track of a room shows or sounds like. The source's words are those of its pads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Role {
    #[strum(serialize = "video")]
    Camera,
    #[strum(serialize = "audio")]
    Microphone,
    Screen,
    ScreenAudio,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::Screen => "screen",
            Self::ScreenAudio => "screen audio",
        }
    }
}

/// A language that ISO 639 has a code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Language {
    bibliographic: &'static str,
    terminological: &'static str,
    /// Of two letters, where there is one.
    short: Option<&'static str>,
}

impl Language {
    /// Of a code of ISO 639, or of a language tag (BCP 47) that begins with one.
    pub(crate) fn new(tag: &str) -> Option<Self> {
        let code = tag.split(['-', '_']).next().unwrap_or_default();
        let code = code.to_ascii_lowercase();
        // GStreamer compares the first letters only.
        let is_code = matches!(code.len(), 2 | 3) && code.bytes().all(|b| b.is_ascii_alphabetic());
        let code = code.as_str();
        is_code.then_some(())?;
        Some(Self {
            bibliographic: language_code_iso_639_2b(code)?.as_str(),
            terminological: language_code_iso_639_2t(code)?.as_str(),
            short: language_code_iso_639_1(code).map(glib::GStr::as_str),
        })
    }

    /// The code of ISO 639-2/B, for Matroska.
    pub(crate) fn bibliographic(self) -> &'static str {
        self.bibliographic
    }

    /// The code of ISO 639-2/T, for MPEG-TS and MP4.
    pub(crate) fn terminological(self) -> &'static str {
        self.terminological
    }

    /// The language tag of BCP 47: the shortest code there is.
    pub(crate) fn bcp47(self) -> &'static str {
        self.short.unwrap_or(self.terminological)
    }
}

/// What is known of a track beside its format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caption {
    /// Of a track of a room.
    pub role: Option<Role>,
    /// What another source calls the track.
    pub title: Option<String>,
    pub language: Option<Language>,
}

impl Caption {
    /// The source says more of the track. A title of the whole medium is none of a track.
    pub(crate) fn note(&mut self, tags: &gst::TagListRef) {
        if let Some(title) = tags.get::<gst::tags::Title>()
            && tags.scope() == gst::TagScope::Stream
        {
            self.title = Some(title.get().to_owned()).filter(|title| !title.is_empty());
        }
        if let Some(code) = tags.get::<gst::tags::LanguageCode>() {
            self.language = Language::new(code.get());
        }
    }

    /// What the track is called in a file, if anything is known of it.
    pub(crate) fn name(&self) -> Option<&str> {
        let title = || self.title.as_deref().map(shortened);
        self.role.map(Role::name).or_else(title)
    }
}

/// What a file is called, and when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heading {
    /// Empty if there is none.
    title: String,
    /// Nanoseconds since 1970.
    pub utc_ns: i64,
}

impl Heading {
    pub(crate) fn new(title: &str, utc_ns: i64) -> Self {
        let title = shortened(title).to_owned();
        Self { title, utc_ns }
    }

    pub(crate) fn title(&self) -> Option<&str> {
        Some(self.title.as_str()).filter(|title| !title.is_empty())
    }

    /// `2026-11-21 02:15:00.123` in UTC, as Matroska's tags have it.
    pub(crate) fn date(&self) -> Option<String> {
        let seconds = self.utc_ns.div_euclid(1_000_000_000);
        let ms = self.utc_ns.rem_euclid(1_000_000_000) / 1_000_000;
        let time = glib::DateTime::from_unix_utc(seconds).ok()?;
        Some(format!(
            "{}.{ms:03}",
            time.format("%Y-%m-%d %H:%M:%S").ok()?
        ))
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(tag: &str) -> Option<[&'static str; 3]> {
        gst::init().unwrap();
        let language = Language::new(tag)?;
        Some([
            language.bibliographic(),
            language.terminological(),
            language.bcp47(),
        ])
    }

    #[test]
    fn a_language_has_the_code_that_each_container_wants() {
        for tag in ["de", "deu", "ger", "DE", "de-AT", "de_CH"] {
            assert_eq!(codes(tag), Some(["ger", "deu", "de"]), "{tag}");
        }
        assert_eq!(codes("en-GB"), Some(["eng", "eng", "en"]));
    }

    #[test]
    fn what_names_no_language_is_none() {
        for tag in [
            "", "-", "x", "zz", "german", "d\u{e9}", "d\0e", "1-2", "\u{e9}",
        ] {
            assert_eq!(codes(tag), None, "{tag:?}");
        }
    }

    #[test]
    fn a_track_is_called_what_the_room_says_then_what_the_source_says() {
        let mut caption = Caption::default();
        assert_eq!(caption.name(), None);
        caption.title = Some("Left camera".into());
        assert_eq!(caption.name(), Some("Left camera"));
        for (word, name) in [
            ("video", "camera"),
            ("audio", "microphone"),
            ("screen", "screen"),
            ("screenaudio", "screen audio"),
        ] {
            caption.role = word.parse().ok();
            assert_eq!(caption.name(), Some(name));
        }
    }

    #[test]
    fn tags_of_a_stream_name_the_track_and_those_of_a_medium_do_not() {
        gst::init().unwrap();
        let tags = |scope, title: &str| {
            let mut tags = gst::TagList::new();
            let list = tags.get_mut().unwrap();
            list.set_scope(scope);
            list.add::<gst::tags::Title>(&title, gst::TagMergeMode::Replace);
            list.add::<gst::tags::LanguageCode>(&"fr", gst::TagMergeMode::Replace);
            tags
        };
        let mut caption = Caption::default();
        caption.note(&tags(gst::TagScope::Global, "A concert"));
        assert_eq!(
            (caption.name(), caption.language),
            (None, Language::new("fra"))
        );
        caption.note(&tags(gst::TagScope::Stream, "Left camera"));
        assert_eq!(caption.name(), Some("Left camera"));
    }

    #[test]
    fn a_long_name_is_cut_between_letters() {
        let heading = Heading::new(&"é".repeat(300), 0);
        assert_eq!(heading.title(), Some("é".repeat(127).as_str()));
        assert_eq!(Heading::new("", 0).title(), None);
    }

    #[test]
    fn a_date_is_in_utc_to_the_millisecond() {
        let heading = Heading::new("", 1_600_000_000_234_000_000);
        assert_eq!(heading.date().as_deref(), Some("2020-09-13 12:26:40.234"));
    }
}
