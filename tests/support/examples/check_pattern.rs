// SPDX-License-Identifier: MPL-2.0
//! Do these recordings of test publishers have every frame that was sent, at its time? `vdoroom check`
//! says whether a file is whole; this also reads the frame counters that test publishers show.
//!
//! ```sh
//! cargo run -p vdoroom-test-support --example check_pattern -- rec/*.ts rec/*.mkv
//! ```

use std::process::ExitCode;

use vdoroom_test_support::check;

fn main() -> ExitCode {
    let mut is_whole = true;
    for file in std::env::args().skip(1) {
        for problem in check::inspect(&file).problems() {
            println!("{file}: {problem}");
            is_whole = false;
        }
    }
    match is_whole {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
