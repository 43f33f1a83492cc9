// SPDX-License-Identifier: MPL-2.0
//! Names come from strangers.

use std::path::Path;

use proptest::prelude::*;

use super::super::writer::alternative;
use super::*;

fn name(location: &str, stream: &str, label: &str) -> String {
    let fields = Fields {
        room: "studio",
        stream,
        label,
        unix_seconds: 1_600_000_000,
        part: 3,
        extension: "ts",
    };
    let template = Template::parse(location).unwrap();
    template.expand(&fields).to_str().unwrap().to_owned()
}

#[test]
fn a_prefix_a_folder_and_a_template_give_names() {
    assert_eq!(name("rec", "alice", ""), "rec_alice_1600000000.ts");
    assert_eq!(name("a/b/", "alice", ""), "a/b/alice_1600000000.ts");
    assert_eq!(name("x/%l-%s-%n.%e", "s", "Al"), "x/Al-s-3.ts");
    assert_eq!(name("%d.%e", "s", ""), "2020-09-13_122640Z.ts");
    assert_eq!(name("100%%_%t", "s", ""), "100%_1600000000");
    assert_eq!(name("%r/%s.%e", "alice", ""), "studio/alice.ts");
}

#[test]
fn a_room_is_a_field_like_any_other_and_one_that_is_not_known_is_an_underscore() {
    let name = |room: &str| {
        let fields = Fields {
            room,
            stream: "alice",
            label: "",
            unix_seconds: 0,
            part: 1,
            extension: "ts",
        };
        let path = Template::parse("rec/%r/%s.%e").unwrap().expand(&fields);
        path.to_str().unwrap().to_owned()
    };
    assert_eq!(name("Room 1"), "rec/Room_1/alice.ts");
    assert_eq!(name("../../etc"), "rec/_._.._etc/alice.ts");
    assert_eq!(name(""), "rec/_/alice.ts");
    let long = name(&"r".repeat(300));
    assert!(long.len() < 120 && long.contains('~'), "{long}");
}

#[test]
fn a_wrong_template_is_refused() {
    assert!(matches!(
        Template::parse("a%x"),
        Err(NameError::UnknownField(_, 'x'))
    ));
    assert!(matches!(
        Template::parse("a%"),
        Err(NameError::DanglingPercent(_))
    ));
    assert_eq!(Template::parse(""), Err(NameError::Empty));
    for folder in ["%s/", "a/%s/%%b/"] {
        let refused = Err(NameError::NoName(folder.into()));
        assert_eq!(Template::parse(folder), refused);
    }
}

#[test]
fn hostile_fields_never_leave_the_folder() {
    let hostile = [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/../../b",
        "\0",
        "a\nb",
        "..\\..\\x",
        "-rf",
        ".hidden",
        "\u{202e}gpj.exe",
    ];
    for field in hostile {
        let path = name("folder/%s/%l.%e", field, field);
        let parts: Vec<_> = Path::new(&path).components().collect();
        assert_eq!(parts.len(), 3, "{field:?} became {path:?}");
        let plain = parts
            .iter()
            .all(|c| matches!(c, std::path::Component::Normal(_)));
        assert!(plain, "{field:?} became {path:?}");
        assert!(!path.contains(['\0', '\n', '\\']), "{path:?}");
    }
}

#[test]
fn readable_names_stay_readable_and_short() {
    assert_eq!(safe("Zoë 🎥", 90), "Zoë_🎥");
    assert_eq!(safe("con", 90), "_con");
    assert_eq!(safe("LPT1.txt", 90), "_LPT1.txt");
    let long = "🎥".repeat(300);
    assert!(safe(&long, MAX_FIELD_BYTES).len() <= MAX_FIELD_BYTES);
    let path = name("a/%s_%l_%s_%t.%e", &long, &long);
    assert!(path.len() <= "a/".len() + MAX_NAME_BYTES, "{path}");
    assert!(path.ends_with(".ts"), "{path}");
}

#[test]
fn the_manifest_lies_beside_the_files() {
    let manifest = |l: &str| Template::parse(l).unwrap().manifest(7);
    assert_eq!(manifest("rec"), Path::new("rec_7.manifest.jsonl"));
    assert_eq!(manifest("a/"), Path::new("a/recording_7.manifest.jsonl"));
    assert_eq!(
        manifest("a/%s/%n"),
        Path::new("a/recording_7.manifest.jsonl")
    );
    assert_eq!(
        manifest("foo%%/x_%t"),
        Path::new("foo%/recording_7.manifest.jsonl")
    );
}

#[test]
fn emoji_that_are_joined_stay_one_picture() {
    assert_eq!(safe("👩\u{200d}💻 Ada", 90), "👩\u{200d}💻_Ada");
    assert_eq!(safe("al\u{200d}ice", 90), "al_ice");
}

