// SPDX-License-Identifier: MPL-2.0
//! Ten minutes with clocks that are wrong by as much as a bad crystal is.

use std::time::Duration;

use vdoroom_testkit::check::layout::{Part, apart, closed_parts, start_and_end};
use vdoroom_testkit::publisher::{PublisherBuilder, Timeline};
use vdoroom_testkit::{Codec, Dialect, Folder, Launch, Publisher, RoomServer};

const DEADLINE: Duration = Duration::from_secs(30);
const PPM: u32 = 200;
const RATE: u32 = 15;
const MINUTES: u64 = 10;
/// Milliseconds between flash and beep of one person, and between two people.
const TOGETHER: f64 = 40.0;
const SAME_INSTANT: f64 = 50.0;

#[test]
fn audio_and_video_stay_together_for_ten_minutes() {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let line = format!(
        "-e -m vdoroomsrc server={} room=r : roomfilesink location=rec",
        server.url()
    );
    let mut launch = Launch::start(&folder.0, &line);
    let guest = |name: &str| {
        Publisher::builder(server.url(), "r", name)
            .codec(Codec::Vp8)
            .frame_rate(RATE)
    };
    let late = Duration::from_millis(200);
    let start = |guest: PublisherBuilder| guest.start().unwrap();
    let timeline = Timeline::now();
    let people = [
        start(guest("fast").timeline(&Timeline::fast(PPM))),
        start(guest("fast-card").fast_sound_card(PPM)),
        start(
            guest("fast-and-late")
                .timeline(&Timeline::fast(PPM))
                .audio_delay(late),
        ),
        start(guest("first").timeline(&timeline)),
    ];
    let first = &people[3];
    launch.wait_for_line("roomfilesink-part-opened", DEADLINE);
    let minutes = |n: u64| u64::from(RATE) * 60 * n;
    let patience = |n: u64| Duration::from_secs(60 * n) + DEADLINE;
    first.wait_for_frames(minutes(1), patience(1)).unwrap();
    let second = start(guest("second").codec(Codec::H264).timeline(&timeline));
    let rest = MINUTES - 1;
    first
        .wait_for_frames(minutes(rest), patience(rest))
        .unwrap();
    launch.signal("INT");
    let (status, printed) = launch.wait(DEADLINE);
    assert!(status.success(), "{printed}");
    drop(second);
    let parts = closed_parts(&folder);
    for part in &parts {
        assert_together(part);
    }
    assert_same_instants(&parts, "first", "second");
}

fn assert_together(part: &Part) {
    let (name, offsets) = (part.stream(), &part.report.flash_beep_offsets);
    let [start, end] = part.beep_after_flash();
    let worst = part.report.worst_flash_beep_offset().unwrap();
    let count = offsets.len();
    println!(
        "{name}: beep after flash {start:.1} ms at the start, {end:.1} ms at the end; \
         worst of {count} {worst:.1} ms"
    );
    assert_eq!(part.problem(), None);
    assert!(
        start.abs() < TOGETHER,
        "{name}, at the start: {offsets:.1?}"
    );
    assert!(end.abs() < TOGETHER, "{name}, at the end: {offsets:.1?}");
}

fn assert_same_instants(parts: &[Part], one: &str, other: &str) {
    let of = |name: &str| parts.iter().find(|part| part.stream() == name).unwrap();
    let flashes = apart(&of(one).flashes(), &of(other).flashes());
    let beeps = apart(&of(one).beeps(), &of(other).beeps());
    for (what, apart) in [("flashes", flashes), ("beeps", beeps)] {
        let [start, end] = start_and_end(&apart);
        let count = apart.len();
        println!("{count} {what}: {other} {start:.1} to {end:.1} ms after {one}");
        assert!(
            start.abs() < SAME_INSTANT,
            "{what}, at the start: {apart:.1?}"
        );
        assert!(end.abs() < SAME_INSTANT, "{what}, at the end: {apart:.1?}");
    }
}
