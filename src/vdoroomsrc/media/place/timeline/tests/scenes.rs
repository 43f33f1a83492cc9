// SPDX-License-Identifier: MPL-2.0
//! What people send, over networks as they are: see [`super::simulation`].

use super::simulation::{AUDIO, Placed, Reports, Scene, Stall, VIDEO, apart, uneven, worst_apart};

/// Milliseconds between audio and video of one capture.
const TOGETHER: f64 = 40.0;

fn assert_even(placed: &[Vec<Placed>; 2], what: &str) {
    for medium in placed {
        assert_eq!(uneven(medium), [], "{what}");
    }
}

fn assert_together(placed: &[Vec<Placed>; 2], from: f64, what: &str) {
    let worst = worst_apart(placed, from);
    assert!(
        worst < TOGETHER,
        "{what}: {worst:.0} ms: {:?}",
        first_apart(placed, from)
    );
}

fn first_apart(placed: &[Vec<Placed>; 2], from: f64) -> Option<(f64, f64)> {
    let mut apart = apart(placed, from).into_iter();
    apart.find(|(_, apart)| apart.abs() >= TOGETHER)
}

#[test]
fn what_was_queued_before_the_connection_opened_keeps_its_pace() {
    for opens in [200.0, 800.0, 2000.0, 5000.0] {
        for first_report in [100.0, 500.0, 900.0, 3000.0] {
            for begins_at in [0.0, 100.0, 60_000.0] {
                let what = format!("opens {opens}, report {first_report}, at {begins_at}");
                let scene = Scene {
                    opens,
                    first_report,
                    begins_at,
                    ..Scene::default()
                };
                let placed = scene.play();
                assert_eq!(uneven(&placed[AUDIO]), [], "{what}");
                let known = opens + first_report + 100.0;
                assert_together(&placed, known, &what);
                assert!(
                    placed.iter().flatten().all(|p| p.at > Some(-begins_at)),
                    "{what}"
                );
                if first_report < 700.0 {
                    assert_even(&placed, &what);
                    assert_together(&placed, 0.0, &what);
                }
                if begins_at > 1000.0 {
                    let last = placed[AUDIO].last().unwrap().offset().unwrap();
                    assert!((30.0..70.0).contains(&last), "{what}: {last}");
                }
            }
        }
    }
}

#[test]
fn a_way_that_becomes_longer_or_shorter_is_followed_slowly() {
    for (before, after) in [(30.0, 330.0), (330.0, 30.0), (30.0, 930.0)] {
        for jitter in [0.0, 50.0] {
            for reports in [true, false] {
                let what = format!("{before} → {after}, jitter {jitter}, {reports}");
                let placed = Scene {
                    way: Box::new(move |at| if at < 10_000.0 { before } else { after }),
                    jitter,
                    reports: Box::new(move |_, at| reports.then_some(at)),
                    ..Scene::default()
                }
                .play();
                assert_even(&placed, &what);
                assert_together(&placed, 0.0, &what);
            }
        }
    }
}

#[test]
fn jitter_moves_nothing() {
    for first_report in [100.0, 900.0] {
        let scene = Scene {
            jitter: 50.0,
            first_report,
            ..Scene::default()
        };
        let placed = scene.play();
        assert_even(&placed, "jitter");
        assert_together(&placed, 0.0, "jitter");
    }
}

#[test]
fn media_that_stalls_is_in_its_place_two_seconds_after() {
    for lasts in [600.0, 5000.0, 20_000.0] {
        for counts in [[true, false], [false, false], [true, true], [false, true]] {
            for who in [
                [0.0, -1.0],
                [-1.0, 0.0],
                [0.0, 0.0],
                [0.0, 2000.0],
                [2000.0, 0.0],
            ] {
                let stalls = [AUDIO, VIDEO].map(|medium| Stall {
                    medium,
                    at: 10_000.0 + who[medium],
                    lasts: if who[medium] < 0.0 { 0.0 } else { lasts },
                    counts_samples: counts[medium],
                });
                let over = stalls.iter().map(|s| s.at + s.lasts).fold(0.0, f64::max);
                let what = format!("{lasts} ms, counts {counts:?}, {who:?}");
                let placed = Scene {
                    lasts: over + 10_000.0,
                    stalls: stalls.to_vec(),
                    ..Scene::default()
                }
                .play();
                assert_together(&placed, over + 2000.0, &what);
                for (medium, placed) in placed.iter().enumerate() {
                    // The hole is where the stall was, or a little later. Whether all media has
                    // stalled for a moment, or the way, is for the next report to tell.
                    let is_unclear = lasts < 1000.0 && counts == [true; 2] && who == [0.0; 2];
                    let until = over + if is_unclear { 6000.0 } else { 2000.0 };
                    let uneven = uneven(placed);
                    let hole = |(at, _): &(f64, f64)| (10_000.0..until).contains(at);
                    assert!(uneven.iter().all(hole), "{what}, {medium}: {uneven:?}");
                }
            }
        }
    }
}