#[test]
fn long_fields_that_differ_late_stay_two() {
    let (a, b) = ("a".repeat(300), "a".repeat(299) + "b");
    assert_ne!(name("%s.%e", &a, ""), name("%s.%e", &b, ""));
}

#[test]
fn the_time_and_the_number_stay_however_long_the_fields_are() {
    let long = "🎥".repeat(300);
    let path = name("%s_%l_%s_%l_%d_%n.%e", &long, &long);
    assert!(path.ends_with("_2020-09-13_122640Z_3.ts"), "{path}");
}

#[test]
fn a_name_that_literal_and_field_make_together_is_checked() {
    assert_eq!(name("CO%s.%e", "N", ""), "_CON.ts");
    assert_eq!(name("%s./x", "a", ""), "a_/x");
    assert_eq!(name("./../%s.%e", "a", ""), "./../a.ts", "the user's own");
}

/// What strangers might call themselves.
fn field() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "..",
        ".",
        "/",
        "\\",
        "\0",
        "\n",
        "\t",
        " ",
        "-",
        "~",
        "%s",
        "%",
        "%e",
        ":",
        "con",
        "NUL",
        "Com1",
        "lpt²",
        "aux.txt",
        "CONIN$",
        ".ts",
        "_2",
        "🎥",
        "👩\u{200d}💻",
        "e\u{301}",
        "É",
        "\u{202e}",
        "\u{feff}",
        "<>:\"|?*",
        "Alice",
        "alice",
    ]);
    let nasty = prop::collection::vec(nasty, 0..12).prop_map(|parts| parts.concat());
    let long = (any::<char>(), 250..400_usize).prop_map(|(c, n)| c.to_string().repeat(n));
    prop_oneof![any::<String>(), nasty, long]
}

fn template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "%r", "%s", "%l", "%t", "%d", "%n", "%%", "_", "-", ".", "rec", "CO", "%s/", "%l/", "a/",
    ]);
    let template = prop::collection::vec(piece, 1..8).prop_map(|p| p.concat() + "%s.%e");
    prop_oneof![
        template,
        Just("rec".to_owned()),
        Just("rec/".to_owned()),
        Just("%l.%e".to_owned()),
        Just("%n".to_owned())
    ]
}

/// Why a file system would refuse this name or another program stumble over it, if so.
fn complaint(name: &str) -> Option<&'static str> {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|device| {
        let number = stem.strip_prefix(device).unwrap_or_default();
        number.chars().count() == 1 && "0123456789¹²³".contains(number)
    });
    let device = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str());
    let refused = |c: char| c.is_control() || "<>:\"/\\|?*".contains(c);
    match name {
        "" | "." | ".." => Some("no name"),
        _ if name.len() > 240 => Some("too long for a number behind it"),
        _ if name.chars().any(refused) => Some("a character that is refused"),
        _ if name.ends_with(['.', ' ']) => Some("ends in a dot or a space"),
        _ if numbered || device => Some("a device of Windows"),
        _ => None,
    }
}

proptest! {
    #[test]
    fn whatever_people_are_called_the_path_is_one_that_every_file_system_takes(
        template in template(),
        room in field(),
        stream in field(),
        label in field(),
        unix_seconds in any::<i64>(),
        part in any::<u32>(),
        n in 1..10_000_u32,
    ) {
        let literal = template.clone();
        let template = Template::parse(&template).unwrap();
        let fields = Fields { room: &room, stream: &stream, label: &label, unix_seconds, part, extension: "mkv" };
        let path = template.expand(&fields);
        // What the user wrote stands where it stood.
        let folders = literal.matches('/').count();
        prop_assert_eq!(path.to_str().unwrap().matches('/').count(), folders, "{:?}", path);
        let other = alternative(&path, n);
        prop_assert_eq!(other.parent(), path.parent());
        let own = names(&template.pieces);
        for (name, pieces) in path.to_str().unwrap().split('/').zip(own) {
            let is_field = |p: &Piece| matches!(p, Piece::Room | Piece::Stream | Piece::Label);
            if pieces.iter().any(is_field) {
                prop_assert_eq!(complaint(name), None, "{:?}", name);
            }
        }
        prop_assert!(other.file_name().unwrap().len() <= 255, "{:?}", other);
        if n > 1 {
            prop_assert_ne!(other, path);
        }
    }

    #[test]
    fn plain_names_stay_as_they_are(name in "[A-Za-z0-9À-ÿ一-龠🎥😀]{1,20}") {
        prop_assume!(!is_reserved(&name));
        prop_assert_eq!(safe(&name, MAX_FIELD_BYTES), name);
    }
}
