// SPDX-License-Identifier: MPL-2.0
//! The outcomes as a table, and what each further stream costs.

use std::fmt::Write;

use crate::case::Outcome;

/// Markdown.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| media | streams | recorder | CPU, ratio to webrtcbin | to the floor | CPU-ms per \
         stream-second | USS per added stream, MiB | threads | descriptors | join to first \
         keyframe, s | frames missing | machine busy |\n|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for outcome in outcomes {
        let same = |o: &&Outcome| o.media == outcome.media && o.streams == outcome.streams;
        let ratio = |recorder: &str| {
            let other = outcomes
                .iter()
                .filter(same)
                .find(|o| o.recorder == recorder);
            other.and_then(|other| outcome.cpu_ratio(other))
        };
        let [least, most] = outcome.cpu_ms_range();
        let added = |of: fn(&Outcome) -> f64| per_added_stream(outcomes, outcome, of);
        let number = |value: Option<f64>, places: usize| {
            value.map_or("".into(), |value| format!("{value:.places$}"))
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.1} ({:.1}–{:.1}) | {} | {} | {} | {} | {} of {} | {:.0} % |",
            outcome.media,
            outcome.streams,
            outcome.recorder,
            number(ratio("webrtcbin"), 2),
            number(ratio("floor"), 2),
            outcome.cpu_ms_per_stream_second,
            least,
            most,
            number(added(|o| o.usage.uss_kib as f64 / 1024.0), 2),
            number(added(|o| o.usage.threads as f64), 1),
            number(added(|o| o.usage.descriptors as f64), 1),
            number(outcome.join_s, 2),
            outcome.frames_missing,
            outcome.frames_recorded + outcome.frames_missing,
            outcome.load * 100.0,
        );
    }
    text
}

/// What each stream costs beyond those of the smallest measurement of the same recorder.
fn per_added_stream(
    outcomes: &[Outcome],
    outcome: &Outcome,
    of: fn(&Outcome) -> f64,
) -> Option<f64> {
    let same = outcomes
        .iter()
        .filter(|o| o.media == outcome.media && o.recorder == outcome.recorder);
    let least = same.min_by_key(|o| o.streams)?;
    let added = outcome
        .streams
        .checked_sub(least.streams)
        .filter(|added| *added > 0)?;
    Some((of(outcome) - of(least)) / added as f64)
}