#[test]
fn rtp_time_that_leaps_moves_nothing() {
    for jitter in [0.0, 20.0] {
        for by in [1_000_000_000, 3_000_000_000, 200_000, u32::MAX - 200_000] {
            let scene = Scene {
                leaps: vec![(AUDIO, 9_000.0, by), (VIDEO, 14_000.0, by)],
                jitter,
                ..Scene::default()
            };
            let placed = scene.play();
            assert_together(&placed, 0.0, &format!("{by}, {jitter}"));
            for medium in &placed {
                let uneven = uneven(medium);
                assert!(
                    uneven.iter().all(|(_, by)| by.abs() <= jitter),
                    "{by}: {uneven:?}"
                );
            }
        }
    }
}

#[test]
fn reports_that_are_wrong_at_first_or_stale_move_no_audio() {
    let clock = |wrong: f64, until: f64| -> Reports {
        Box::new(move |medium, at| {
            let by = if medium == VIDEO && at < until {
                wrong
            } else {
                0.0
            };
            Some(at + by)
        })
    };
    for wrong in [-900.0, -300.0, 300.0, 900.0, 100_000.0] {
        let placed = Scene {
            reports: clock(wrong, 3000.0),
            report_interval: 2000.0,
            ..Scene::default()
        }
        .play();
        assert_eq!(uneven(&placed[AUDIO]), [], "{wrong}");
        assert_together(&placed, 12_000.0, &format!("{wrong}"));
    }
    // The pair of the first report again and again.
    let stale = Scene {
        report_interval: 100_000.0,
        ..Scene::default()
    }
    .play();
    assert_even(&stale, "stale");
    assert_together(&stale, 0.0, "stale");
}

#[test]
fn a_machine_that_sleeps_goes_on_where_it_is_then() {
    for lasts in [5000.0, 60_000.0] {
        for counts_samples in [true, false] {
            // Its clock shows what it is.
            let stalls = [AUDIO, VIDEO].map(|medium| Stall {
                medium,
                at: 10_000.0,
                lasts,
                counts_samples,
            });
            let placed = Scene {
                lasts: 30_000.0 + lasts,
                stalls: stalls.to_vec(),
                ..Scene::default()
            }
            .play();
            let over = 12_000.0 + lasts;
            assert_together(&placed, over, "slept");
            let last = placed[AUDIO].last().unwrap().offset().unwrap();
            assert!((0.0..100.0).contains(&last), "{last}");
        }
    }
}

#[test]
fn an_old_keyframe_is_left_out_and_moves_nothing() {
    for age in [1500.0, 4000.0, 8000.0] {
        for first_report in [50.0, 500.0, 3000.0] {
            let placed = Scene {
                again: vec![(0.0, age), (10_000.0, age), (20_000.0, age)],
                first_report,
                ..Scene::default()
            }
            .play();
            let out = placed[VIDEO].iter().filter(|frame| frame.at.is_none());
            let ages: Vec<_> = out.map(|frame| frame.captured).collect();
            assert_eq!(
                ages,
                [-age, 10_000.0 - age, 20_000.0 - age],
                "{first_report}"
            );
            let shown = |frame: &&Placed| frame.at.is_some();
            let video: Vec<_> = placed[VIDEO].iter().filter(shown).copied().collect();
            let placed = [placed[AUDIO].clone(), video];
            assert_eq!(uneven(&placed[AUDIO]), [], "{age}");
            assert_together(&placed, first_report + 100.0, "again");
        }
    }
}

/// Each report is hours away from the one before, and they come at any moment between packets.
#[test]
fn reports_that_are_hours_apart_move_nothing_and_lose_nothing() {
    const HOUR: f64 = 3_600_000.0;
    for (first_report, report_interval) in [
        (15.0, 500.0),
        (100.0, 700.0),
        (900.0, 1000.0),
        (1500.0, 3003.0),
    ] {
        for held in [
            [0.0, 0.0],
            [7.0, 7.0],
            [200.0, 200.0],
            [0.0, 1500.0],
            [1500.0, 0.0],
        ] {
            for order in [[1, 3], [3, 1], [0, 6], [6, 0], [5, 5]] {
                let what =
                    format!("{first_report} + n * {report_interval}, held {held:?}, {order:?}");
                let hours = move |medium: usize, at: f64| {
                    let n = (at / report_interval) as usize;
                    ((n + 1) * order[medium] % 7) as f64
                };
                let placed = Scene {
                    held,
                    first_report,
                    report_interval,
                    reports: Box::new(move |medium, at| Some(at + hours(medium, at) * HOUR)),
                    ..Scene::default()
                }
                .play();
                for frame in placed.iter().flatten() {
                    let offset = frame.offset().unwrap();
                    assert!((0.0..200.0).contains(&offset), "{what}: {frame:?}");
                }
                assert_even(&placed, &what);
            }
        }
    }
}
